// Every route, asked by everybody, for a package that they may or may not see: nothing shows, nothing is written, and those
// who may succeed.

#include <gtest/gtest.h>

#include <set>

#include "http/api/testing/route_walk_rows.h"
#include "http/api/testing/route_walk_world.h"

namespace tarn::http {
namespace {

using enum WalkAct;
using Credentials = WalkCaller::Credentials;

std::string RouteName(const Route& route) {
  return std::string(MethodName(route.method)) + " " + std::string(route.pattern);
}

const Route& RouteOf(const WalkRow& row) {
  for (const Route& route : Routes()) {
    if (RouteName(route) == row.route) return route;
  }
  CheckFailed(__FILE__, __LINE__, "a row of no route: ", row.route);
}

bool IsAboutAPackage(WalkAct act) { return act >= kAskAbout; }
bool IsWrite(WalkAct act) { return act == kAccount || act == kOrgChange || act >= kPublish; }
bool IsListing(WalkAct act) {
  return act == kListing || act == kOwnListing || act == kOrgListing || act == kStagedListing;
}

// Before anybody asks what the route would do.
bool AreCredentialsRefused(const WalkWorld::Options& options, const WalkCaller& caller, const Route& route) {
  if (route.auth == AuthRule::kIgnored || route.auth == AuthRule::kOperator) return false;
  if (caller.credentials == Credentials::kBad) return true;
  if (caller.credentials == Credentials::kGood) return false;
  return route.auth == AuthRule::kRequired || options.reads_are_private;
}

bool MayDo(const WalkWorld::Options& options, const WalkCaller& caller, const WalkRow& row) {
  if (AreCredentialsRefused(options, caller, RouteOf(row))) return false;
  const bool is_spared = options.machines_need_no_code && caller.is_machine;
  const bool lacks_code = caller.lacks_code || (options.hidden_wants_code && !caller.shows_code && !is_spared);
  switch (row.act) {
    case kAnybody:
    case kPublicFacts:
    case kListing:
    case kStagedListing:
    case kAskAbout:
    case kByNameAlone: return true;
    case kOwnListing:
    case kLoggedIn: return caller.credentials == Credentials::kGood;
    case kAccount: return caller.account;
    case kAccountRead: return caller.account_read;
    case kOperator: return caller.is_operator;
    case kOrgListing:
    case kOrgFacts: return caller.sees_org;
    case kOrgChange: return caller.manages_org && !caller.lacks_code;
    case kGrant: return caller.manages_org && caller.manages && !lacks_code;
    case kRevoke: return caller.reads && (caller.manages_org || caller.manages) && !lacks_code;
    case kRead:
    case kReadNothing: return caller.reads;
    case kReadStaged: return caller.reads && caller.writes;
    case kPublish: return caller.publishes && !lacks_code;
    case kChange: return caller.changes && !lacks_code;
    case kManage: return caller.manages && !lacks_code;
    case kTag: return caller.changes;
    case kStar: return caller.stars;
    case kStage: return caller.stages;
    case kDecide: return caller.changes && !lacks_code && !caller.is_machine;
  }
  return false;
}

// As it would be if the package were called like its twin.
std::string AsTwin(std::string text) {
  const std::string from = "hidden";
  const std::string to = "absent";
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at))
    text.replace(at, from.size(), to);
  return text;
}

bool Names(const std::string& answer) { return answer.find("hidden") != std::string::npos; }

std::vector<Method> MethodsOf(const Route& route) {
  if (route.method == Method::kGet) return {Method::kGet, Method::kHead};
  return {route.method};
}

class RouteWalk : public ::testing::Test {
 protected:
  void WalkWith(WalkWorld::Options options) {
    options_ = options;
    WalkWorld::Options twin = options;
    twin.has_hidden = false;
    without_.emplace(twin);
    for (const WalkRow& row : WalkRows()) {
      // What a package asks of those who change it is nothing to the other rows.
      if (options.hidden_wants_code && !IsAboutAPackage(row.act)) continue;
      SCOPED_TRACE(row.route);
      WalkRowRefused(row);
      if (IsWrite(row.act)) WalkRowAllowed(row);
    }
  }

