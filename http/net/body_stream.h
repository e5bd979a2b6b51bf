#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/net/response.h"
#include "http/net/task.h"

namespace tarn::http {

// How whoever has news wakes the connection that waits for it. A wake-up between two waits is not lost: the next wait ends
// at once. Owners: the connection, and everybody who may call it.
// Threads: Wake from any, cheap; the rest on the connection's core.
class StreamWaker {
 public:
  // `post_resume` brings the connection's wait to an end, from any thread. A stream makes sure that nobody wakes it any
  // more before it is destroyed: the connection and its core live until then.
  explicit StreamWaker(std::function<void()> post_resume) : post_resume_(std::move(post_resume)) {}

  void Wake() {
    // Posts once, until somebody looked: a thousand commits wake a busy follower once.
    if (!awake_.exchange(true, std::memory_order_acq_rel)) post_resume_();
  }
  // From here on a Wake counts as news. To be called before looking for some.
  void Rearm() { awake_.store(false, std::memory_order_release); }
  bool is_awake() const { return awake_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> awake_{false};
  const std::function<void()> post_resume_;
};

// What a stream has to say next.
struct StreamStep {
  enum class Kind : uint8_t {
    kBytes,   // `pieces`, not all empty.
    kWait,    // Nothing now: ask again when woken, and at `until_ms` of the monotonic clock at the latest.
    kEnd,     // Whole.
    kBroken,  // The rest cannot be had: the connection is cut, so that nobody takes the part for the whole.
  };
  Kind kind = Kind::kEnd;
  std::vector<SharedBytes> pieces;
  uint64_t until_ms = 0;

  static StreamStep Bytes(std::string text) {
    StreamStep step;
    step.kind = Kind::kBytes;
    step.pieces.push_back(ShareString(std::move(text)));
    return step;
  }
  static StreamStep Wait(uint64_t until_ms) {
    StreamStep step;
    step.kind = Kind::kWait;
    step.until_ms = until_ms;
    return step;
  }
  static StreamStep End() { return {}; }
  static StreamStep Broken() {
    StreamStep step;
    step.kind = Kind::kBroken;
    return step;
  }
};

// The body of an answer whose length nobody knows yet, pulled piece by piece as the client takes it: sent in chunks, or to
// an HTTP/1.0 client until the connection ends. A stream that waits costs its memory and no thread.
//
// Destroyed when the answer is over, however it ends; so never later than the server's cores.
// Threads: the core of the connection.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // Before the first Next.
  virtual void Start(std::shared_ptr<StreamWaker> waker) { (void)waker; }
  enum class Mode : uint8_t {
    kGoOn,
    kFinish,  // The server drains: what is left to say without waiting. kWait counts as kEnd.
  };
  virtual Task<StreamStep> Next(Mode mode) = 0;
};

}  // namespace tarn::http
