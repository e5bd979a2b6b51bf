#pragma once

#include <string>
#include <vector>

#include "http/cli/config.h"
#include "storage/base/collect_limits.h"

// The sub-commands of `tarn`. Each prints to standard output what was asked for and to standard error what went wrong, and
// returns the exit status.
namespace tarn::cli {

// Exit statuses; docs/operations.md.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;    // It could not be done; the message says what to do.
inline constexpr int kExitUsage = 2;     // The words of the command line are wrong.
inline constexpr int kExitFindings = 3;  // Done, and something was found (verify).

enum class Output : uint8_t { kText, kJson };

int RunServe(const Config& config);

struct VerifyArguments {
  bool deep = false;
  uint64_t megabytes_per_second = 50;  // Of a running server; 0: as fast as it can be read.
  Output output = Output::kText;
};
int RunVerify(const Config& config, const VerifyArguments& arguments);

struct UserArguments {
  enum class Action : uint8_t { kAdd, kPassword, kList, kRemove, kResetSecondFactor } action = Action::kList;
  std::string name;
  std::string email;
  bool admin = false;
  bool password_stdin = false;
  Output output = Output::kText;
};
int RunUser(const Config& config, const UserArguments& arguments);

struct TokenArguments {
  enum class Action : uint8_t { kCreate, kList, kRevoke } action = Action::kList;
  std::string user;  // kCreate, kList.
  std::string key;   // kRevoke.
  std::string name;
  std::vector<std::string> cidrs;
  // What it is limited to; without any of these, to nothing.
  std::vector<std::string> packages, scopes, orgs;
  std::string orgs_permission = "read-only";
  bool read_only = false;
  bool publish_only = false;
  bool stage_only = false;
  bool bypass_second_factor = false;
  uint64_t expires_days = 0;  // 0: never.
  Output output = Output::kText;
};
int RunToken(const Config& config, const TokenArguments& arguments);

struct CollectArguments {
  bool dry_run = false;
  uint64_t age_hours = limits::kCollectAgeMs / 3'600'000;
  uint64_t dead_percent = limits::kSweepDeadPercent;
  Output output = Output::kText;
};
int RunCollect(const Config& config, const CollectArguments& arguments);

struct KeysArguments {
  enum class Action : uint8_t { kList, kRotate } action = Action::kList;
  Output output = Output::kText;
};
int RunKeys(const Config& config, const KeysArguments& arguments);

struct AdvisoriesArguments {
  enum class Action : uint8_t { kImport, kList, kRemove } action = Action::kList;
  std::vector<std::string> paths;  // kImport.
  std::vector<std::string> ids;    // kRemove.
  std::string package;             // kList: of this one only.
  Output output = Output::kText;
};
int RunAdvisories(const Config& config, const AdvisoriesArguments& arguments);

struct HookArguments {
  enum class Action : uint8_t { kList, kReplay, kRemove } action = Action::kList;
  std::string id;         // kReplay, kRemove.
  uint64_t from_lsn = 0;  // kReplay.
  Output output = Output::kText;
};
int RunHook(const Config& config, const HookArguments& arguments);

struct ReplicationArguments {
  enum class Action : uint8_t { kStatus, kDivergence, kReapply, kPromote, kDemote } action = Action::kStatus;
  bool accept_loss = false;  // kPromote.
  bool is_dry_run = false;   // kReapply.
  std::string url;           // kDemote: of the node that takes over.
  Output output = Output::kText;
};
int RunReplication(const Config& config, const ReplicationArguments& arguments);

struct ImportArguments {
  enum class Kind : uint8_t { kCouchdb, kVerdaccio, kRegistry } kind = Kind::kCouchdb;
  std::vector<std::string> sources;
  std::vector<std::string> users;  // More sources, which hold accounts.
  std::vector<std::string> only;   // Package names; empty: all.
  std::string format = "auto";     // "json", "multipart", "couch": what the sources are.
  std::string database;            // Which one of a folder of CouchDB's.
  std::string tarballs;            // Folder or URL of those that the sources lack; empty: none.
  std::string report;              // File; empty: none.
  std::string ca_file;
  std::string from;                // Of kRegistry: a file of names, or a lockfile; empty: `only` alone.
  std::string token_file;          // Likewise; empty: what the environment has.
  std::string owner;               // Of kVerdaccio: who maintains what names nobody.
  bool with_cached = false;        // Likewise: also what was only cached there.
  std::string against;             // Of a comparison: the URL of a server; empty: the data directory.
  std::string against_token_file;  // Likewise; empty: it is asked as anybody.
  bool dry_run = false;
  bool compare = false;  // Write nothing, and say how what is in differs from the sources.
  bool follow = false;
  bool from_start = false;
  bool drop_orphans = false;
  Output output = Output::kText;
};
int RunImport(const Config& config, const ImportArguments& arguments);

int RunStatus(const Config& config, Output output);

// Prints "tarn: message" to standard error; returns kExitFailed.
int Fail(const Status& status);
std::string SocketPath(const Config& config);

}  // namespace tarn::cli
