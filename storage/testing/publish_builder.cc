#include "storage/testing/publish_builder.h"

#include <cstdio>
#include <cstring>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/base/digest.h"
#include "storage/base/logging.h"
#include "storage/testing/gzip.h"

namespace tarn {
namespace {

constexpr size_t kTarBlock = 512;

// One ustar entry: header block and padded contents.
void AppendTarEntry(std::string* out, const std::string& path, const std::string& contents) {
  CHECK(path.size() < 100);
  std::string header(kTarBlock, '\0');
  const auto put = [&](size_t offset, std::string_view text) { header.replace(offset, text.size(), text); };
  char octal[16];
  put(0, path);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  std::snprintf(octal, sizeof(octal), "%011zo", contents.size());
  put(124, octal);
  put(136, "03560116604");  // 26 October 1985, as npm pack writes.
  put(148, "        ");
  header[156] = '0';
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  std::snprintf(octal, sizeof(octal), "%06o", sum);
  put(148, std::string_view(octal, 7));
  out->append(header).append(contents);
  out->append((kTarBlock - contents.size() % kTarBlock) % kTarBlock, '\0');
}

}  // namespace

std::string MakeTarball(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string tar;
  for (const auto& [path, contents] : files) AppendTarEntry(&tar, path, contents);
  tar.append(2 * kTarBlock, '\0');
  return Gzip(tar);
}

std::string PublishBuilder::Tarball() const {
  std::vector<std::pair<std::string, std::string>> files = {
      {"package/package.json", "{\"name\":" + JsonString(inner_name.value_or(name)) +
                                   ",\"version\":" + JsonString(inner_version.value_or(version)) + "}"},
      {"package/index.js", contents}};
  files.insert(files.end(), more_files.begin(), more_files.end());
  return MakeTarball(files);
}

std::string PublishBuilder::Provenance(std::optional<std::string> subject, std::optional<std::string> sha512,
                                       const std::string& predicate_type) const {
  const std::string url = "pkg:npm/" + (name.starts_with('@') ? "%40" + name.substr(1) : name) + "@" + version;
  const std::string statement =
      "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":" + JsonString(subject.value_or(url)) +
      ",\"digest\":{\"sha512\":" + JsonString(sha512.value_or(HexEncode(Sha512(Tarball()).view()))) +
      "}}],\"predicateType\":" + JsonString(predicate_type) + ",\"predicate\":{}}";
  return "{ \"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"verificationMaterial\":{},"
         "\"dsseEnvelope\":{\"payload\":\"" +
         Base64Encode(statement) +
         "\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{\"sig\":\"MEUC\"}]}}";
}

std::string PublishBuilder::Manifest() const {
  const std::string tarball = Tarball();
  const std::string default_integrity = "sha512-" + Base64Encode(Sha512(tarball).view());
  return "{\"name\":" + JsonString(manifest_name.value_or(name)) +
         ",\"version\":" + JsonString(manifest_version.value_or(version)) +
         (manifest_members.empty() ? "" : "," + manifest_members) +
         ",\"dist\":{\"integrity\":" + JsonString(integrity.value_or(default_integrity)) +
         ",\"shasum\":" + JsonString(shasum.value_or(HexEncode(Sha1(tarball).view()))) +
         ",\"tarball\":\"http://elsewhere.example/x.tgz\"}}";
}

std::string PublishBuilder::Body() const {
  const std::string tarball = Tarball();
  const std::string default_attachment = name + "-" + version + ".tgz";
  std::string attachments = JsonString(attachment_name.value_or(default_attachment)) +
                            ":{\"content_type\":\"application/octet-stream\",\"data\":\"" + Base64Encode(tarball) +
                            "\",\"length\":" + std::to_string(tarball.size()) + "}";
  if (bundle_text) {
    attachments +=
        "," + JsonString(name + "-" + version + ".sigstore") +
        ":{\"content_type\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",\"data\":" + JsonString(*bundle_text) +
        ",\"length\":" + std::to_string(bundle_text->size()) + "}";
  }
  const std::string dist_tags = "{" + JsonString(dist_tag) + ":" + JsonString(version) + "}";
  return "{\"_id\":" + JsonString(document_id.value_or(name)) +
         ",\"name\":" + JsonString(document_name.value_or(name)) +
         ",\"dist-tags\":" + dist_tags_json.value_or(dist_tags) + ",\"versions\":{" + JsonString(version) + ":" +
         Manifest() + "}" + (access.empty() ? "" : ",\"access\":" + JsonString(access)) +
         (top_level_members ? "," + *top_level_members : "") +
         ",\"_attachments\":" + attachments_json.value_or("{" + attachments + "}") + "}";
}

}  // namespace tarn
