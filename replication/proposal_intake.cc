#include "replication/proposal_intake.h"

#include <algorithm>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"

namespace tarn::replication {
namespace {

// What is to be committed and what it rests on, each as large as a record may be.
constexpr uint64_t kProposalBytesMax = 2 * limits::kRecordBytesMax + 4 * limits::kKiB;

}  // namespace

Status ProposalIntake::Consume(std::string_view bytes) {
  while (!bytes.empty()) RETURN_IF_ERROR(proposal_ ? TakeBlob(&bytes) : TakeHead(&bytes));
  return OkStatus();
}

Status ProposalIntake::TakeHead(std::string_view* bytes) {
  const auto take = [&](size_t until) {
    const std::string_view piece = bytes->substr(0, until - std::min(head_.size(), until));
    head_ += piece;
    bytes->remove_prefix(piece.size());
  };
  take(kProposalLengthBytes);
  if (head_.size() < kProposalLengthBytes) return OkStatus();
  const auto size = LoadLittleEndian<uint64_t>(head_.data());
  if (size > kProposalBytesMax) return InvalidArgument("a proposal of " + std::to_string(size) + " bytes");
  take(kProposalLengthBytes + size);
  if (head_.size() < kProposalLengthBytes + size) return OkStatus();
  ASSIGN_OR_RETURN(proposal_, engine::DecodeProposal(std::string_view(head_).substr(kProposalLengthBytes)));
  head_ = {};
  return FinishBlobs();
}

Status ProposalIntake::TakeBlob(std::string_view* bytes) {
  const std::vector<std::shared_ptr<engine::StagedBlob>>& staged = proposal_->mutation.blobs;
  if (staged.size() == proposal_->blobs.size()) return InvalidArgument("a proposal with more bytes than it announced");
  const std::string_view piece = bytes->substr(0, proposal_->blobs[staged.size()].size_bytes - written_bytes_);
  RETURN_IF_ERROR(writer_->Append(piece));
  written_bytes_ += piece.size();
  bytes->remove_prefix(piece.size());
  return FinishBlobs();
}

Status ProposalIntake::FinishBlobs() {
  std::vector<std::shared_ptr<engine::StagedBlob>>& staged = proposal_->mutation.blobs;
  while (staged.size() < proposal_->blobs.size()) {
    if (writer_ == nullptr) {
      ASSIGN_OR_RETURN(writer_, store_->blobs().NewWriter());
    }
    const engine::BlobInfo& expected = proposal_->blobs[staged.size()];
    if (written_bytes_ < expected.size_bytes) return OkStatus();
    ASSIGN_OR_RETURN(std::shared_ptr<engine::StagedBlob> blob, writer_->Finish());
    writer_.reset();
    written_bytes_ = 0;
    if (blob->info().sha512 != expected.sha512) {
      return Corruption("blob " + HexEncode(expected.sha512.view()) + ": these are not its bytes");
    }
    staged.push_back(std::move(blob));
  }
  return OkStatus();
}

Result<engine::CommitInfo> ProposalIntake::Finish() {
  if (!proposal_ || proposal_->mutation.blobs.size() < proposal_->blobs.size()) {
    return Corruption("a proposal that ends early");
  }
  // A blob is there when its bytes are: nobody may claim it.
  for (const engine::Change& change : proposal_->mutation.changes) {
    if (change.family == engine::Family::kBlob)
      return InvalidArgument("a proposal that claims a blob without its bytes");
  }
  return store_->Commit(std::move(proposal_->mutation));
}

}  // namespace tarn::replication
