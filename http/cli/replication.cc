#include <cstdio>

#include "http/cli/commands.h"
#include "http/cli/operator_answer.h"
#include "http/cli/operator_client.h"
#include "http/cli/table.h"

namespace tarn::cli {
namespace {

using Action = ReplicationArguments::Action;

constexpr uint64_t kReapplySeconds =
    24 * 3600;  // A commit for each record; whoever ends the wait earlier ends nothing else.

std::string LagOf(const http::JsonBody& node) {
  return std::to_string(Number(node, "lag_records")) + " records, " + std::to_string(Number(node, "lag_bytes")) +
         " bytes, " + std::to_string(Number(node, "lag_ms")) + " ms";
}

// What is wrong now, or was.
std::string LastErrorOf(const http::JsonBody& node) {
  if (const std::string now = Text(node, "error"); !now.empty()) return now;
  const std::string past = Text(node, "last_error");
  return past.empty() ? past : past + " (" + std::to_string(Number(node, "last_error_ms_ago")) + " ms ago, over)";
}

void PrintStatus(const http::JsonBody& answer) {
  const auto line = [](const char* name, const std::string& value) { std::printf("%-12s %s\n", name, value.c_str()); };
  line("node", Text(answer, "node"));
  line("role", Text(answer, "role") + ", epoch " + std::to_string(Number(answer, "epoch")));
  line("LSN",
       std::to_string(Number(answer, "lsn")) + " (journal: " + std::to_string(Number(answer, "journaled_lsn")) + ")");
  line("chain hash", Text(answer, "chain_hash"));
  line("state hash", Text(answer, "state_hash"));
  line("ready", IsTrue(answer, "ready") ? "yes" : "no: " + Text(answer, "why_not_ready"));
  if (const uint64_t folders = Number(answer, "set_aside_folders"); folders > 0) {
    line("set aside", std::to_string(folders) + (folders == 1 ? " folder" : " folders") +
                          " of records that nobody else has: tarn replication divergence, tarn replication reapply");
  }
  if (Text(answer, "role") == "follower") {
    line("leader", Text(answer, "leader") + " (" + Text(answer, "phase") + ")");
    line("in sync", IsTrue(answer, "in_sync") ? "yes" : "no");
    line("leader at", "LSN " + std::to_string(Number(answer, "leader_visible_lsn")) + ", state hash " +
                          Text(answer, "leader_state_hash") + ", heard " +
                          std::to_string(Number(answer, "heard_ms_ago")) + " ms ago");
    line("lag", LagOf(answer));
    if (const std::string error = LastErrorOf(answer); !error.empty()) line("last error", error);
    return;
  }
  line("acknowledges", Text(answer, "ack"));
  std::vector<std::vector<std::string>> rows = {{"FOLLOWER", "URL", "STANDING", "DURABLE LSN", "APPLIED LSN",
                                                 "STATE HASH", "LAG", "HEARD (MS AGO)", "LAST ERROR"}};
  for (const http::JsonBody& peer : Items(answer, "followers")) {
    rows.push_back({Text(peer, "node"), Text(peer, "url"), Text(peer, "standing"),
                    std::to_string(Number(peer, "durable_lsn")), std::to_string(Number(peer, "applied_lsn")),
                    Text(peer, "state_hash"), LagOf(peer), std::to_string(Number(peer, "heard_ms_ago")),
                    LastErrorOf(peer)});
  }
  if (rows.size() > 1) std::fputs(FormatTable(rows).c_str(), stdout);
}

void PrintReapplied(const http::JsonBody& answer) {
  std::vector<std::vector<std::string>> rows = {{"FOLDER", "LSN", "WHAT", "PACKAGE", "VERSION", "BY", "RESULT", "WHY"}};
  for (const http::JsonBody& folder : Items(answer, "folders")) {
    for (const http::JsonBody& record : Items(folder, "records")) {
      rows.push_back({Text(folder, "folder"), std::to_string(Number(record, "lsn")), Text(record, "kind"),
                      Text(record, "package"), Text(record, "version"), Text(record, "actor"), Text(record, "result"),
                      Text(record, "reason")});
    }
  }
  if (rows.size() > 1) std::fputs(FormatTable(rows).c_str(), stdout);
  for (const http::JsonBody& folder : Items(answer, "folders")) {
    const std::string error = Text(folder, "error");
    if (error.empty()) continue;
    std::printf("%s cannot be read to its end: %s\n", Text(folder, "folder").c_str(), error.c_str());
  }
  std::printf("%s%llu reapplied, %llu already there, %llu cannot\n", IsTrue(answer, "dry_run") ? "dry run: " : "",
              static_cast<unsigned long long>(Number(answer, "reapplied")),
              static_cast<unsigned long long>(Number(answer, "already_there")),
              static_cast<unsigned long long>(Number(answer, "cannot")));
}

void PrintDone(const http::JsonBody&) { std::puts("done; the node opens its store again in its new role"); }

}  // namespace

int RunReplication(const Config& config, const ReplicationArguments& arguments) {
  auto node = Operator::Connect(config, IfMissing::kRefuse);
  if (!node.ok()) return Fail(node.status().WithContext(config.data));
  if (!(*node)->is_running_server()) {
    return Fail(FailedPrecondition(config.data + ": no server runs here; start it, for these commands talk to it"));
  }
  switch (arguments.action) {
    case Action::kStatus: return Finish((*node)->Call("GET", "/replication/status", ""), arguments.output, PrintStatus);
    case Action::kDivergence: {
      // A list, not an object: passed on as it is.
      const auto answer = (*node)->Call("GET", "/replication/divergence", "");
      if (!answer.ok()) return Fail(answer.status());
      if (answer->http_status != 200) return Finish(answer, arguments.output, PrintDone);
      std::fputs(answer->body.c_str(), stdout);
      return kExitOk;
    }
    case Action::kReapply:
      (*node)->set_answer_seconds(kReapplySeconds);
      return Finish((*node)->Call("POST", "/replication/reapply", arguments.is_dry_run ? "dry-run" : "plain"),
                    arguments.output, PrintReapplied);
    case Action::kPromote:
      return Finish((*node)->Call("POST", "/replication/promote", arguments.accept_loss ? "accept-loss" : "plain"),
                    arguments.output, PrintDone);
    case Action::kDemote:
      return Finish((*node)->Call("POST", "/replication/demote", arguments.url), arguments.output, PrintDone);
  }
  return kExitFailed;
}

}  // namespace tarn::cli
