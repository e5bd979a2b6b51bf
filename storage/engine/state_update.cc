#include "storage/engine/state_update.h"

#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/engine/keys.h"
#include "storage/engine/rocks.h"
#include "storage/engine/state_hash.h"

namespace tarn::engine {
namespace {

void AppendChange(RocksBatch* batch, const Change& change) {
  if (change.value.has_value()) {
    batch->Put(change.family, change.key, *change.value);
  } else {
    batch->Delete(change.family, change.key);
    // Nobody may refer to the bytes any more; where they are is swept later (collect.h).
    if (change.family == Family::kBlob) batch->Delete(Family::kLocation, change.key);
  }
}

}  // namespace

Result<bool> StateUpdate::Holds(std::span<const Precondition> preconditions) const {
  for (const Precondition& precondition : preconditions) {
    ASSIGN_OR_RETURN(const std::optional<std::string>* value, overlay_.Find(precondition.family, precondition.key));
    if (*value != precondition.expected) return false;
  }
  return true;
}

Result<bool> StateUpdate::HasBlob(const Digest& digest) const {
  ASSIGN_OR_RETURN(const std::optional<std::string>* row, overlay_.Find(Family::kBlob, digest.view()));
  return row->has_value();
}

Status StateUpdate::CheckContinues(const LogRecord& record) const {
  const std::string which = "log record " + std::to_string(record.lsn.value());
  if (record.lsn != applied_.lsn.Next()) {
    return Corruption(which + " follows record " + std::to_string(applied_.lsn.value()));
  }
  if (record.epoch < applied_.epoch) return Corruption(which + ": its epoch is lower than the one before");
  if (record.previous_chain_hash != applied_.chain_hash) {
    return Corruption(which + ": it continues chain hash " + HexEncode(record.previous_chain_hash.view()) +
                      ", expected " + HexEncode(applied_.chain_hash.view()));
  }
  return OkStatus();
}

Status StateUpdate::Add(LogRecord record) {
  RETURN_IF_ERROR(CheckContinues(record));
  StateHash state_hash = applied_.state_hash;
  for (const Change& change : record.changes) {
    ASSIGN_OR_RETURN(const std::optional<std::string>* old, overlay_.Find(change.family, change.key));
    if (old->has_value()) state_hash.Subtract(HashEntry(change.family, change.key, **old));
    if (change.value.has_value()) state_hash.Add(HashEntry(change.family, change.key, *change.value));
  }
  records_.push_back(std::move(record));
  const LogRecord& added = records_.back();
  for (const Change& change : added.changes) overlay_.Apply(change);
  applied_.lsn = added.lsn;
  applied_.epoch = added.epoch;
  applied_.chain_hash = added.chain_hash;
  applied_.state_hash = state_hash;
  return OkStatus();
}

void StateUpdate::AppendChangesTo(RocksBatch* batch) const {
  for (const LogRecord& record : records_) {
    for (const Change& change : record.changes) AppendChange(batch, change);
  }
}

Result<AppliedState> StateUpdate::AppendPlacesTo(RocksBatch* batch, const GroupPlaces& places) const {
  CHECK(places.records.size() == records_.size());
  for (const Location& location : places.blobs) {
    // In a replay of many groups it may come and go again: then there is nothing to be found.
    ASSIGN_OR_RETURN(const bool is_there, HasBlob(location.info.sha512));
    if (is_there) batch->Put(Family::kLocation, DigestKey(location.info.sha512), EncodeLocation(location));
  }
  for (size_t i = 0; i < records_.size(); ++i) {
    const LogEntry entry{places.records[i], records_[i].chain_hash};
    batch->Put(Family::kLog, LsnKey(records_[i].lsn), EncodeLogEntry(entry));
  }
  AppliedState applied = applied_;
  applied.tail = places.end;
  batch->Put(Family::kNode, kAppliedKey, EncodeAppliedState(applied));
  return applied;
}

std::deque<std::vector<Change>> DeriveAll(CommitObserver* observer, const ReadView& before,
                                          const std::deque<LogRecord>& records) {
  std::deque<std::vector<Change>> all;
  if (observer == nullptr) return all;
  Overlay overlay(before);
  for (const LogRecord& record : records) {
    std::vector<Change>& derived = all.emplace_back();
    observer->Derive(record, overlay, &derived);
    for (const Change& change : derived) {
      CHECK(IsOfKind(change.family, FamilyKind::kDerived));
      overlay.Apply(change);
    }
    for (const Change& change : record.changes) overlay.Apply(change);
    overlay.set_lsn(record.lsn);
  }
  return all;
}

void AppendDerivedTo(RocksBatch* batch, const std::deque<std::vector<Change>>& derived) {
  for (const std::vector<Change>& changes : derived) {
    for (const Change& change : changes) AppendChange(batch, change);
  }
}

}  // namespace tarn::engine
