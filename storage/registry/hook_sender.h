#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/http_client.h"
#include "storage/registry/hook_events.h"
#include "storage/registry/registry.h"

namespace tarn::registry {

// One event for one hook.
struct HookJob {
  std::string id;  // Of the hook.
  HookRecord hook;
  std::shared_ptr<const HookOccasion> occasion;
  size_t event_index = 0;
  bool is_troubled = false;  // Its receiver was slow or failed last time.
};

struct HookOutcome {
  enum class Kind : uint8_t {
    kDelivered,  // The receiver answered 2xx.
    kSkipped,    // The hook's user may not see the package, or there is none any more.
    kOwnerGone,  // The hook's user has no account any more.
    kRefused,    // Another answer, or none: `error` says why.
    kNotNow,     // It is this registry that cannot, just now.
    kCancelled,
  };
  Kind kind = Kind::kCancelled;
  uint16_t response_code = 0;  // 0: no answer.
  std::string error;
  uint64_t took_ms = 0;
};

// Makes and sends deliveries. Threads: one at a time; Cancel from any. Blocks, at most limits::kHookDeliveryMs on the
// receiver.
class HookSender {
 public:
  struct Options {
    bool allow_private_addresses = false;
    std::string base_url;  // Of the packuments; without a slash at its end.
  };
  HookSender(engine::Store* store, Registry* registry, const Options& options, Clock* clock);

  HookOutcome Send(const HookJob& job);
  // Ends what is being sent, and everything after it.
  void Cancel() { client_.Cancel(); }

 private:
  // The hook's user as a reader; kNotFound when the account is gone.
  Result<Principal> OwnerOf(const HookRecord& hook) const;
  Result<std::string> Payload(const Principal& principal, const PackageName& name) const;

  engine::Store* const store_;
  Registry* const registry_;
  const Options options_;
  Clock* const clock_;
  HttpClient client_;
};

}  // namespace tarn::registry
