#include "storage/registry/hook_journal.h"

#include <algorithm>

namespace tarn::registry {

void HookJournal::StartAt(Lsn head) {
  head_ = head;
  newest_.clear();
}

Result<std::shared_ptr<const HookOccasion>> HookJournal::Decode(const engine::LogRecord& record) {
  ChangeDetail detail;
  if (record.event.kind == engine::EventKind::kSetDistTags || record.event.kind == engine::EventKind::kSetOwners) {
    ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
    ASSIGN_OR_RETURN(detail, ReadChangeDetail(*view, record.lsn));
  }
  return OccasionOf(record, detail);
}

Result<bool> HookJournal::ReadNext() {
  ASSIGN_OR_RETURN(const engine::LogRecord record, store_->log().Read(head_.Next()));
  ASSIGN_OR_RETURN(auto occasion, Decode(record));
  newest_.push_back(std::move(occasion));
  if (newest_.size() > limits::kHookEventsKept) newest_.pop_front();
  head_ = head_.Next();
  return std::any_of(record.changes.begin(), record.changes.end(),
                     [](const engine::Change& change) { return change.family == engine::Family::kHook; });
}

Result<std::shared_ptr<const HookOccasion>> HookJournal::At(Lsn lsn) {
  const uint64_t back = head_.value() - lsn.value();
  if (back < newest_.size()) return newest_[newest_.size() - 1 - back];
  ASSIGN_OR_RETURN(const engine::LogRecord record, store_->log().Read(lsn));
  return Decode(record);
}

}  // namespace tarn::registry