 private:
  // All who may not, and all reads: none of them changes anything, so they share a world.
  void WalkRowRefused(const WalkRow& row) {
    WalkWorld with(options_);
    std::vector<const WalkCaller*> callers;
    // Those who may come first, so that whatever is remembered of their answers is there when the others ask.
    for (const bool may : {true, false}) {
      for (const WalkCaller& caller : with.callers()) {
        if (MayDo(options_, caller, row) == may && !(may && IsWrite(row.act))) callers.push_back(&caller);
      }
    }
    const auto state = with.State();
    const int failures = Failures();
    const Route& route = RouteOf(row);
    for (const WalkCaller* caller : callers) {
      SCOPED_TRACE(caller->name);
      if (row.act == kOperator && caller->is_operator) continue;  // Its writes: AskOperator.
      const std::vector<WalkRequest> asked = row.requests(with.TargetFor(*caller, WalkWorld::kHidden));
      const std::vector<WalkRequest> twins = row.requests(with.TargetFor(*caller, WalkWorld::kAbsent));
      for (size_t i = 0; i < asked.size(); ++i) {
        SCOPED_TRACE(asked[i].target + " " + asked[i].body.substr(0, 200));
        for (const Method method : MethodsOf(route)) {
          const std::string answer = with.AskAs(*caller, method, asked[i]);
          ExpectStatus(row, *caller, with.last_status());
          ExpectNothingShows(row, *caller, method, i, answer, &with, twins[i]);
          EXPECT_EQ(with.State(), state) << "something was written";
          if (Failures() - failures > kFailuresOfRow) return;
        }
      }
    }
    if (row.act == kOperator) AskOperator(row, &with);
  }

  int Failures() const { return ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count(); }

  void ExpectStatus(const WalkRow& row, const WalkCaller& caller, uint16_t status) {
    const bool is_open = row.act == kAnybody || row.act == kPublicFacts || row.act == kListing ||
                         row.act == kStagedListing || row.act == kAskAbout || row.act == kByNameAlone ||
                         row.act == kReadNothing;
    if (!MayDo(options_, caller, row)) {
      EXPECT_GE(status, 400) << "it should have been refused";
    } else {
      EXPECT_LT(status, is_open ? 500 : 400) << "it should have succeeded";
    }
  }

  void ExpectNothingShows(const WalkRow& row, const WalkCaller& caller, Method method, size_t index,
                          const std::string& answer, WalkWorld* with, const WalkRequest& twin) {
    if (row.act == kOperator) {
      EXPECT_EQ(answer, with->AskAs(caller, method, {"/-/nothing/here"}));
      return;
    }
    if (IsAboutAPackage(row.act)) {
      // Whoever may publish it knows it too, by being asked for a one-time password for instance, but by no other route.
      const bool publishes_here =
          caller.publishes &&
          (row.act == kPublish || (options_.hidden_wants_code && RouteOf(row).body == BodyRule::kUpload));
      const bool is_known = row.act == kReadStaged
                                ? caller.reads && caller.writes
                                : caller.reads || publishes_here || (row.act == kStage && caller.stages);
      // With the twin, who knows of both could make one.
      if (is_known && IsWrite(row.act)) return;
      if (caller.creates && (row.act == kStage || RouteOf(row).body == BodyRule::kUpload)) return;
      const std::string of_twin = with->AskAs(caller, method, twin);
      if (!is_known || row.act == kByNameAlone) {
        EXPECT_EQ(AsTwin(answer), of_twin);
      } else if (MayDo(options_, caller, row) && row.act != kReadNothing) {
        EXPECT_NE(AsTwin(answer), of_twin) << "it should have shown";
      }
      return;
    }
    const bool may_show = MayShow(row, caller);
    if (IsListing(row.act) && may_show) {
      EXPECT_TRUE(Names(answer)) << "it should have been listed\n" << answer;
    } else if (!(row.act == kAccountRead && caller.account_read)) {
      EXPECT_FALSE(Names(answer)) << answer;
    }
    if (row.act == kPublicFacts || row.act == kOrgFacts || (IsListing(row.act) && !may_show)) {
      const WalkCaller& same = without_->caller(caller.name);
      const auto asked = row.requests(without_->TargetFor(same, WalkWorld::kAbsent));
      EXPECT_EQ(answer, without_->AskAs(same, method, asked[index])) << "counts tell of it";
    }
  }

