#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/hook_limits.h"
#include "storage/base/random.h"
#include "storage/registry/hook_record.h"
#include "storage/registry/hook_sender.h"
#include "storage/registry/hooks.h"

namespace tarn::registry {

// Where each hook is, what may be tried when, and what is to be committed of it. Times are given; no threads, no I/O.
//
// One event of a hook is under way at a time, so its receiver gets them in the order of the journal. A receiver that does
// not accept one gets it again, later and later, and nothing else until then.
// Threads: one at a time.
class HookSchedule {
 public:
  struct Loaded {
    std::string id;
    HookRecord record;
    std::string raw;  // The bytes of `record`.
    HookDeliveryRecord delivery;
  };
  // The hooks that there are now. A new generation of a hook starts from what was loaded; the others go on.
  void Load(std::vector<Loaded> hooks);
  bool empty() const { return hooks_.empty(); }
  size_t size() const { return hooks_.size(); }

  // A hook whose turn it is.
  struct Turn {
    std::string id;
    HookRecord hook;
    Lsn position;            // The next record to look at is the one behind it …
    size_t event_index = 0;  // … and of that, the event.
    bool is_troubled = false;
  };
  // Hooks with nothing under way that are behind `head` and need not wait.
  std::vector<Turn> Due(Lsn head, uint64_t now_ms, uint64_t monotonic_ms) const;
  // Everything up to `position` is not for this hook. Ignored when it is of another generation by now.
  void Skip(const std::string& id, uint64_t generation, Lsn position);
  // It waits for this long, whatever its receiver says.
  void Pause(const std::string& id, uint64_t until_monotonic_ms);
  // The event was given out: no turn before its outcome. False: the hook is gone, or of another generation.
  bool Begin(const std::string& id, uint64_t generation);
  void Finish(const HookJob& job, const HookOutcome& outcome, uint64_t now_ms, uint64_t monotonic_ms, Random* random);
  void set_retry_ms_min(uint64_t retry_ms_min) { retry_ms_min_ = retry_ms_min; }

  // What is worth a commit: hooks something was sent for, and those that are far from what is committed of them.
  std::vector<Loaded> ToCommit(size_t count_max) const;
  void Committed(const std::vector<Loaded>& hooks);

  std::optional<HookDeliveryRecord> Delivery(const std::string& id, uint64_t generation) const;
  size_t CountFailing() const;
  // The smallest position of all; nullopt without hooks.
  std::optional<Lsn> Hindmost() const;

 private:
  struct Hook {
    HookRecord record;
    std::string raw;
    HookDeliveryRecord delivery;
    uint64_t committed_position = 0;
    size_t event_index = 0;
    uint32_t attempts = 0;  // In a row, without success.
    uint64_t next_attempt_ms = 0;
    bool is_under_way = false;
    bool is_slow = false;
    bool is_changed = false;  // Something was sent since the last commit.
  };
  Hook* Find(const std::string& id, uint64_t generation);
  void Step(Hook* hook, const HookJob& job);

  std::map<std::string, Hook> hooks_;
  uint64_t retry_ms_min_ = limits::kHookRetryMsMin;
};

}  // namespace tarn::registry
