#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "migrate/couch/document_visitor.h"

namespace tarn::migrate {

// Passes everything on, and adds to a document what its losing live revisions hold, which a live source does not send by
// itself.
// Threads: as what it passes to.
class ConflictReader final : public DocumentVisitor {
 public:
  // The JSON of one revision; kNotFound when the source does not have it any more.
  using Fetch = std::function<Result<std::string>(const std::string& id, const std::string& rev)>;
  ConflictReader(DocumentVisitor* visitor, Fetch fetch) : visitor_(visitor), fetch_(std::move(fetch)) {}

  Status BeginDocument(std::string_view id) override { return visitor_->BeginDocument(id); }
  Status BeginAttachment(const AttachmentHead& head) override { return visitor_->BeginAttachment(head); }
  Status AppendAttachment(std::string_view bytes) override { return visitor_->AppendAttachment(bytes); }
  Result<bool> HasSha1(const AttachmentHead& head) override { return visitor_->HasSha1(head); }
  Status EndAttachment(const AttachmentHead& head) override { return visitor_->EndAttachment(head); }
  Status AbandonAttachment() override { return visitor_->AbandonAttachment(); }
  Status ConflictingBody(std::string_view rev, std::string_view body) override {
    return visitor_->ConflictingBody(rev, body);
  }
  Status EndDocument(DocumentEnd document) override;
  Status AbandonDocument() override { return visitor_->AbandonDocument(); }
  Status Finding(SourceFinding finding) override { return visitor_->Finding(std::move(finding)); }
  void Progress(uint64_t bytes_done, std::optional<uint64_t> bytes_total) override {
    visitor_->Progress(bytes_done, bytes_total);
  }
  bool WantsDocument(std::string_view id, std::string_view rev) override { return visitor_->WantsDocument(id, rev); }

 private:
  DocumentVisitor* const visitor_;
  const Fetch fetch_;
};

}  // namespace tarn::migrate
