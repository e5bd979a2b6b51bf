#include "migrate/couch/document_scanner.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace tarn::migrate {
namespace {

// Base64 decoded at a time: its bytes stay in the cache until they are hashed.
constexpr size_t kDecodeStepBytes = 64 * limits::kKiB;
constexpr size_t kTextBytesMax = 4 * limits::kKiB;  // Of a revision, digest or content type; longer is cut.

std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

void DocumentScanner::Reset(LeafScope scope, std::string id, std::string rev) {
  end_ = DocumentEnd();
  end_.scope = scope;
  end_.id = std::move(id);
  end_.rev = std::move(rev);
  follows_.clear();
  shasums_.Clear();
  is_complete_ = is_begun_ = has_failed_ = is_too_large_ = false;
  is_wanted_.reset();
  capture_from_.reset();
  key_from_.reset();
  key_begin_.clear();
  depth_ = 0;
  attachment_count_ = 0;
  data_ = Data::kNone;
  text_kind_ = Text::kNone;
  revisions_start_.clear();
  revisions_first_.clear();
}

void DocumentScanner::StartPiece(std::string_view piece, uint64_t offset) {
  piece_ = piece;
  piece_offset_ = offset;
}

void DocumentScanner::EndPiece() {
  const uint64_t end = piece_offset_ + piece_.size();
  if (capture_from_) CaptureUpTo(end);
  if (!key_from_) return;
  key_begin_ += piece_.substr(*key_from_ > piece_offset_ ? *key_from_ - piece_offset_ : 0);
  key_begin_.erase(0, key_begin_.find('"'));  // Space and a comma before it; all of it when no key has begun.
  key_from_ = end;
}

// A key's end is told when it is there, and its beginning may have passed.
void DocumentScanner::BeginCapture(uint64_t key_offset) {
  if (!end_.body.empty()) end_.body += ',';
  if (key_offset < piece_offset_) end_.body += key_begin_;
  capture_from_ = std::max(key_offset, piece_offset_);
}

void DocumentScanner::CaptureUpTo(uint64_t offset) {
  if (offset <= *capture_from_) return;
  if (!has_failed_ && !is_too_large_) {
    end_.body.append(piece_.substr(*capture_from_ - piece_offset_, offset - *capture_from_));
    is_too_large_ = end_.body.size() > limits::kImportDocumentBytesMax;
    if (is_too_large_) end_.body = std::string();
  }
  capture_from_ = offset;
}

Status DocumentScanner::Fail(std::string what) {
  if (has_failed_) return OkStatus();
  has_failed_ = true;
  end_.body.clear();
  end_.body.shrink_to_fit();
  RETURN_IF_ERROR(AbandonData(what));
  return visitor_->Finding({end_.id, std::move(what), SourceFinding::Severity::kError});
}

bool DocumentScanner::IsWanted() {
  if (!is_wanted_) is_wanted_ = end_.id.empty() || visitor_->WantsDocument(end_.id, end_.rev);
  return *is_wanted_;
}

std::vector<AttachmentHead> DocumentScanner::TakeFollows() {
  for (AttachmentHead& head : follows_) head.sha1 = shasums_.Find(end_.body, head.name);
  return std::exchange(follows_, {});
}

Status DocumentScanner::Begin() {
  return std::exchange(is_begun_, true) ? OkStatus() : visitor_->BeginDocument(end_.id);
}

Status DocumentScanner::End(bool is_deleted, std::vector<std::string> other_leaves) {
  if (is_too_large_) {
    RETURN_IF_ERROR(Fail("larger than " + std::to_string(limits::kImportDocumentBytesMax) +
                         " bytes without its attachments: not imported"));
  }
  if (has_failed_) return is_begun_ ? visitor_->AbandonDocument() : OkStatus();
  if (is_wanted_ && !*is_wanted_) return OkStatus();
  if (end_.rev.empty() && !revisions_start_.empty()) end_.rev = revisions_start_ + "-" + revisions_first_;
  end_.is_deleted |= is_deleted;
  std::erase_if(other_leaves, [&](const std::string& rev) {
    const auto is_in = [&](const std::vector<std::string>& known) {
      return std::find(known.begin(), known.end(), rev) != known.end();
    };
    return rev == end_.rev || is_in(end_.conflicts) || is_in(end_.deleted_conflicts);
  });
  end_.other_leaves = std::move(other_leaves);
  end_.body = end_.body.empty() ? std::string() : "{" + end_.body + "}";
  RETURN_IF_ERROR(Begin());
  return visitor_->EndDocument(std::move(end_));
}

Status DocumentScanner::Abandon() {
  // Whatever pieces still come are of something else.
  capture_from_.reset();
  key_from_.reset();
  key_begin_.clear();
  RETURN_IF_ERROR(AbandonData("the source ends within it"));
  return is_begun_ ? visitor_->AbandonDocument() : OkStatus();
}

Status DocumentScanner::Open(uint64_t offset) {
  ++depth_;
  if (depth_ == kTopDepth) key_from_ = offset + 1;
  if (depth_ > limits::kImportDepthMax) {
    return Fail("nested deeper than " + std::to_string(limits::kImportDepthMax) + " levels: not imported");
  }
  if (depth_ == kAttachmentDepth && member_ == Member::kAttachments) {
    is_stub_ = is_following_ = false;
    data_ = Data::kNone;
    data_bytes_ = 0;
    part_ = Part::kOther;
  }
  return OkStatus();
}

Status DocumentScanner::Close(uint64_t offset) {
  --depth_;
  if (depth_ == 0) {
    key_from_.reset();
    is_complete_ = true;
    return OkStatus();
  }
  if (depth_ == kListDepth && member_ == Member::kAttachments) RETURN_IF_ERROR(EndAttachment());
  if (depth_ == kTopDepth) EndMember(offset + 1);
  return OkStatus();
}

void DocumentScanner::EndMember(uint64_t end_offset) {
  if (capture_from_) CaptureUpTo(end_offset);
  capture_from_.reset();
  key_from_ = end_offset;
}

Status DocumentScanner::OnBeginObject(uint64_t offset) { return Open(offset); }
Status DocumentScanner::OnEndObject(uint64_t offset) { return Close(offset); }
Status DocumentScanner::OnBeginArray(uint64_t offset) { return Open(offset); }
Status DocumentScanner::OnEndArray(uint64_t offset) { return Close(offset); }

Status DocumentScanner::OnKey(std::string_view key, uint64_t offset) {
  if (depth_ == kTopDepth) {
    member_ = key == "_id"                  ? Member::kId
              : key == "_rev"               ? Member::kRev
              : key == "_deleted"           ? Member::kDeleted
              : key == "_attachments"       ? Member::kAttachments
              : key == "_revisions"         ? Member::kRevisions
              : key == "_conflicts"         ? Member::kConflicts
              : key == "_deleted_conflicts" ? Member::kDeletedConflicts
              : key.starts_with('_')        ? Member::kIgnored
                                            : Member::kOwn;
    if (member_ == Member::kOwn && !has_failed_) BeginCapture(offset);
    key_from_.reset();
    key_begin_.clear();
  } else if (depth_ == kListDepth && member_ == Member::kAttachments) {
    head_ = AttachmentHead();
    head_.name = key;
    if (++attachment_count_ > limits::kImportAttachmentsMax) return Fail("more attachments than can be: not imported");
    if (key.size() > limits::kImportNameBytesMax) return Fail("an attachment's name is too long: not imported");
  } else if (depth_ == kListDepth && member_ == Member::kRevisions) {
    revisions_key_ = key;
  } else if (depth_ == kAttachmentDepth && member_ == Member::kAttachments) {
    part_ = key == "data"                                   ? Part::kData
            : key == "content_type" || key == "contentType" ? Part::kContentType  // couchbackup's library renames it.
            : key == "digest"                               ? Part::kDigest
            : key == "length"                               ? Part::kLength
            : key == "encoding"                             ? Part::kEncoding
            : key == "encoded_length" || key == "encodedLength" ? Part::kEncodedLength
            : key == "stub"                                     ? Part::kStub
            : key == "follows"                                  ? Part::kFollows
                                                                : Part::kOther;
  }
  return OkStatus();
}

Status DocumentScanner::OnStringBegin(uint64_t) {
  text_.clear();
  text_kind_ = Text::kNone;
  if (depth_ == kAttachmentDepth && member_ == Member::kAttachments) {
    if (part_ == Part::kData) return BeginData();
    if (part_ != Part::kOther) text_kind_ = Text::kCollected;
  } else if (depth_ == kTopDepth) {
    if (member_ == Member::kId || member_ == Member::kRev) text_kind_ = Text::kCollected;
  } else if (depth_ <= kAttachmentDepth &&
             (member_ == Member::kRevisions || member_ == Member::kConflicts || member_ == Member::kDeletedConflicts)) {
    text_kind_ = Text::kCollected;
  }
  return OkStatus();
}

Status DocumentScanner::OnStringPiece(std::string_view piece) {
  if (text_kind_ == Text::kData) return AppendData(piece);
  if (text_kind_ == Text::kCollected && text_.size() < kTextBytesMax) {
    text_ += piece.substr(0, kTextBytesMax - text_.size());
  }
  return OkStatus();
}

Status DocumentScanner::OnStringEnd(uint64_t offset) {
  const Text ended = std::exchange(text_kind_, Text::kNone);
  if (ended == Text::kData) RETURN_IF_ERROR(EndData());
  if (ended == Text::kCollected) TakeText();
  if (depth_ == kTopDepth) EndMember(offset + 1);
  return OkStatus();
}

void DocumentScanner::TakeText() {
  switch (member_) {
    case Member::kId: end_.id = text_; return;
    case Member::kRev: end_.rev = text_; return;
    case Member::kConflicts: end_.conflicts.push_back(text_); return;
    case Member::kDeletedConflicts: end_.deleted_conflicts.push_back(text_); return;
    case Member::kRevisions:
      if (revisions_key_ == "ids" && revisions_first_.empty()) revisions_first_ = text_;
      return;
    case Member::kAttachments:
      if (part_ == Part::kContentType) head_.content_type = text_;
      if (part_ == Part::kDigest) head_.digest = text_;
      return;
    case Member::kOwn:
    case Member::kDeleted:
    case Member::kIgnored: return;
  }
}

Status DocumentScanner::OnNumber(std::string_view text, uint64_t offset) {
  if (member_ == Member::kAttachments && depth_ == kAttachmentDepth) {
    if (part_ == Part::kLength) head_.length = NumberOf(text);
    if (part_ == Part::kEncodedLength) head_.encoded_length = NumberOf(text);
  }
  if (member_ == Member::kRevisions && depth_ == kListDepth && revisions_key_ == "start") revisions_start_ = text;
  if (depth_ == kTopDepth) EndMember(offset + text.size());
  return OkStatus();
}

Status DocumentScanner::OnLiteral(std::string_view text, uint64_t offset) {
  if (depth_ == kTopDepth && member_ == Member::kDeleted) end_.is_deleted = text == "true";
  if (member_ == Member::kAttachments && depth_ == kAttachmentDepth) {
    if (part_ == Part::kStub) is_stub_ = text == "true";
    if (part_ == Part::kFollows) is_following_ = text == "true";
  }
  if (depth_ == kTopDepth) EndMember(offset + text.size());
  return OkStatus();
}

Status DocumentScanner::BeginData() {
  text_kind_ = Text::kData;
  if (has_failed_ || data_ != Data::kNone || !IsWanted()) {
    data_ = data_ == Data::kNone ? Data::kSkipped : data_;
    return OkStatus();
  }
  base64_ = Base64StreamDecoder();
  RETURN_IF_ERROR(Begin());
  data_ = Data::kOpen;
  head_.sha1 = shasums_.Find(end_.body, head_.name);
  return visitor_->BeginAttachment(head_);
}

Status DocumentScanner::AppendData(std::string_view piece) {
  if (data_ != Data::kOpen) return OkStatus();
  for (; !piece.empty(); piece.remove_prefix(std::min(piece.size(), kDecodeStepBytes))) {
    decoded_.clear();
    if (const Status status = base64_.Decode(piece.substr(0, kDecodeStepBytes), &decoded_); !status.ok()) {
      return AbandonData(std::string(status.message()));
    }
    data_bytes_ += decoded_.size();
    if (!decoded_.empty()) RETURN_IF_ERROR(visitor_->AppendAttachment(decoded_));
  }
  return OkStatus();
}

Status DocumentScanner::EndData() {
  if (data_ != Data::kOpen) return OkStatus();
  if (const Status status = base64_.Finish(); !status.ok()) return AbandonData(std::string(status.message()));
  data_ = Data::kComplete;
  return OkStatus();
}

Status DocumentScanner::AbandonData(const std::string& why) {
  if (data_ != Data::kOpen && data_ != Data::kComplete) return OkStatus();
  data_ = Data::kAbandoned;
  RETURN_IF_ERROR(visitor_->AbandonAttachment());
  return visitor_->Finding({end_.id, "attachment " + head_.name + ": " + why, SourceFinding::Severity::kError});
}

Status DocumentScanner::EndAttachment() {
  if (data_ == Data::kComplete) {
    // In JSON `length` counts decoded bytes, and stands beside stubs only; a dump that has it must keep its word.
    if (head_.length && *head_.length != data_bytes_) {
      RETURN_IF_ERROR(AbandonData("it has " + std::to_string(data_bytes_) + " bytes, its length says " +
                                  std::to_string(*head_.length)));
    } else {
      head_.length = data_bytes_;
      RETURN_IF_ERROR(visitor_->EndAttachment(head_));
    }
  } else if (is_following_) {
    follows_.push_back(head_);
  } else if (data_ == Data::kNone) {
    end_.stubs.push_back(head_.name);
  }
  data_ = Data::kNone;
  return OkStatus();
}

}  // namespace tarn::migrate
