#include "replication/election.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "storage/base/random.h"
#include "storage/testing/manual_clock.h"

namespace tarn::replication {
namespace {

// What etcd does, in memory: the rules of Coordination on a clock of its own (leases), reached through a network that may
// be cut for a node, and that may lose an answer after the change was made.
class Agreement {
 public:
  explicit Agreement(Clock* clock) : clock_(clock) {}
  static constexpr uint64_t kLeaseMs = 5'000;

  void Expire() {
    if (leader_ && clock_->MonotonicMs() >= lease_end_ms_) leader_.reset();
  }
  ClusterView View() {
    Expire();
    ClusterView view;
    view.epoch = epoch_;
    view.epoch_revision = static_cast<int64_t>(epoch_.value());
    view.leader = leader_;
    view.in_sync = in_sync_;
    view.in_sync_revision = in_sync_revision_;
    return view;
  }
  Result<Leadership> Campaign(const Member& candidate, const ClusterView& view, Coordination::Founding founding) {
    Expire();
    const bool founds = founding == Coordination::Founding::kYes;
    if (leader_ || view.epoch != epoch_ || view.in_sync_revision != in_sync_revision_) return Conflict("changed");
    if (founds != (in_sync_revision_ == 0)) return FailedPrecondition("founding");
    if (!founds && std::ranges::find(in_sync_, candidate.node_id) == in_sync_.end())
      return PermissionDenied("not in sync");
    if (founds) in_sync_ = {candidate.node_id}, in_sync_revision_ = ++revision_;
    leader_ = candidate;
    epoch_ = Epoch(epoch_.value() + 1);
    lease_ = ++revision_;
    lease_end_ms_ = clock_->MonotonicMs() + kLeaseMs;
    return Leadership{epoch_, lease_, lease_};
  }
  bool IsValid(const Leadership& leadership) {
    Expire();
    return leader_ && lease_ == leadership.lease;
  }
  Status KeepAlive(const Leadership& leadership) {
    if (!IsValid(leadership)) return NotFound("over");
    lease_end_ms_ = clock_->MonotonicMs() + kLeaseMs;
    return OkStatus();
  }
  Status SetInSync(const Leadership& leadership, const std::vector<std::string>& in_sync) {
    if (!IsValid(leadership)) return Conflict("over");
    in_sync_ = in_sync;
    in_sync_revision_ = ++revision_;
    return OkStatus();
  }
  Status Resign(const Leadership& leadership) {
    if (IsValid(leadership)) leader_.reset();
    return OkStatus();
  }

 private:
  Clock* const clock_;
  std::optional<Member> leader_;
  Epoch epoch_;
  int64_t lease_ = 0;
  uint64_t lease_end_ms_ = 0;
  std::vector<std::string> in_sync_;
  int64_t in_sync_revision_ = 0;
  int64_t revision_ = 0;
};

// One node's way to the agreement.
class Line final : public Coordination {
 public:
  Line(Agreement* agreement, ManualClock* clock) : agreement_(agreement), clock_(clock) {}
  bool is_cut = false;
  bool loses_answers = false;
  uint64_t delay_ms = 0;

  Result<ClusterView> Read() override {
    return Pass<Result<ClusterView>>([&] { return Result<ClusterView>(agreement_->View()); });
  }
  Result<Leadership> Campaign(const Member& candidate, const ClusterView& view, Founding founding) override {
    return Pass<Result<Leadership>>([&] { return agreement_->Campaign(candidate, view, founding); });
  }
  Status KeepAlive(const Leadership& leadership) override {
    return Pass<Status>([&] { return agreement_->KeepAlive(leadership); });
  }
  Status SetInSync(const Leadership& leadership, const std::vector<std::string>& in_sync) override {
    return Pass<Status>([&] { return agreement_->SetInSync(leadership, in_sync); });
  }
  Status Resign(const Leadership& leadership) override {
    return Pass<Status>([&] { return agreement_->Resign(leadership); });
  }

