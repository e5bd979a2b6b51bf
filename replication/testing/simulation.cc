#include "replication/testing/simulation.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "replication/testing/simulated_node.h"
#include "storage/testing/builders.h"

namespace tarn::replication {
namespace simulation {
namespace {

constexpr uint64_t kHealMs = 90'000;

// The node that leads as far as everybody who may say so has said.
Node* LeaderOf(World& world) {
  Node* leader = nullptr;
  for (const auto& node : world.nodes) {
    if (node->written().role != NodeRole::kLeader) continue;
    if (leader == nullptr || node->written().epoch > leader->written().epoch) leader = node.get();
  }
  return leader;
}

void RunClient(World& world, int client) {
  struct Outcome {
    Mutex mutex;
    CondVar changed;
    std::optional<Result<engine::CommitInfo>> answer;
    bool came_from_the_dead = false;
  };
  for (int i = 0; !world.is_over; ++i) {
    world.turns.SleepMs(20 + world.dice.Below(world.is_faulty ? 400 : 2'000));
    Node* const node = LeaderOf(world);
    if (node == nullptr) continue;
    const auto outcome = std::make_shared<Outcome>();
    {
      const Node::Use use(node);
      if (use.life() == nullptr || use.life()->leader == nullptr || use.life()->is_handing_over) continue;
      const std::string key = "c" + std::to_string(client) + "-" + std::to_string(i);
      engine::Mutation mutation = PutMutation(engine::Family::kUser, key, std::string(world.dice.Below(300), 'v'));
      if (world.dice.Below(2) == 0) {
        auto writer = use.life()->store->blobs().NewWriter();
        if (!writer.ok() || !(*writer)->Append("blob of " + key + world.dice.Bytes(world.dice.Below(2'000))).ok())
          continue;
        auto staged = (*writer)->Finish();
        if (!staged.ok()) continue;
        mutation.blobs = {*std::move(staged)};
      }
      use.life()->store->CommitAsync(std::move(mutation), [outcome, node](Result<engine::CommitInfo> info) {
        MutexLock lock(outcome->mutex);
        outcome->came_from_the_dead = node->is_dead();
        outcome->answer = std::move(info);
        outcome->changed.NotifyAll();
      });
    }
    MutexLock lock(outcome->mutex);
    while (!outcome->answer.has_value()) outcome->changed.Wait(outcome->mutex);
    if (!outcome->answer->ok() || outcome->came_from_the_dead) {
      ++world.outcome.refused;
      continue;
    }
    const engine::CommitInfo& info = **outcome->answer;
    ++world.outcome.acknowledged;
    world.invariants.Acknowledged(node->name(), info.epoch, info.lsn, LeaderOf(world) == node);
  }
}

// Everybody follows `next` from now on; `next` leads in a new epoch.
void MakeLeader(World& world, Node* next) {
  Epoch highest;
  for (const auto& node : world.nodes) highest = std::max(highest, node->written().epoch);
  for (const auto& node : world.nodes) {
    Written& written = node->written();
    written.role = node.get() == next ? NodeRole::kLeader : NodeRole::kFollower;
    written.leader = next->index();
    written.in_sync.clear();
    if (node.get() == next) written.epoch = highest.Next();
    node->Give(Node::Order::kReopen);
  }
}

bool HasEverything(Node* next, Lsn lsn) {
  const Node::Use use(next);
  return use.life() != nullptr && use.life()->follower != nullptr && use.life()->follower->Complete().ok() &&
         use.life()->store->last_lsn() == lsn;
}

// As `tarn demote`: the old leader stops, the new one catches up, then it leads.
void HandOver(World& world, Node* from, Node* to) {
  bool is_done = false;
  {
    const Node::Use use(from);
    if (use.life() == nullptr || use.life()->leader == nullptr) return;
    use.life()->is_handing_over = true;
    world.turns.SleepMs(100);
    const Lsn last = use.life()->store->last_lsn();
    use.life()->leader->FreezeAt(last);
    for (int i = 0; i < 100 && !is_done && !from->is_dead(); ++i) {
      world.turns.SleepMs(20);
      is_done = use.life()->store->last_lsn() == last && HasEverything(to, last);
    }
  }
  if (!is_done) return from->Give(Node::Order::kReopen);
  ++world.outcome.hand_overs;
  MakeLeader(world, to);
}

// An operator promotes a member of the in-sync set of a leader that is down.
void PromoteInPlaceOf(World& world, Node* leader) {
  for (const auto& node : world.nodes) {
    const auto& members = leader->written().in_sync;
    if (node.get() == leader || std::ranges::find(members, node->name()) == members.end()) continue;
    ++world.outcome.promotions;
    return MakeLeader(world, node.get());
  }
}

void RunTrouble(World& world) {
  const uint64_t end_ms = world.clock.MonotonicMs() + world.options.run_ms;
  while (world.clock.MonotonicMs() < end_ms && !world.is_broken()) {
    world.turns.SleepMs(300 + world.dice.Below(2'500));
    Node* const node = world.nodes[world.dice.Below(kNodes)].get();
    Node* const leader = LeaderOf(world);
    switch (world.dice.Below(6)) {
      case 0:
      case 1:
        ++world.outcome.crashes;
        node->Give(Node::Order::kCrash, 200 + world.dice.Below(4'000));
        break;
      case 2: world.cut.insert({0, 1 + world.dice.Below(2)}); break;
      case 3: world.cut.clear(); break;
      case 4:
        if (node != leader) HandOver(world, leader, node);
        break;
      default:
        ++world.outcome.crashes;
        leader->Give(Node::Order::kCrash, 3'000);
        world.turns.SleepMs(world.dice.Below(500));
        PromoteInPlaceOf(world, leader);
    }
  }
  world.cut.clear();
  world.is_faulty = false;
  for (const auto& node : world.nodes) node->Raise();
}

void Look(World& world) {
  Node* const leader = LeaderOf(world);
  for (const auto& node : world.nodes) {
    const Node::Use use(node.get());
    if (use.life() == nullptr) continue;
    const NodeView view = node->View(use.life());
    world.invariants.Observe(view);
    if (leader == nullptr) continue;
    const auto& members = leader->written().in_sync;
    const bool is_member = std::ranges::find(members, node->name()) != members.end();
    if (is_member) world.invariants.HasAllAcknowledged(view, "it is in sync");
  }
}

bool AreEqual(World& world) {
  std::set<std::pair<std::string, std::array<uint64_t, 2>>> heads;
  for (const auto& node : world.nodes) {
    const Node::Use use(node.get());
    if (use.life() == nullptr) return false;
    const engine::VisibleHead head = use.life()->store->shipping()->visible();
    if (head.lsn != use.life()->store->shipping()->journaled().lsn) return false;
    heads.emplace(std::string(head.chain_hash.view()), head.state_hash);
    world.outcome.records = head.lsn.value();
  }
  return heads.size() == 1;
}

void WatchUntilTheEnd(World& world) {
  while (world.is_faulty) {
    world.turns.SleepMs(kTickMs);
    Look(world);
  }
  const uint64_t end_ms = world.clock.MonotonicMs() + kHealMs;
  bool is_equal = false;
  while (!is_equal && !world.is_broken() && world.clock.MonotonicMs() < end_ms) {
    world.turns.SleepMs(kTickMs);
    Look(world);
    is_equal = AreEqual(world);
  }
  if (!is_equal)
    world.outcome.violations.push_back("the nodes are not equal " + std::to_string(kHealMs) +
                                       " ms after the last fault");
  for (const auto& node : world.nodes) {
    const Node::Use use(node.get());
    if (use.life() != nullptr) world.invariants.HasAllAcknowledged(node->View(use.life()), "all is healed");
  }
}

}  // namespace
}  // namespace simulation

SimulationOutcome Simulate(const SimulationOptions& options) {
  using namespace simulation;
  World world(options);
  for (size_t i = 0; i < kNodes; ++i) world.nodes[i] = std::make_unique<Node>(&world, i);
  world.nodes[0]->written().role = NodeRole::kLeader;
  for (const auto& node : world.nodes) node->Start();
  std::vector<Thread> threads;
  for (int client = 0; client < 3; ++client) threads.emplace_back([&world, client] { RunClient(world, client); });
  threads.emplace_back([&world] { RunTrouble(world); });
  WatchUntilTheEnd(world);
  world.is_over = true;
  for (Thread& thread : threads) thread.join();
  for (const auto& node : world.nodes) node->Give(Node::Order::kEnd);
  for (const auto& node : world.nodes) node->Join();
  SimulationOutcome outcome = std::move(world.outcome);
  const auto& violations = world.invariants.violations();
  outcome.violations.insert(outcome.violations.end(), violations.begin(), violations.end());
  outcome.switches = world.turns.switches();
  for (auto& node : world.nodes) node.reset();
  return outcome;
}

}  // namespace tarn::replication
