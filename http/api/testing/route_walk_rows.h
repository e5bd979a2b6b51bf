#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/api/testing/test_head.h"

// One row for each route, and for each thing that a route can be asked to do: whom it is for, and how to ask. The walk
// (route_walk_test.cc) compares the rows with the route table, so that a new route without a row fails.
namespace tarn::http {

// What a request does, hence whose it is.
enum class WalkAct : uint8_t {
  kAnybody,        // Has nothing to do with packages.
  kLoggedIn,       // Likewise, for whoever is somebody.
  kAccount,        // Changes the account of the caller.
  kAccountRead,    // Tells of it what limited tokens may not know.
  kOperator,       // Only through the Unix socket.
  kPublicFacts,    // Depends on packages, but only on those that everybody may read.
  kListing,        // Names the packages that the caller may read.
  kOwnListing,     // Likewise, of those that are the caller's.
  kOrgListing,     // Likewise, for whoever sees the organisation.
  kStagedListing,  // Likewise, of those that the caller may publish.
  kOrgFacts,       // Of the organisation, and of no package.
  kOrgChange,
  kAskAbout,     // About a package by name; 200 whether it is there or not.
  kByNameAlone,  // Likewise, and the answer never depends on whether it is there.
  kRead,
  kReadNothing,  // Something that the package in question does not have.
  kReadStaged,   // For who may publish it, and read it.
  kPublish,
  kChange,
  kManage,  // Who else may change it.
  kTag,     // A change that asks for no one-time password.
  kStar,
  kStage,   // Never asks for a one-time password.
  kDecide,  // Asks everybody who has one, machines too.
  kGrant,
  kRevoke,
};

// What a request is made of.
struct WalkTarget {
  std::string name;         // "@acme/hidden", or the twin that does not exist.
  std::string stem;         // Without its scope.
  std::string rev;          // The current revision of the package; its twin is asked with the same.
  std::string user;         // The caller's, or somebody's.
  std::string spare_token;  // Another token of that user.
  std::string hook;         // A hook of that user.
  std::string stage_id = "00000000-0000-4000-8000-000000000000";  // Of a version of the package, or of nothing.
};

struct WalkRequest {
  std::string target;
  std::string body = {};
  Headers headers = {};
};

struct WalkRow {
  std::string route;  // "GET /{pkg}", as in the table.
  WalkAct act;
  std::function<std::vector<WalkRequest>(const WalkTarget&)> requests;  // The first is the one that does it.
};

std::vector<WalkRow> WalkRows();

}  // namespace tarn::http
