#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/api/request_path.h"
#include "http/net/admission.h"
#include "http/net/executor.h"
#include "http/net/handler.h"
#include "http/net/response.h"
#include "storage/base/node_state.h"
#include "storage/registry/registry.h"

namespace tarn::registry {
class Hooks;
class PackageListing;
}  // namespace tarn::registry

namespace tarn::http {

class Followers;
class HotCache;
class Metrics;
class OperatorJobs;
class ReplicationCheckpoints;
class WebSessions;

// Who shows these credentials, now: for answers that outlive their request. Threads: any; blocks.
class Identities {
 public:
  virtual ~Identities() = default;
  // Anonymous for an empty header; kUnauthenticated for credentials that are not, or no longer, good.
  virtual Result<registry::Principal> Identify(std::string_view authorization, const registry::PeerAddress& client) = 0;
};

// For answers that go on when their handler has returned, and for followers.
struct FeedServices {
  Executor& executor;
  Identities& identities;
  Followers& followers;
  ReplicationCheckpoints& checkpoints;
};

// What handlers may use. One for the life of the server; everything in it is safe for any thread.
struct Services {
  registry::Registry& registry;
  NodeState& node;
  Clock& clock;
  HotCache& hot;
  Metrics& metrics;
  const FeedServices* feeds = nullptr;  // Not of a stopped server, whose operator asks for no feeds.
  WebSessions* web_sessions = nullptr;  // nullptr: web login is switched off.
  bool reads_are_private = false;       // Only authenticated callers may read: then no shared cache may keep an answer.
  registry::Hooks* hooks = nullptr;     // Never nullptr where handlers run.
  registry::PackageListing* listing = nullptr;  // Likewise, but on a stopped server.
  OperatorJobs* jobs = nullptr;                 // Never nullptr where handlers run.
};

struct Route;

// One request, ready for its handler: routed, authenticated, its body read. The views live until the handler returns.
struct Call {
  const Route& route;
  const RequestHead& head;
  const Peer& peer;
  registry::PeerAddress client;  // Who is behind the proxies; none on the Unix socket.
  registry::Principal principal;
  std::string_view base_url;  // No trailing slash.
  std::string_view query;
  std::string package;  // Of {pkg}, as npm writes it; checked by the registry's parser.
  std::vector<std::pair<std::string_view, std::string>> parameters;  // The other {…}, decoded.
  std::string body;

  const std::string& Parameter(std::string_view name) const;
};

// Who may call. Bad credentials are 401 on all but kIgnored.
enum class AuthRule : uint8_t {
  kIgnored,   // Login: a stale token is no hindrance, the body decides.
  kOptional,  // The handler sees an anonymous principal if nothing was shown.
  kRequired,  // 401 for anonymous callers.
  kOperator,  // Only through the Unix socket; does not exist otherwise.
};

enum class BodyRule : uint8_t {
  kNone,    // Ignored if there is one.
  kSmall,   // Read whole before the handler; at most kSmallBodyBytesMax, also after inflating.
  kLarge,   // Read whole, at most limits::kAuditBodyBytesMax, also after inflating; has places of its own.
  kUpload,  // Streamed into a registry::PackageUpload; has no plain handler.
  kStage,   // The same; what is uploaded is staged.
};
// Logins, tokens, tags. They are read before a place among the requests of their class is taken, so that slow clients
// occupy none; hence small.
inline constexpr uint64_t kSmallBodyBytesMax = 64 * limits::kKiB;

// Where a handler runs. nullopt: on the core thread, at once, past all queues. That is for answers about the process
// itself, which must come when everything else waits; such a handler does not block, and nobody is asked who calls.
using RunsOn = std::optional<WorkClass>;

using PlainHandler = Response (*)(const Services& services, const Call& call);

struct Route {
  Method method;
  std::string_view pattern;  // {pkg} takes one or two segments, {other} takes one.
  AdmissionClass admission;
  RunsOn runs_on;
  AuthRule auth;
  BodyRule body;
  PlainHandler handler;      // nullptr for kUpload and kStage.
  std::string_view summary;  // For API.md.
};

// The one table; http/API.md is printed from it.
const std::vector<Route>& Routes();
std::string FormatApiMarkdown();

// The outcome of looking a path up.
struct RouteMatch {
  const Route* route = nullptr;  // nullptr: no route for this method.
  std::string package;
  std::vector<std::pair<std::string_view, std::string>> parameters;
  std::vector<Method> allowed;  // Methods that the path has; empty: no such path.
  bool is_operator = false;     // The path is for the operator's socket.
};
// HEAD finds GET's route. Errors of PackageNameAt and PercentDecode.
Result<RouteMatch> MatchRoute(Method method, const RequestPath& path);

std::string_view MethodName(Method method);

}  // namespace tarn::http
