#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn {

// A .tgz as `npm pack` makes one: the files, in order, with their paths as given. The same input gives the same bytes.
std::string MakeTarball(const std::vector<std::pair<std::string, std::string>>& files);

// The body of an `npm publish`, and everything that can be wrong with one.
struct PublishBuilder {
  std::string name = "left";
  std::string version = "1.0.0";
  std::string dist_tag = "latest";
  std::string access;                              // Empty: not mentioned.
  std::string manifest_members;                    // More of the manifest, as JSON members without a comma around them.
  std::string contents = "module.exports = 1;\n";  // Of index.js: other contents, another tarball.
  std::vector<std::pair<std::string, std::string>> more_files;

  // To spoil one part and leave the others as they should be.
  std::optional<std::string> document_name, document_id, manifest_name, manifest_version, inner_name, inner_version;
  std::optional<std::string> attachment_name, integrity, shasum, dist_tags_json, attachments_json;
  std::optional<std::string> top_level_members;  // More of the document, as above.
  std::optional<std::string> bundle_text;        // A sigstore bundle beside the tarball.

  // A bundle that says what is being published; `sha512` or `subject` in place of the right ones. Signed by nobody.
  std::string Provenance(std::optional<std::string> subject = std::nullopt,
                         std::optional<std::string> sha512 = std::nullopt,
                         const std::string& predicate_type = "https://slsa.dev/provenance/v1") const;
  std::string Tarball() const;
  std::string Manifest() const;
  std::string Body() const;
};

}  // namespace tarn
