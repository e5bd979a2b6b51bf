#pragma once

#include <cstdint>
#include <string>
#include <vector>

// A leader and two followers in one process: real stores, real Leader and Follower with all their threads, which take turns
// (turn_scheduler.h); a clock that jumps, a network that loses, stalls, tears and parts, disks that lose what was not synced.
// One seed decides all of it.
namespace tarn::replication {

struct SimulationOptions {
  uint64_t seed = 1;
  uint64_t run_ms = 20'000;  // Of faults; then all is healed.
  // Planted faults; a simulation that does not notice is worth nothing.
  uint64_t skip_record = 0;  // The shipper leaves this LSN out.
  bool acks_ahead = false;   // A follower says that it has one record more than it has.
  bool skip_sync = false;    // Journals are not synced.
};

struct SimulationOutcome {
  std::vector<std::string> violations;
  uint64_t acknowledged = 0, refused = 0, crashes = 0, hand_overs = 0, promotions = 0, set_aside = 0, reconnects = 0;
  uint64_t switches = 0;  // Of threads: the same for the same seed.
  uint64_t records = 0;
};

SimulationOutcome Simulate(const SimulationOptions& options);

}  // namespace tarn::replication
