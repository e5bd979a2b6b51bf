#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"
#include "storage/engine/shipping.h"
#include "storage/engine/store.h"

namespace tarn::replication {

// Before a proposal on the wire: its length. Behind it: the bytes of its blobs, in its order (PROTOCOL.md).
inline constexpr size_t kProposalLengthBytes = sizeof(uint64_t);

// A commit that another node asks for, while it arrives: the blobs are hashed and staged as they come.
//   Consume  bytes in order, pieces of any size. The first error is final.
//   Finish   once: commits. kCorruption: a blob is not what its digest says, or the body ended early. Other errors as for
//            Store::Commit.
// Destroyed before Finish: nothing happened.
// Threads: one at a time; blocks.
class ProposalIntake {
 public:
  explicit ProposalIntake(engine::Store* store) : store_(store) {}
  Status Consume(std::string_view bytes);
  Result<engine::CommitInfo> Finish();

 private:
  Status TakeHead(std::string_view* bytes);
  Status TakeBlob(std::string_view* bytes);
  // Goes on to the next blob as long as the one at hand has all its bytes.
  Status FinishBlobs();

  engine::Store* const store_;
  std::string head_;  // Length and proposal, until they are whole.
  std::optional<engine::Proposal> proposal_;
  std::unique_ptr<engine::BlobWriter> writer_;  // Of the blob that comes next.
  uint64_t written_bytes_ = 0;                  // Of it.
};

}  // namespace tarn::replication
