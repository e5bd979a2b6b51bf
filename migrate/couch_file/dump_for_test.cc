// Prints what a database holds, for fixtures_test.py: one JSON object per line and document, then one per finding.
//
//   couch_file_dump PATH [DATABASE]             everything in a file or folder
//   couch_file_dump --document ID FILE          one document, by going down the tree
//   couch_file_dump --security FILE             the security object
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch_file/database_file.h"
#include "migrate/couch_file/database_folder.h"
#include "storage/base/bytes.h"
#include "storage/base/digest.h"

namespace tarn::couch_file {
namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

std::string Quoted(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + Quoted(text);
  return out + "]";
}

class Printer final : public migrate::DocumentVisitor {
 public:
  Status BeginDocument(std::string_view) override {
    attachments_.clear();
    bodies_.clear();
    return OkStatus();
  }
  Status BeginAttachment(const migrate::AttachmentHead&) override {
    hasher_ = BlobHasher();
    bytes_ = 0;
    return OkStatus();
  }
  Status AppendAttachment(std::string_view bytes) override {
    hasher_.Update(bytes);
    bytes_ += bytes.size();
    return OkStatus();
  }
  Status EndAttachment(const migrate::AttachmentHead& head) override {
    const BlobHasher::Digests digests = hasher_.Finish();
    attachments_ += (attachments_.empty() ? "" : ",") + Quoted(head.name) +
                    ":{\"content_type\":" + Quoted(head.content_type) +
                    ",\"length\":" + std::to_string(head.length.value_or(0)) + ",\"bytes\":" + std::to_string(bytes_) +
                    ",\"digest\":" + Quoted(head.digest) + ",\"sha1\":" + Quoted(HexEncode(digests.sha1.view())) +
                    ",\"sha512\":" + Quoted("sha512-" + Base64Encode(digests.sha512.view())) + "}";
    return OkStatus();
  }
  Status AbandonAttachment() override { return OkStatus(); }
  Status ConflictingBody(std::string_view rev, std::string_view body) override {
    bodies_ += (bodies_.empty() ? "" : ",") + Quoted(rev) + ":" + std::string(body);
    return OkStatus();
  }
  Status EndDocument(migrate::DocumentEnd document) override {
    Print("{\"id\":" + Quoted(document.id) + ",\"rev\":" + Quoted(document.rev) +
          ",\"deleted\":" + (document.is_deleted ? "true" : "false") + ",\"conflicts\":" + Quoted(document.conflicts) +
          ",\"deleted_conflicts\":" + Quoted(document.deleted_conflicts) + ",\"stubs\":" + Quoted(document.stubs) +
          ",\"attachments\":{" + attachments_ + "},\"conflicting_bodies\":{" + bodies_ +
          "},\"body\":" + (document.body.empty() ? "null" : document.body) + "}");
    return OkStatus();
  }
  Status AbandonDocument() override { return OkStatus(); }
  Status Finding(migrate::SourceFinding finding) override {
    Print("{\"where\":" + Quoted(finding.where) + ",\"finding\":" + Quoted(finding.what) +
          ",\"severity\":" + std::to_string(static_cast<int>(finding.severity)) + "}");
    return OkStatus();
  }
  void Progress(uint64_t, std::optional<uint64_t>) override {}
  bool WantsDocument(std::string_view, std::string_view) override { return true; }

 private:
  static void Print(const std::string& line) { std::printf("%s\n", line.c_str()); }

  std::string attachments_;
  std::string bodies_;
  BlobHasher hasher_;
  uint64_t bytes_ = 0;
};

Status Run(const std::vector<std::string>& arguments) {
  Printer printer;
  if (arguments.size() == 3 && arguments[0] == "--document") {
    ASSIGN_OR_RETURN(const auto file, DatabaseFile::Open(arguments[2]));
    return file->ReadDocument(arguments[1], {}, &printer);
  }
  if (arguments.size() == 2 && arguments[0] == "--security") {
    ASSIGN_OR_RETURN(const auto file, DatabaseFile::Open(arguments[1]));
    ASSIGN_OR_RETURN(const std::string security, file->ReadSecurity());
    std::printf("%s\n", security.c_str());
    return OkStatus();
  }
  if (arguments.empty() || arguments.size() > 2) return InvalidArgument("usage: see the file's head");
  ASSIGN_OR_RETURN(const DatabaseFiles files, FindDatabase(arguments[0], arguments.size() > 1 ? arguments[1] : ""));
  return ReadDatabase(files, AttachmentForm::kIdentity, &printer);
}

}  // namespace
}  // namespace tarn::couch_file

int main(int argc, char** argv) {
  const tarn::Status status = tarn::couch_file::Run({argv + 1, argv + argc});
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
