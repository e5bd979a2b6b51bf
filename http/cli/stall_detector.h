#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/status.h"

namespace tarn::cli {

// One thing that has to go on for the node to be of use: the disk, the commits, a class of the executor, a core.
struct Vital {
  std::string name;
  uint64_t stuck_ms = 0;   // For how long it has had something to do and has not got on with it; 0: it is well.
  std::string doing = {};  // With what, for people; may be empty.
};

// Decides from a look now and then what is stalled. Pure: the times are the caller's. Threads: one.
//
// A vital stalls when it has been stuck for stall_ms, and has recovered when it was not for recovered_ms: a disk that lets
// through one write now and then is not well.
class StallDetector {
 public:
  struct Options {
    uint64_t stall_ms = 5'000;
    uint64_t recovered_ms = 1'000;
  };
  struct Changes {
    std::vector<std::string> began;  // Names.
    std::vector<std::string> ended;
  };

  explicit StallDetector(const Options& options) : options_(options) {}

  // `vitals`: all of them each time, in the same order.
  Changes Look(const std::vector<Vital>& vitals, uint64_t now_ms);
  // OK, or kUnavailable with every stalled vital by name.
  Status verdict() const;

 private:
  struct Known {
    Vital vital;
    bool is_stalled = false;
    uint64_t well_since_ms = 0;  // While it is stalled and no longer stuck; 0 otherwise.
  };
  bool Update(const Vital& vital, uint64_t now_ms, Known* known) const;

  const Options options_;
  std::vector<Known> known_;
};

}  // namespace tarn::cli
