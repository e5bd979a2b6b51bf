#include "storage/registry/packument_sealer.h"

#include <sys/resource.h>
#include <unistd.h>

namespace tarn::registry {
namespace {

constexpr int kLowestPriority = 19;

}  // namespace

PackumentSealer::PackumentSealer(PackumentCache* cache) : cache_(cache), thread_([this] { Run(); }) {}

PackumentSealer::~PackumentSealer() {
  {
    MutexLock lock(mutex_);
    is_ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void PackumentSealer::Wake() {
  MutexLock lock(mutex_);
  if (has_work_) return;
  has_work_ = true;
  changed_.NotifyAll();
}

bool PackumentSealer::WaitForWork() {
  MutexLock lock(mutex_);
  while (!has_work_ && !is_ending_) changed_.Wait(mutex_);
  has_work_ = false;
  return !is_ending_;
}

void PackumentSealer::Run() {
  // On Linux this sets the calling thread alone. Without the right to, it runs like any other.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowestPriority));
  while (WaitForWork()) {
    if (cache_->Seal(1) != 0) Wake();  // Perhaps more; asked again, so that an end is noticed in between.
  }
}

}  // namespace tarn::registry
