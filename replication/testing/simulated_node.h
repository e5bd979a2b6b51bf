#pragma once

// The nodes of a simulation and what they share (simulation.h).

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "replication/follower.h"
#include "replication/invariants.h"
#include "replication/leader.h"
#include "replication/peer_client.h"
#include "replication/testing/simulation.h"
#include "storage/engine/store.h"
#include "storage/testing/fault_fs.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/temp_directory.h"
#include "storage/testing/turn_scheduler.h"

namespace tarn::replication::simulation {

inline constexpr size_t kNodes = 3;
inline constexpr uint64_t kTickMs = 50;
inline constexpr std::array<const char*, kNodes> kNames = {"east", "west", "north"};

class Node;

// What all of them share.
struct World {
  explicit World(const SimulationOptions& options_in)
      : options(options_in), dice(options_in.seed), turns(options_in.seed * 7 + 1, &clock) {}
  const SimulationOptions options;
  SeededRandom dice;
  ManualClock clock;
  TurnScheduler turns;
  Invariants invariants;
  SimulationOutcome outcome;
  std::array<std::unique_ptr<Node>, kNodes> nodes;
  std::set<std::pair<size_t, size_t>> cut;  // Pairs without a link.
  bool is_faulty = true;
  bool is_over = false;

  bool Chance(uint64_t one_in) { return is_faulty && dice.Below(one_in) == 0; }
  bool is_broken() const { return !outcome.violations.empty() || !invariants.violations().empty(); }
  bool IsCut(size_t a, size_t b) const { return cut.contains({std::min(a, b), std::max(a, b)}); }
  void Delay() { turns.SleepMs(Chance(40) ? dice.Below(1'500) : dice.Below(is_faulty ? 40 : 5)); }
};

// What a node has written down (node_file.h), as peering keeps it.
struct Written {
  NodeRole role = NodeRole::kFollower;
  size_t leader = 0;
  Epoch epoch{1};
  std::vector<std::string> in_sync;
};

// From one opening of the store to its closing.
struct Life {
  std::unique_ptr<FaultFileSystem> files;
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<Leader> leader;
  std::unique_ptr<Follower> follower;
  std::unique_ptr<engine::Store> store;
  bool is_handing_over = false;
};

// One node with its disk. Its thread opens and closes the store, as serve does.
class Node {
 public:
  Node(World* world, size_t index) : world_(world), index_(index), directory_(folder_.path() + "/data") {}

  enum class Order : uint8_t { kNone, kReopen, kCrash, kEnd };
  void Start() {
    thread_ = Thread([this] { Run(); });
  }
  void Give(Order order, uint64_t down_ms = 0) {
    MutexLock lock(mutex_);
    if (order_ == Order::kEnd || (order == Order::kReopen && order_ == Order::kCrash)) return;
    order_ = order;
    if (order == Order::kCrash) {
      is_dead_ = true;
      down_until_ms_ = world_->clock.MonotonicMs() + down_ms;
      if (life_ != nullptr) life_->files->CutPowerAtCall(0);
    }
    changed_.NotifyAll();
  }
  void Join() { thread_.join(); }
  // Until it is up again at once.
  void Raise() {
    MutexLock lock(mutex_);
    down_until_ms_ = 0;
  }

  // The open store, held open meanwhile.
  class Use {
   public:
    explicit Use(Node* node) : node_(*node) {
      MutexLock lock(node_.mutex_);
      life_ = node_.is_dead_ ? nullptr : node_.life_.get();
      node_.users_ += life_ != nullptr;
    }
    ~Use() {
      if (life_ == nullptr) return;
      MutexLock lock(node_.mutex_);
      --node_.users_;
      node_.changed_.NotifyAll();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Life* life() const { return life_; }

   private:
    Node& node_;
    Life* life_ = nullptr;
  };

  bool is_dead() const { return is_dead_; }
  std::string name() const { return kNames[index_]; }
  size_t index() const { return index_; }
  Written& written() { return written_; }
  NodeView View(Life* life) const { return {name(), written_.epoch, life->store->shipping()}; }
  bool is_stopping() {
    MutexLock lock(mutex_);
    return order_ != Order::kNone;
  }

 private:
  PeerOptions LeaderOptions();
  void Run();
  bool Open();
  void Close();
  void LoadDisk(FaultFileSystem* files) const;
  void StoreDisk(FaultFileSystem* files) const;
  std::unique_ptr<Leader> MakeLeader();
  std::unique_ptr<Follower> MakeFollower();

  World* const world_;
  const size_t index_;
  TempDirectory folder_;
  const std::string directory_;
  Written written_;
  Mutex mutex_;
  CondVar changed_;
  Order order_ = Order::kNone;
  bool is_dead_ = false;
  uint64_t down_until_ms_ = 0;
  uint64_t users_ = 0;
  uint64_t lives_ = 0;
  std::unique_ptr<Life> life_;
  Thread thread_;
};

// A way from one node to another: delays, losses, repeated questions, broken pieces, cut wires.
std::unique_ptr<PeerLine> DialSimulated(World* world, size_t from, size_t to);

}  // namespace tarn::replication::simulation