  bool MayShow(const WalkRow& row, const WalkCaller& caller) {
    if (!caller.reads || AreCredentialsRefused(options_, caller, RouteOf(row))) return false;
    if (row.act == kOwnListing) return caller.owns;
    if (row.act == kStagedListing) return caller.writes;
    return row.act != kOrgListing || caller.sees_org;
  }

  // What is nowhere for others is there for the operator.
  void AskOperator(const WalkRow& row, WalkWorld* with) {
    const WalkCaller& caller = with->caller("operator");
    const Route& route = RouteOf(row);
    const WalkRequest request = row.requests(with->TargetFor(caller, WalkWorld::kHidden)).front();
    EXPECT_NE(with->AskAs(caller, route.method, request),
              with->AskAs(with->caller("admin"), route.method, {"/-/nothing/here"}));
  }

  // Each who may, in a world of their own.
  void WalkRowAllowed(const WalkRow& row) {
    size_t successes = 0;
    for (const WalkCaller& listed : without_->callers()) {
      if (!MayDo(options_, listed, row)) continue;
      SCOPED_TRACE(listed.name);
      WalkWorld world(options_);
      const WalkCaller& caller = world.caller(listed.name);
      const WalkRequest request = row.requests(world.TargetFor(caller, WalkWorld::kHidden)).front();
      const std::string answer = world.AskAs(caller, RouteOf(row).method, request);
      EXPECT_LT(world.last_status(), 400) << request.target << "\n" << answer;
      ++successes;
    }
    EXPECT_GT(successes, 0u) << "nobody may do this";
  }

  static constexpr int kFailuresOfRow = 5;  // One mistake shows in hundreds of answers.
  WalkWorld::Options options_;
  std::optional<WalkWorld> without_;
};

TEST(RouteWalkTable, HasARowForEveryRoute) {
  std::set<std::string> rows;
  std::set<std::string> routes;
  for (const WalkRow& row : WalkRows()) rows.insert(row.route);
  for (const Route& route : Routes()) routes.insert(RouteName(route));
  for (const std::string& route : routes) EXPECT_TRUE(rows.contains(route)) << "add a row for " << route;
  for (const std::string& row : rows) EXPECT_TRUE(routes.contains(row)) << "no such route: " << row;
}

// A row whose target leads to another route would test nothing.
TEST(RouteWalkTable, RowsAskTheirRoutes) {
  const WalkTarget target{"@acme/hidden", "hidden", "1-0", "olive", "token", "hook"};
  for (const WalkRow& row : WalkRows()) {
    for (const WalkRequest& request : row.requests(target)) {
      const auto path = RequestPath::Parse(request.target, "");
      ASSERT_TRUE(path.ok()) << request.target;
      const auto match = MatchRoute(RouteOf(row).method, *path);
      ASSERT_TRUE(match.ok() && match->route != nullptr) << request.target;
      EXPECT_EQ(RouteName(*match->route), row.route) << request.target;
    }
  }
}

TEST_F(RouteWalk, NothingShowsAndNothingIsWritten) { WalkWith({}); }

TEST_F(RouteWalk, NorWhereThePackageWantsASecondFactor) { WalkWith({.hidden_wants_code = true}); }

TEST_F(RouteWalk, NorWhereMachinesAreSparedTheSecondFactor) {
  WalkWith({.hidden_wants_code = true, .machines_need_no_code = true});
}

TEST_F(RouteWalk, NorInAPrivateRegistry) { WalkWith({.reads_are_private = true}); }

}  // namespace
}  // namespace tarn::http
