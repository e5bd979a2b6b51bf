#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>

#include "http/net/body_stream.h"
#include "storage/base/limits.h"
#include "storage/base/mutex.h"

namespace tarn::http {

// Who waits for changes of packages. Threads: any.
class Followers {
 public:
  // One follower's place; leaves it when destroyed. After that its waker is not called any more.
  class Place {
   public:
    explicit Place(Followers* followers) : followers_(*followers) {}
    ~Place() { followers_.Leave(this); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    void Attach(std::shared_ptr<StreamWaker> waker) { followers_.Attach(this, std::move(waker)); }

   private:
    Followers& followers_;
  };

  explicit Followers(size_t most = limits::kFollowersMax) : most_(most) {}

  // nullptr: there are too many.
  std::unique_ptr<Place> Enter() EXCLUDES(mutex_);
  // A change is visible. Called by the committer: wakes those who sleep, about 1 µs each.
  void Notify() EXCLUDES(mutex_);
  size_t count() const EXCLUDES(mutex_);

 private:
  void Attach(const Place* place, std::shared_ptr<StreamWaker> waker) EXCLUDES(mutex_);
  void Leave(const Place* place) EXCLUDES(mutex_);

  const size_t most_;
  mutable Mutex mutex_;
  std::unordered_map<const Place*, std::shared_ptr<StreamWaker>> places_ GUARDED_BY(mutex_);
};

}  // namespace tarn::http
