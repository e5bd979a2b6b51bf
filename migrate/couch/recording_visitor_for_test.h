#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "migrate/couch/document_visitor.h"

namespace tarn::migrate {

// Keeps everything it is handed, and checks that calls come in an order that DocumentVisitor allows.
class RecordingVisitor final : public DocumentVisitor {
 public:
  struct Document {
    DocumentEnd end;
    std::map<std::string, std::string> attachments;  // Bytes as handed over.
    std::map<std::string, AttachmentHead> heads;
    bool operator==(const Document& other) const {
      return end.id == other.end.id && end.rev == other.end.rev && end.is_deleted == other.end.is_deleted &&
             end.body == other.end.body && end.conflicts == other.end.conflicts && end.stubs == other.end.stubs &&
             end.other_leaves == other.end.other_leaves && attachments == other.attachments;
    }
  };

  std::vector<Document> documents;
  std::vector<SourceFinding> findings;
  int abandoned_documents = 0;
  int abandoned_attachments = 0;
  std::vector<std::string> broken_rules;

  Status BeginDocument(std::string_view) override {
    Expect(!in_document_ && !in_attachment_, "a document within another");
    in_document_ = true;
    current_ = Document();
    return OkStatus();
  }
  Status BeginAttachment(const AttachmentHead& head) override {
    Expect(in_document_ && !in_attachment_, "an attachment in the wrong place");
    in_attachment_ = true;
    name_ = head.name;
    bytes_.clear();
    return OkStatus();
  }
  Status AppendAttachment(std::string_view bytes) override {
    Expect(in_attachment_, "bytes of no attachment");
    bytes_ += bytes;
    return OkStatus();
  }
  Status EndAttachment(const AttachmentHead& head) override {
    Expect(in_attachment_ && head.name == name_, "the end of another attachment");
    in_attachment_ = false;
    current_.attachments[name_] = std::move(bytes_);
    current_.heads[name_] = head;
    return OkStatus();
  }
  Status AbandonAttachment() override {
    Expect(in_attachment_, "abandons no attachment");
    in_attachment_ = false;
    ++abandoned_attachments;
    return OkStatus();
  }
  Status ConflictingBody(std::string_view, std::string_view) override { return OkStatus(); }
  Status EndDocument(DocumentEnd document) override {
    Expect(in_document_ && !in_attachment_, "the end of no document");
    in_document_ = false;
    current_.end = std::move(document);
    documents.push_back(std::move(current_));
    return OkStatus();
  }
  Status AbandonDocument() override {
    Expect(in_document_ && !in_attachment_, "abandons no document");
    in_document_ = false;
    ++abandoned_documents;
    return OkStatus();
  }
  Status Finding(SourceFinding finding) override {
    findings.push_back(std::move(finding));
    return OkStatus();
  }
  void Progress(uint64_t, std::optional<uint64_t>) override {}
  bool WantsDocument(std::string_view id, std::string_view) override { return id != unwanted; }

  std::string unwanted;

 private:
  void Expect(bool is_so, const char* rule) {
    if (!is_so) broken_rules.push_back(rule);
  }

  bool in_document_ = false;
  bool in_attachment_ = false;
  Document current_;
  std::string name_;
  std::string bytes_;
};

}  // namespace tarn::migrate