 private:
  template <typename T, typename F>
  T Pass(F ask) {
    if (is_cut) return Unavailable("cut");
    T answer = ask();
    clock_->AdvanceMs(delay_ms);
    if (loses_answers) return DeadlineExceeded("lost");
    return answer;
  }
  Agreement* const agreement_;
  ManualClock* const clock_;
};

struct Node final : RoleControl {
  Node(std::string id, Agreement* agreement, ManualClock* clock, Coordination::Founding founding)
      : line(agreement, clock),
        election({{id, "http://" + id + "/"}, Agreement::kLeaseMs, founding}, &line, this, clock) {}
  Status MayLead() override { return may_lead; }
  Status BecomeLeader(const Leadership& leadership) override {
    epochs.push_back(leadership.epoch);
    leads = can_lead.ok();
    return can_lead;
  }
  void StepDown(const std::string&) override { leads = false; }
  void Follow(const std::optional<Member>& leader, Epoch) override {
    followed.push_back(leader ? leader->node_id : "");
  }

  Line line;
  Status may_lead, can_lead;
  bool leads = false;
  std::vector<Epoch> epochs;
  std::vector<std::string> followed;
  Election election;
};

class ElectionTest : public ::testing::Test {
 protected:
  void Run(uint64_t ms) {
    for (const uint64_t end_ms = clock_.MonotonicMs() + ms; clock_.MonotonicMs() < end_ms; clock_.AdvanceMs(100)) {
      for (Node* node : {&east_, &west_}) {
        uint64_t& due_ms = due_ms_[node];
        if (clock_.MonotonicMs() >= due_ms) due_ms = clock_.MonotonicMs() + node->election.Step();
      }
      ASSERT_FALSE(east_.election.MayAcknowledge() && west_.election.MayAcknowledge());
    }
  }
  ManualClock clock_;
  Agreement agreement_{&clock_};
  Node east_{"east", &agreement_, &clock_, Coordination::Founding::kYes};
  Node west_{"west", &agreement_, &clock_, Coordination::Founding::kNo};
  std::map<Node*, uint64_t> due_ms_;
};

TEST_F(ElectionTest, TheFounderLeadsAndTheOtherFollowsIt) {
  Run(3'000);
  EXPECT_TRUE(east_.leads);
  EXPECT_TRUE(east_.election.MayAcknowledge());
  EXPECT_EQ(west_.followed.back(), "east");
  EXPECT_EQ(east_.epochs, std::vector<Epoch>{Epoch(1)});
}

TEST_F(ElectionTest, ANodeOutsideTheSetIsNeverElected) {
  Run(3'000);
  east_.line.is_cut = true;
  Run(60'000);
  EXPECT_FALSE(east_.leads);
  EXPECT_FALSE(west_.leads);
  east_.line.is_cut = false;
  Run(10'000);
  EXPECT_TRUE(east_.leads);
  EXPECT_EQ(east_.epochs.back(), Epoch(2));
}

TEST_F(ElectionTest, AMemberTakesOverWhenTheLeaderIsCutOff) {
  Run(3'000);
  ASSERT_TRUE(east_.election.SetInSync({"east", "west"}).ok());
  Run(1'000);
  east_.line.is_cut = true;
  Run(7'000);
  EXPECT_FALSE(east_.leads);
  EXPECT_TRUE(west_.leads);
  EXPECT_EQ(west_.epochs.back(), Epoch(2));
  EXPECT_EQ(east_.election.SetInSync({"east"}).code(), Code::kFailedPrecondition);
}

TEST_F(ElectionTest, ALeaderThatHasLostTheClusterCannotShrinkTheSet) {
  Run(3'000);
  ASSERT_TRUE(east_.election.SetInSync({"east", "west"}).ok());
  // East stands still, as under SIGSTOP, until west has taken over.
  for (int i = 0; i < 80 && !west_.leads; ++i) {
    clock_.AdvanceMs(100);
    west_.election.Step();
  }
  ASSERT_TRUE(west_.leads);
  EXPECT_FALSE(east_.election.MayAcknowledge());
  EXPECT_EQ(east_.election.SetInSync({"east"}).code(), Code::kConflict);
  east_.election.Step();
  EXPECT_FALSE(east_.leads);
}

TEST_F(ElectionTest, ABrokenNodeDoesNotStand) {
  Run(3'000);
  ASSERT_TRUE(east_.election.SetInSync({"east", "west"}).ok());
  west_.may_lead = FailedPrecondition("a blob is missing");
  east_.line.is_cut = true;
  Run(20'000);
  EXPECT_FALSE(west_.leads);
  EXPECT_NE(west_.election.state().last_error.find("a blob is missing"), std::string::npos);
}

TEST_F(ElectionTest, WhoCannotLeadGivesItBack) {
  Run(3'000);
  ASSERT_TRUE(east_.election.SetInSync({"east", "west"}).ok());
  west_.can_lead = IoError("disk");
  east_.election.Resign("planned");
  west_.election.Step();
  EXPECT_FALSE(west_.leads);
  EXPECT_FALSE(west_.election.MayAcknowledge());
  Run(2'000);
  EXPECT_TRUE(east_.leads);
}

TEST_F(ElectionTest, ResigningSparesTheOthersTheWait) {
  Run(3'000);
  ASSERT_TRUE(east_.election.SetInSync({"east", "west"}).ok());
  east_.election.Resign("planned");
  EXPECT_FALSE(east_.election.MayAcknowledge());
  west_.election.Step();
  EXPECT_TRUE(west_.leads);
}

// Everything that can happen to the line, decided by one seed: never two that may acknowledge, epochs unique and rising,
// and a leader within 10 s of the last fault.
class ElectionSeeds : public ::testing::TestWithParam<uint64_t> {};

TEST_P(ElectionSeeds, NeverTwoLeaders) {
  SeededRandom dice(GetParam());
  ManualClock clock;
  Agreement agreement(&clock);
  std::vector<std::unique_ptr<Node>> nodes;
  for (const char* id : {"east", "west", "north"}) {
    nodes.push_back(std::make_unique<Node>(id, &agreement, &clock,
                                           nodes.empty() ? Coordination::Founding::kYes : Coordination::Founding::kNo));
  }
  std::map<Node*, uint64_t> due_ms;
  const auto turn = [&](Node* node) {
    if (clock.MonotonicMs() < due_ms[node]) return;
    due_ms[node] = clock.MonotonicMs() + node->election.Step();
    if (node->election.state().is_leader && dice.Below(4) == 0) {
      (void)node->election.SetInSync({"east", "north", "west"});
    }
  };
  const auto check = [&] {
    size_t may = 0;
    for (const auto& node : nodes) may += node->election.MayAcknowledge();
    ASSERT_LE(may, 1U);
    std::set<Epoch> seen;
    for (const auto& node : nodes) {
      ASSERT_TRUE(std::ranges::is_sorted(node->epochs));
      for (const Epoch epoch : node->epochs) ASSERT_TRUE(seen.insert(epoch).second) << "epoch " << epoch.value();
    }
  };
  for (int i = 0; i < 600; ++i) {
    Node* const node = nodes[dice.Below(nodes.size())].get();
    switch (dice.Below(12)) {
      case 0: node->line.is_cut = true; break;
      case 1: node->line.is_cut = false; break;
      case 2: node->line.loses_answers = !node->line.loses_answers; break;
      case 3: node->line.delay_ms = dice.Below(3'000); break;
      case 4: clock.AdvanceMs(dice.Below(4'000)); break;
      case 5: node->may_lead = dice.Below(2) == 0 ? OkStatus() : FailedPrecondition("incomplete"); break;
      default: clock.AdvanceMs(dice.Below(400));
    }
    for (const auto& each : nodes) {
      if (dice.Below(8) != 0) turn(each.get());  // Else it sleeps through its turn.
      ASSERT_NO_FATAL_FAILURE(check());
    }
  }
  for (const auto& node : nodes) {
    node->line.is_cut = node->line.loses_answers = false;
    node->line.delay_ms = 0;
    node->may_lead = OkStatus();
  }
  bool someone = false;
  for (int i = 0; i < 100; ++i, clock.AdvanceMs(100)) {
    someone = false;
    for (const auto& node : nodes) {
      if (clock.MonotonicMs() >= due_ms[node.get()]) due_ms[node.get()] = clock.MonotonicMs() + node->election.Step();
      someone |= node->election.MayAcknowledge();
    }
    ASSERT_NO_FATAL_FAILURE(check());
  }
  EXPECT_TRUE(someone);
}

INSTANTIATE_TEST_SUITE_P(All, ElectionSeeds, ::testing::Range<uint64_t>(1, 201));

}  // namespace
}  // namespace tarn::replication
