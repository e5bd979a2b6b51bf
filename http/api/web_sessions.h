#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"

namespace tarn::http {

// What waits for its user in a browser: a login (contract 11.2), or the confirmation of one request (11.3).
//
// A session has two names. The page's is shown to the user, who may paste it anywhere; the other is known only to the
// client that began it, which polls there for what the user approved and gets it once. Sessions live in memory for
// limits::kWebSessionMs; a restart forgets them, and clients begin again.
// Threads: any.
class WebSessions {
 public:
  WebSessions(Clock& clock, Random& random) : clock_(clock), random_(random) {}

  enum class Kind : uint8_t { kLogin, kConfirmation };
  // What the page tells the user about where the request came from.
  struct Origin {
    Kind kind = Kind::kLogin;
    std::string user;     // Of kConfirmation.
    std::string what;     // Of kConfirmation: "PUT /left-pad". Of kLogin: the machine's name, if the client said it.
    std::string address;  // Of the client.
    bool wants_account = false;  // `npm adduser`.
    bool operator==(const Origin&) const = default;
  };
  struct Names {
    std::string page;
    std::string done;
  };
  // kResourceExhausted: too many wait already, at all or from this address.
  Result<Names> Begin(Origin origin) EXCLUDES(mutex_);

  enum class State : uint8_t { kWaiting, kBusy, kApproved };
  struct View {
    Origin origin;
    State state = State::kWaiting;
    std::string form_key;  // Stands in the form: a post without it was not made by our page.
    bool operator==(const View&) const = default;
  };
  // nullopt: unknown, expired, or over.
  std::optional<View> Find(std::string_view page) EXCLUDES(mutex_);

  // One attempt at a time: false while another one is checked, and once it is approved.
  bool Claim(std::string_view page) EXCLUDES(mutex_);
  // Ends the attempt: with what the client shall get, or without.
  void Release(std::string_view page) EXCLUDES(mutex_);
  void Approve(std::string_view page, std::string token) EXCLUDES(mutex_);

  struct Poll {
    enum class Outcome : uint8_t { kUnknown, kWaiting, kDone } outcome = Outcome::kUnknown;
    std::string token;  // Of kDone; the session is over then.
  };
  Poll Take(std::string_view done) EXCLUDES(mutex_);

 private:
  struct Session {
    View view;
    std::string done;
    std::string token;
    uint64_t ends_ms = 0;  // Monotonic.
  };
  void DropExpired() REQUIRES(mutex_);
  Session* Live(std::string_view page) REQUIRES(mutex_);

  Clock& clock_;
  Random& random_;
  Mutex mutex_;
  std::unordered_map<std::string, Session> sessions_ GUARDED_BY(mutex_);  // By the page's name.
  std::unordered_map<std::string, std::string> page_of_done_ GUARDED_BY(mutex_);
};

}  // namespace tarn::http
