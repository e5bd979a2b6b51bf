#include "storage/registry/hook_schedule.h"

#include <algorithm>
#include <set>

#include "storage/base/bytes.h"

namespace tarn::registry {
namespace {

constexpr uint32_t kDoublingsMax = 20;
constexpr uint64_t kJitterParts = 5;  // A fifth more or less, so that receivers that fell together do not meet again.

uint64_t WithJitter(uint64_t delay_ms, Random* random) {
  const uint64_t range = 2 * delay_ms / kJitterParts;
  if (range == 0) return delay_ms;
  return delay_ms - range / 2 + LoadLittleEndian<uint64_t>(random->Bytes(sizeof(uint64_t)).data()) % range;
}

}  // namespace

HookSchedule::Hook* HookSchedule::Find(const std::string& id, uint64_t generation) {
  const auto found = hooks_.find(id);
  return found == hooks_.end() || found->second.record.generation != generation ? nullptr : &found->second;
}

void HookSchedule::Load(std::vector<Loaded> hooks) {
  std::set<std::string> present;
  for (Loaded& loaded : hooks) {
    present.insert(loaded.id);
    Hook& hook = hooks_[loaded.id];
    if (hook.raw == loaded.raw) continue;
    const bool is_under_way = hook.is_under_way;  // Its outcome is awaited still, and will be ignored.
    hook = Hook();
    hook.is_under_way = is_under_way;
    hook.committed_position = loaded.delivery.position_lsn;
    hook.record = std::move(loaded.record);
    hook.raw = std::move(loaded.raw);
    hook.delivery = std::move(loaded.delivery);
  }
  std::erase_if(hooks_, [&](const auto& entry) { return !present.contains(entry.first); });
}

std::vector<HookSchedule::Turn> HookSchedule::Due(Lsn head, uint64_t now_ms, uint64_t monotonic_ms) const {
  std::vector<Turn> due;
  for (const auto& [id, hook] : hooks_) {
    if (hook.is_under_way || hook.delivery.position_lsn >= head.value() || monotonic_ms < hook.next_attempt_ms)
      continue;
    if (StatusOf(hook.delivery, now_ms) == HookStatus::kSuspended) continue;
    due.push_back({id, hook.record, Lsn(hook.delivery.position_lsn), hook.event_index,
                   hook.is_slow || hook.delivery.failing_since_ms != 0});
  }
  return due;
}

void HookSchedule::Skip(const std::string& id, uint64_t generation, Lsn position) {
  Hook* hook = Find(id, generation);
  if (hook == nullptr || hook->is_under_way || position.value() <= hook->delivery.position_lsn) return;
  hook->delivery.position_lsn = position.value();
  hook->event_index = 0;
}

void HookSchedule::Pause(const std::string& id, uint64_t until_monotonic_ms) {
  const auto found = hooks_.find(id);
  if (found != hooks_.end()) found->second.next_attempt_ms = until_monotonic_ms;
}

bool HookSchedule::Begin(const std::string& id, uint64_t generation) {
  Hook* hook = Find(id, generation);
  if (hook == nullptr || hook->is_under_way) return false;
  hook->is_under_way = true;
  return true;
}

void HookSchedule::Step(Hook* hook, const HookJob& job) {
  hook->attempts = 0;
  hook->next_attempt_ms = 0;
  hook->event_index = job.event_index + 1;
  if (hook->event_index < job.occasion->events.size()) return;
  hook->event_index = 0;
  hook->delivery.position_lsn = job.occasion->lsn.value();
}

void HookSchedule::Finish(const HookJob& job, const HookOutcome& outcome, uint64_t now_ms, uint64_t monotonic_ms,
                          Random* random) {
  const auto found = hooks_.find(job.id);
  if (found == hooks_.end()) return;
  Hook& hook = found->second;
  hook.is_under_way = false;
  if (hook.record.generation != job.hook.generation) return;
  using Kind = HookOutcome::Kind;
  switch (outcome.kind) {
    case Kind::kCancelled: return;
    case Kind::kSkipped: Step(&hook, job); return;
    case Kind::kOwnerGone:
    case Kind::kNotNow: hook.next_attempt_ms = monotonic_ms + limits::kHookLogRetryMs; return;
    case Kind::kDelivered:
      Step(&hook, job);
      ++hook.delivery.delivered_count;
      hook.delivery.failing_since_ms = 0;
      hook.delivery.last_error.clear();
      break;
    case Kind::kRefused: {
      const uint64_t delay_ms =
          std::min(limits::kHookRetryMsMax, retry_ms_min_ << std::min(hook.attempts, kDoublingsMax));
      ++hook.attempts;
      hook.next_attempt_ms = monotonic_ms + WithJitter(delay_ms, random);
      if (hook.delivery.failing_since_ms == 0) hook.delivery.failing_since_ms = now_ms;
      hook.delivery.last_error = outcome.error;
      break;
    }
  }
  hook.is_slow = outcome.took_ms > limits::kHookSlowMs;
  hook.is_changed = true;
  hook.delivery.last_delivery_ms = now_ms;
  hook.delivery.response_code = outcome.response_code;
}

std::vector<HookSchedule::Loaded> HookSchedule::ToCommit(size_t count_max) const {
  std::vector<Loaded> result;
  for (const auto& [id, hook] : hooks_) {
    if (result.size() >= count_max) break;
    const bool is_far = hook.delivery.position_lsn >= hook.committed_position + limits::kHookPositionLagMax;
    if (hook.is_changed || is_far) result.push_back({id, hook.record, hook.raw, hook.delivery});
  }
  return result;
}

void HookSchedule::Committed(const std::vector<Loaded>& hooks) {
  for (const Loaded& committed : hooks) {
    Hook* hook = Find(committed.id, committed.record.generation);
    if (hook == nullptr) continue;
    hook->committed_position = committed.delivery.position_lsn;
    hook->is_changed = hook->delivery != committed.delivery && hook->is_changed;
  }
}

std::optional<HookDeliveryRecord> HookSchedule::Delivery(const std::string& id, uint64_t generation) const {
  const auto found = hooks_.find(id);
  if (found == hooks_.end() || found->second.record.generation != generation) return std::nullopt;
  return found->second.delivery;
}

size_t HookSchedule::CountFailing() const {
  return static_cast<size_t>(std::count_if(
      hooks_.begin(), hooks_.end(), [](const auto& entry) { return entry.second.delivery.failing_since_ms != 0; }));
}

std::optional<Lsn> HookSchedule::Hindmost() const {
  std::optional<Lsn> hindmost;
  for (const auto& [id, hook] : hooks_) {
    const Lsn position(hook.delivery.position_lsn);
    if (!hindmost || position < *hindmost) hindmost = position;
  }
  return hindmost;
}

}  // namespace tarn::registry
