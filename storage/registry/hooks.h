#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/hook_limits.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"
#include "storage/registry/access.h"
#include "storage/registry/hook_record.h"

namespace tarn::registry {

struct HookSpec {
  HookType type = HookType::kPackage;
  std::string name;
  std::string endpoint;
  std::string secret;
};

enum class HookStatus : uint8_t {
  kActive,
  kFailing,    // The last attempt was not accepted; it is tried again, ever more rarely.
  kSuspended,  // It failed for limits::kHookGiveUpMs. Updating or replaying it goes on from where it is.
};

// A hook as it is shown; the secret never is.
struct HookInfo {
  std::string id;
  HookRecord record;  // `secret` is empty.
  HookDeliveryRecord delivery;
  HookStatus status = HookStatus::kActive;
  uint64_t lag_lsn = 0;  // Records of the journal that were not looked at for it.
};

struct HookQuery {
  std::string name;  // Only hooks of this name; empty: all.
  size_t limit = limits::kHooksPageMax;
  size_t offset = 0;
};

HookStatus StatusOf(const HookDeliveryRecord& delivery, uint64_t now_ms);

// Users' webhooks (contract 12.5). Who delivers is HookDispatcher, which learns of changes from the journal.
//
// Whether a change needs a one-time password is asked before, of Registry::CheckMayChangeAccount.
//
// A user has and sees their own; the system (the operator) has none and sees all. Errors: kNotFound for an id that is not
// there or somebody else's; kInvalidArgument in words for the user; kUnauthenticated, kPermissionDenied; those of commits.
// Threads: any. Blocks.
class Hooks {
 public:
  struct Options {
    bool allow_private_addresses = false;  // Endpoints may be in the operator's own network.
  };
  Hooks(engine::Store* store, const Options& options, Clock* clock, Random* random)
      : store_(store), options_(options), clock_(clock), random_(random) {}

  // A new hook is told what happens from now on. kResourceExhausted: too many.
  Result<HookInfo> Create(const Principal& principal, const HookSpec& spec);
  // By id.
  Result<std::vector<HookInfo>> List(const Principal& principal, const HookQuery& query);
  Result<HookInfo> Get(const Principal& principal, std::string_view id);
  // Without a secret it keeps the one it has. Delivery goes on from where it is, at once.
  Result<HookInfo> Update(const Principal& principal, std::string_view id, const std::string& endpoint,
                          const std::optional<std::string>& secret);
  // The answer is the hook that was.
  Result<HookInfo> Remove(const Principal& principal, std::string_view id);
  // Sends everything from this LSN on once more. kInvalidArgument: behind the end of the journal.
  Result<HookInfo> Replay(const Principal& principal, std::string_view id, Lsn from);

  // What the dispatcher knows and has not committed yet; nullopt: nothing. Set before the first call.
  using LiveDelivery = std::function<std::optional<HookDeliveryRecord>(const std::string& id, uint64_t generation)>;
  void SetLiveDelivery(LiveDelivery live) { live_ = std::move(live); }

 private:
  struct Found {
    HookRecord record;
    std::string raw;
  };
  Result<Found> Find(const engine::ReadView& view, const Principal& principal, std::string_view id) const;
  Result<HookInfo> Info(const engine::ReadView& view, std::string id, HookRecord record) const;
  Status CheckEndpoint(const std::string& endpoint) const;
  Status CheckCount(const engine::ReadView& view, const std::string& user) const;
  // Reads the hook, lets `change` say what to commit beside the hook's next record (nullopt: it goes), and commits.
  struct Next {
    std::optional<HookRecord> record;
    std::optional<HookDeliveryRecord> delivery;  // Absent: stays, or goes with the hook.
  };
  using Change = std::function<Result<Next>(const HookRecord&, const HookDeliveryRecord&)>;
  Result<HookInfo> Commit(const Principal& principal, std::string_view id, const Change& change);

  engine::Store* const store_;
  const Options options_;
  Clock* const clock_;
  Random* const random_;
  LiveDelivery live_;
  Mutex creating_;  // So that two at once do not pass a limit together.
};

}  // namespace tarn::registry
