#include "storage/engine/prepare.h"

#include <algorithm>
#include <set>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/engine/record_codec.h"
#include "storage/engine/shipping.h"

namespace tarn::engine {
namespace {

Status CheckKey(std::string_view key) {
  if (!key.empty() && key.size() <= limits::kKeyBytesMax) return OkStatus();
  return InvalidArgument("key of " + std::to_string(key.size()) + " bytes, allowed are 1 to " +
                         std::to_string(limits::kKeyBytesMax));
}

Status CheckPreconditions(const std::vector<Precondition>& preconditions) {
  if (preconditions.size() > limits::kChangesPerRecordMax) return InvalidArgument("too many preconditions");
  for (const Precondition& precondition : preconditions) {
    RETURN_IF_ERROR(CheckKey(precondition.key));
    if (IsOfKind(precondition.family, FamilyKind::kReplicated)) continue;
    return InvalidArgument("precondition on family " + std::string(FamilyName(precondition.family)));
  }
  return OkStatus();
}

Status CheckChanges(const std::vector<Change>& changes) {
  if (changes.size() > limits::kChangesPerRecordMax) {
    return InvalidArgument(std::to_string(changes.size()) + " changes in one mutation, limit " +
                           std::to_string(limits::kChangesPerRecordMax));
  }
  std::vector<std::pair<Family, std::string_view>> keys;
  keys.reserve(changes.size());
  for (const Change& change : changes) {
    RETURN_IF_ERROR(CheckKey(change.key));
    if (!IsOfKind(change.family, FamilyKind::kReplicated)) {
      return InvalidArgument("change of family " + std::string(FamilyName(change.family)) +
                             ", which is not replicated");
    }
    keys.emplace_back(change.family, change.key);
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return OkStatus();
  return InvalidArgument("two changes of the same key of family " + std::string(FamilyName(twice->first)) + ": " +
                         HexEncode(twice->second));
}

}  // namespace

Result<PreparedMutation> Prepare(Mutation mutation) {
  PreparedMutation prepared;
  std::set<Digest> digests;
  for (std::shared_ptr<StagedBlob>& blob : mutation.blobs) {
    if (blob == nullptr) return InvalidArgument("mutation with a null blob");
    const BlobInfo& info = blob->info();
    if (!digests.insert(info.sha512).second) continue;
    mutation.changes.push_back(Change{Family::kBlob, DigestKey(info.sha512), EncodeBlobRecord(info)});
    prepared.record.blobs.push_back(info);
    prepared.blobs.push_back(std::move(blob));
  }
  RETURN_IF_ERROR(CheckPreconditions(mutation.preconditions));
  RETURN_IF_ERROR(CheckChanges(mutation.changes));
  ASSIGN_OR_RETURN(prepared.payload, EncodePayload(mutation.event, mutation.changes, prepared.record.blobs));
  prepared.record.event = std::move(mutation.event);
  prepared.record.changes = std::move(mutation.changes);
  prepared.preconditions = std::move(mutation.preconditions);
  return prepared;
}

Result<PreparedMutation> PrepareFollowed(RawRecord record, std::vector<std::shared_ptr<StagedBlob>> blobs) {
  PreparedMutation prepared;
  ASSIGN_OR_RETURN(prepared.record,
                   DecodeRecord(RecordFrame{record.lsn, record.epoch, record.time_ms, record.previous_chain_hash,
                                            record.chain_hash, record.payload}));
  prepared.payload = std::move(record.payload);
  prepared.blobs = std::move(blobs);
  prepared.is_followed = true;
  return prepared;
}

Result<std::vector<BlobInfo>> BlobsOf(const RawRecord& record) {
  LogRecord decoded;
  RETURN_IF_ERROR(DecodePayload(record.payload, &decoded));
  return std::move(decoded.blobs);
}

}  // namespace tarn::engine
