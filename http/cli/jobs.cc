#include "http/cli/jobs.h"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <string_view>
#include <thread>
#include <utility>

#include "http/cli/commands.h"
#include "http/cli/operator_answer.h"
#include "http/cli/operator_client.h"

namespace tarn::cli {
namespace {

constexpr std::string_view kResultKey = ",\"result\":";  // The last member.
constexpr auto kAskAgain = std::chrono::milliseconds(200);

std::string Megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

void PrintCollection(const http::JsonBody& report) {
  const bool is_dry_run = IsTrue(report, "dry_run");
  const auto number = [&report](std::string_view key) { return Number(report, key); };
  if (IsTrue(report, "leader")) {
    std::printf("%" PRIu64 " blobs, of which nothing refers to %" PRIu64 ": %" PRIu64 " (%s) %s, %" PRIu64 " too young",
                number("blobs"), number("blobs_collected") + number("blobs_young") + number("blobs_taken_again"),
                number("blobs_collected"), Megabytes(number("bytes_collected")).c_str(),
                is_dry_run ? "would be collected" : "collected", number("blobs_young"));
    if (number("blobs_taken_again") > 0)
      std::printf(", %" PRIu64 " published again meanwhile", number("blobs_taken_again"));
    std::puts("");
  } else {
    std::puts("this node follows: what its leader has collected is swept here");
  }
  std::printf("%s: %s of %" PRIu64 " blobs; %" PRIu64 " segments %s written anew, %" PRIu64 " removed, of %" PRIu64
              " that are sealed\n",
              is_dry_run ? "would be given back" : "given back", Megabytes(number("bytes_given_back")).c_str(),
              number("blobs_swept"), number("segments_rewritten"), is_dry_run ? "would be" : "were",
              number("segments_removed"), number("segments_seen"));
  if (number("bytes_dead_left") > 0) {
    std::printf("%s are dead in segments that have little of it (--dead-percent 0 takes them too)\n",
                Megabytes(number("bytes_dead_left")).c_str());
  }
}

}  // namespace

Result<JobResult> RunJob(Operator* node, const std::string& kind, const std::string& body) {
  auto answer = node->Call("POST", "/jobs/" + kind, body);
  RETURN_IF_ERROR(BodyOf(answer).status());
  while (true) {
    answer = node->Call("GET", "/job", "");
    ASSIGN_OR_RETURN(const http::JsonBody state, BodyOf(answer));
    const std::string phase = Text(state, "state");
    if (phase == "failed") return FailedPrecondition(Text(state, "error"));
    if (phase == "done") {
      const auto result = answer->body.find(kResultKey);
      if (result == std::string::npos) return Internal("a job without a result");
      std::string text = answer->body.substr(result + kResultKey.size());
      text.pop_back();  // Of the object around it.
      ASSIGN_OR_RETURN(http::JsonBody parsed, http::JsonBody::ParseObject(text));
      return JobResult{std::move(parsed), std::move(text)};
    }
    if (phase != "running") return Unavailable("the node has forgotten the job; did it start again?");
    std::this_thread::sleep_for(kAskAgain);
  }
}

int RunCollect(const Config& config, const CollectArguments& arguments) {
  auto node = Operator::Connect(config, IfMissing::kRefuse);
  if (!node.ok()) return Fail(node.status().WithContext(config.data));
  const std::string body = std::string("{\"dry_run\":") + (arguments.dry_run ? "true" : "false") +
                           ",\"age_ms\":" + std::to_string(arguments.age_hours * 3'600'000) +
                           ",\"dead_percent\":" + std::to_string(arguments.dead_percent) + "}";
  const auto result = RunJob(node->get(), "gc", body);
  if (!result.ok()) return Fail(result.status());
  if (arguments.output == Output::kJson) {
    std::printf("%s\n", result->text.c_str());
  } else {
    PrintCollection(result->body);
  }
  const auto findings = result->body.Strings("findings");
  if (!findings.ok()) return Fail(findings.status());
  if (!*findings || (*findings)->empty()) return kExitOk;
  if (arguments.output == Output::kText) {
    for (const std::string& finding : **findings) std::printf("not swept: %s\n", finding.c_str());
  }
  return kExitFindings;
}

}  // namespace tarn::cli
