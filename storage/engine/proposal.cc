#include <utility>

#include "storage/base/bytes.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/shipping.h"

// Two payloads of log records (record_codec.h): what is to be committed, and, as its changes, what that rests on. One codec
// that is fuzzed and versioned serves both.
namespace tarn::engine {
namespace {

constexpr size_t kLengthBytes = sizeof(uint64_t);

Result<std::string_view> TakePayload(std::string_view* bytes) {
  if (bytes->size() < kLengthBytes) return Corruption("proposal: it ends early");
  const auto size = LoadLittleEndian<uint64_t>(bytes->data());
  bytes->remove_prefix(kLengthBytes);
  if (size > bytes->size()) return Corruption("proposal: it ends early");
  const std::string_view payload = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return payload;
}

void AppendPayload(std::string_view payload, std::string* out) {
  AppendLittleEndian(out, uint64_t{payload.size()});
  out->append(payload);
}

}  // namespace

Result<std::string> EncodeProposal(const Proposal& proposal) {
  ASSIGN_OR_RETURN(const std::string wanted,
                   EncodePayload(proposal.mutation.event, proposal.mutation.changes, proposal.blobs));
  std::vector<Change> expected;
  for (const Precondition& precondition : proposal.mutation.preconditions) {
    expected.push_back({precondition.family, precondition.key, precondition.expected});
  }
  ASSIGN_OR_RETURN(const std::string rests_on, EncodePayload({}, expected, {}));
  std::string bytes;
  bytes.reserve(wanted.size() + rests_on.size() + 2 * kLengthBytes);
  AppendPayload(wanted, &bytes);
  AppendPayload(rests_on, &bytes);
  return bytes;
}

Result<Proposal> DecodeProposal(std::string_view bytes) {
  ASSIGN_OR_RETURN(const std::string_view wanted, TakePayload(&bytes));
  ASSIGN_OR_RETURN(const std::string_view rests_on, TakePayload(&bytes));
  if (!bytes.empty()) return Corruption("proposal: more than was announced");
  LogRecord record;
  RETURN_IF_ERROR(DecodePayload(wanted, &record));
  LogRecord state;
  RETURN_IF_ERROR(DecodePayload(rests_on, &state));
  Proposal proposal;
  proposal.mutation.event = std::move(record.event);
  proposal.mutation.changes = std::move(record.changes);
  proposal.blobs = std::move(record.blobs);
  for (Change& change : state.changes) {
    proposal.mutation.preconditions.push_back({change.family, std::move(change.key), std::move(change.value)});
  }
  return proposal;
}

}  // namespace tarn::engine
