#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "migrate/couch/document_visitor.h"
#include "storage/base/check.h"

namespace tarn::couch_file {

// Keeps what it is told, and checks that the calls come in the order that the visitor's header promises.
class Recorder : public migrate::DocumentVisitor {
 public:
  struct Document {
    migrate::DocumentEnd end;
    std::map<std::string, std::string> attachments;
    std::map<std::string, migrate::AttachmentHead> heads;
    std::vector<std::pair<std::string, std::string>> conflicting;
    std::vector<std::string> abandoned;
  };
  std::vector<Document> documents;
  std::vector<migrate::SourceFinding> findings;
  std::vector<std::string> abandoned;  // Ids.
  bool has_every_sha1 = false;         // What HasSha1 answers.

  const Document* Find(std::string_view id) const {
    for (const Document& document : documents) {
      if (document.end.id == id) return &document;
    }
    return nullptr;
  }
  size_t Errors() const {
    size_t count = 0;
    for (const auto& finding : findings) count += finding.severity == migrate::SourceFinding::Severity::kError;
    return count;
  }
  bool HasFinding(std::string_view text) const {
    for (const auto& finding : findings) {
      if (finding.what.find(text) != std::string::npos || finding.where.find(text) != std::string::npos) return true;
    }
    return false;
  }

  Status BeginDocument(std::string_view id) override {
    CHECK(!in_document_);
    in_document_ = true;
    current_ = Document();
    id_ = id;
    return Step();
  }
  Status BeginAttachment(const migrate::AttachmentHead& head) override {
    CHECK(in_document_ && !in_attachment_);
    in_attachment_ = true;
    name_ = head.name;
    bytes_.clear();
    return Step();
  }
  Result<bool> HasSha1(const migrate::AttachmentHead& head) override {
    CHECK(in_attachment_ && head.name == name_);
    return has_every_sha1;
  }
  Status AppendAttachment(std::string_view bytes) override {
    CHECK(in_attachment_ && !bytes.empty());
    bytes_ += bytes;
    return Step();
  }
  Status EndAttachment(const migrate::AttachmentHead& head) override {
    CHECK(in_attachment_ && head.name == name_);
    in_attachment_ = false;
    current_.attachments[name_] = std::move(bytes_);
    current_.heads[name_] = head;
    bytes_.clear();
    return Step();
  }
  Status AbandonAttachment() override {
    CHECK(in_attachment_);
    in_attachment_ = false;
    current_.abandoned.push_back(name_);
    return Step();
  }
  Status ConflictingBody(std::string_view rev, std::string_view body) override {
    CHECK(in_document_ && !in_attachment_);
    current_.conflicting.emplace_back(rev, body);
    return Step();
  }
  Status EndDocument(migrate::DocumentEnd document) override {
    CHECK(in_document_ && !in_attachment_ && document.id == id_);
    in_document_ = false;
    current_.end = std::move(document);
    documents.push_back(std::move(current_));
    return Step();
  }
  Status AbandonDocument() override {
    CHECK(in_document_ && !in_attachment_);
    in_document_ = false;
    abandoned.push_back(id_);
    return Step();
  }
  Status Finding(migrate::SourceFinding finding) override {
    findings.push_back(std::move(finding));
    return Step();
  }
  void Progress(uint64_t bytes_done, std::optional<uint64_t> bytes_total) override {
    CHECK(bytes_total.has_value() && bytes_done <= *bytes_total);
  }
  bool WantsDocument(std::string_view id, std::string_view) override { return id != unwanted; }

  std::string unwanted;
  // The call with this number, from 1 on, answers kCancelled; no other may come after it.
  size_t fail_at = 0;
  size_t calls = 0;

 private:
  Status Step() {
    CHECK(fail_at == 0 || calls < fail_at);
    ++calls;
    return calls == fail_at ? Cancelled("as told") : OkStatus();
  }

  bool in_document_ = false;
  bool in_attachment_ = false;
  std::string id_;
  std::string name_;
  std::string bytes_;
  Document current_;
};

}  // namespace tarn::couch_file
