#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"

// Whether a record that an old leader left behind may still be applied to the registry as it has become without it. Pure: it
// reads two states and answers with a mutation. Threads: any.
//
// A record says what keys it gave which values; what it found there is the state before it. A key that still has the value
// that the record found, or has the record's own already, is nobody else's by now. When that is so for all keys of a record it
// is applied as it was: its bytes, its times, its signatures. When only the package has moved on, what the record changed of
// it is joined to what is there, as far as nobody else has touched the same. Anything else is left to a person.
namespace tarn::registry {

enum class ReapplyVerdict : uint8_t { kReapply, kAlreadyThere, kCannot };

struct ReapplyDecision {
  ReapplyVerdict verdict = ReapplyVerdict::kCannot;
  std::string reason;  // Of kCannot; otherwise what is not as the record had it, or nothing.
  // Of kReapply: names everything that was read as a precondition. Its blobs are those of the record.
  std::optional<engine::Mutation> mutation;
};

// The value of a key that the record found, on the node that made it. Asked for the keys of KeysBefore alone.
using BeforeLookup = std::function<Result<std::optional<std::string>>(engine::Family family, const std::string& key)>;

struct ReapplyStamp {
  uint64_t now_ms = 0;
  uint64_t rev_hash = 0;  // Random: of the package's next revision, if it becomes one that nobody had.
};

// Errors: those of the reads.
Result<ReapplyDecision> DecideReapply(const engine::LogRecord& record, const engine::ReadView& now,
                                      const BeforeLookup& before, const ReapplyStamp& stamp);

// All keys whose values before the record may decide: those that it changes, and those of what it names.
Result<std::vector<std::pair<engine::Family, std::string>>> KeysBefore(const engine::LogRecord& record);

// The idempotency key of a record applied again, by the chain hash of the one that was set aside: it names that record and no
// other.
std::string ReapplyMark(const Sha256Digest& chain_hash);

}  // namespace tarn::registry
