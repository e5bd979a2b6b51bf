#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "http/cli/local_node.h"
#include "http/cli/periodic_work.h"
#include "http/cli/stall_detector.h"
#include "http/cli/state_dump.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"

namespace tarn::cli {

// Looks every now and then whether the disk, the commits, the classes of the executor and the cores go on with what they
// have to do. When one has not for so long: the node is not ready, with that one's name, and the log gets a state dump; when
// it goes on again, the node is ready again, by itself.
// Threads: its own, and any.
class Watchdog {
 public:
  //   node  told what is stalled; it and `parts` outlive this.
  Watchdog(const StallDetector::Options& options, const DumpParts& parts, LocalNode* node, Clock* clock);

  // The state, as one line of the log.
  void Dump(std::string_view reason) const EXCLUDES(mutex_);

 private:
  std::vector<Vital> TakeVitals();
  void Look() EXCLUDES(mutex_);

  const DumpParts parts_;
  LocalNode* const node_;
  Clock* const clock_;
  StallDetector detector_;  // Of the looking thread.
  mutable Mutex mutex_;
  std::vector<Vital> vitals_ GUARDED_BY(mutex_);  // Of the last look.
  PeriodicWork looks_;                            // Last: it uses everything above.
};

}  // namespace tarn::cli
