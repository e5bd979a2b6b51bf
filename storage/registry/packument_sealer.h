#pragma once

#include <thread>

#include "storage/base/mutex.h"
#include "storage/registry/packument_cache.h"

namespace tarn::registry {

// The thread that compresses full chunks of packuments anew (PackumentCache::Seal), one at a time and at the lowest
// priority: nobody waits for it, and what it saves is bandwidth.
// Threads: any.
class PackumentSealer {
 public:
  explicit PackumentSealer(PackumentCache* cache);
  // Ends the thread after the chunk in hand.
  ~PackumentSealer();
  PackumentSealer(const PackumentSealer&) = delete;
  PackumentSealer& operator=(const PackumentSealer&) = delete;

  // There may be work: a packument was built, or appended to.
  void Wake() EXCLUDES(mutex_);

 private:
  void Run() EXCLUDES(mutex_);
  // False: the end.
  bool WaitForWork() EXCLUDES(mutex_);

  PackumentCache* const cache_;

  Mutex mutex_;
  CondVar changed_;
  bool has_work_ GUARDED_BY(mutex_) = false;
  bool is_ending_ GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace tarn::registry
