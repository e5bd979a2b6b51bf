#include "http/cli/job_kinds.h"

#include <chrono>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>

#include "storage/base/logging.h"
#include "storage/engine/paced_verify.h"
#include "storage/registry/collection.h"

namespace tarn::cli {
namespace {

using Work = http::OperatorJobs::Work;
using IsStopping = std::function<bool()>;

void AppendStrings(const std::vector<std::string>& strings, bool is_first, std::string* out) {
  for (const std::string& text : strings) {
    if (!std::exchange(is_first, false)) out->push_back(',');
    *out += JsonString(text);
  }
}

std::string CollectionJson(const registry::CollectionReport& report, const registry::CollectionOptions& options) {
  const engine::SweepReport& sweep = report.sweep;
  std::string json = std::string("{\"dry_run\":") + (options.dry_run ? "true" : "false");
  json += std::string(",\"leader\":") + (options.leads ? "true" : "false");
  const auto add = [&json](std::string_view name, uint64_t value) {
    json += ",\"" + std::string(name) + "\":" + std::to_string(value);
  };
  add("blobs", report.blobs);
  add("blobs_young", report.blobs_young);
  add("blobs_collected", report.blobs_collected);
  add("bytes_collected", report.bytes_collected);
  add("blobs_taken_again", report.blobs_taken_again);
  add("segments_seen", sweep.segments_seen);
  add("segments_rewritten", sweep.segments_rewritten);
  add("segments_removed", sweep.segments_removed);
  add("blobs_swept", sweep.blobs);
  add("bytes_given_back", sweep.bytes);
  add("bytes_dead_left", sweep.bytes_left);
  json += ",\"findings\":[";
  AppendStrings(sweep.findings, true, &json);
  return json + "]}";
}

Result<registry::CollectionOptions> ParseCollection(const http::JsonBody& request, const NodeState& node) {
  registry::CollectionOptions options;
  ASSIGN_OR_RETURN(const auto dry_run, request.Bool("dry_run"));
  ASSIGN_OR_RETURN(const auto age_ms, request.Number("age_ms"));
  ASSIGN_OR_RETURN(const auto dead_percent, request.Number("dead_percent"));
  if (dead_percent.value_or(0) > 100) return InvalidArgument("\"dead_percent\" is over 100");
  options.dry_run = dry_run.value_or(false);
  options.age_ms = age_ms.value_or(options.age_ms);
  options.dead_percent = dead_percent.value_or(options.dead_percent);
  options.leads = node.role() == NodeRole::kLeader;
  return options;
}

// Sleeps so that the bytes take the time that they may.
class Pacer {
 public:
  Pacer(uint64_t bytes_per_second, const IsStopping& is_stopping, Clock* clock)
      : bytes_per_second_(bytes_per_second),
        is_stopping_(is_stopping),
        clock_(*clock),
        begin_ms_(clock_.MonotonicMs()) {}

  Status Add(uint64_t bytes) {
    bytes_ += bytes;
    while (!is_stopping_()) {
      if (bytes_per_second_ == 0) return OkStatus();
      if (clock_.MonotonicMs() - begin_ms_ >= bytes_ * 1'000 / bytes_per_second_) return OkStatus();
      std::this_thread::sleep_for(std::chrono::milliseconds(kStepMs));
    }
    return Cancelled("stopping");
  }

 private:
  static constexpr uint64_t kStepMs = 20;
  const uint64_t bytes_per_second_;
  const IsStopping& is_stopping_;
  Clock& clock_;
  const uint64_t begin_ms_;
  uint64_t bytes_ = 0;
};

struct VerifyRequest {
  engine::BlobStore::Depth depth = engine::BlobStore::Depth::kChecksums;
  uint64_t bytes_per_second = 0;
};

Result<VerifyRequest> ParseVerify(const http::JsonBody& request) {
  VerifyRequest parsed;
  ASSIGN_OR_RETURN(const auto deep, request.Bool("deep"));
  ASSIGN_OR_RETURN(const auto bytes_per_second, request.Number("bytes_per_second"));
  if (deep.value_or(false)) parsed.depth = engine::BlobStore::Depth::kDigest;
  parsed.bytes_per_second = bytes_per_second.value_or(0);
  return parsed;
}

}  // namespace

std::string VerifyReportJson(const engine::VerifyReport& report, const std::vector<std::string>& references) {
  std::string out =
      "{\"segments\":" + std::to_string(report.segments) + ",\"records\":" + std::to_string(report.records) +
      ",\"blobs\":" + std::to_string(report.blobs) + ",\"bytes_read\":" + std::to_string(report.bytes_read) +
      ",\"lsn\":" + std::to_string(report.last_lsn.value()) +
      ",\"finding_count\":" + std::to_string(report.finding_count + references.size()) + ",\"findings\":[";
  AppendStrings(report.findings, true, &out);
  AppendStrings(references, report.findings.empty(), &out);
  return out + "]}";
}

std::map<std::string, http::OperatorJobs::Kind> JobKinds(engine::Store* store, registry::Registry* registry,
                                                         const NodeState* node, Clock* clock) {
  std::map<std::string, http::OperatorJobs::Kind> kinds;
  kinds["gc"] = [store, node, clock](const http::JsonBody& request) -> Result<Work> {
    ASSIGN_OR_RETURN(registry::CollectionOptions options, ParseCollection(request, *node));
    return Work([store, clock, options](const IsStopping& is_stopping) -> Result<std::string> {
      registry::CollectionOptions mine = options;
      mine.is_stopping = is_stopping;
      ASSIGN_OR_RETURN(const registry::CollectionReport report, registry::CollectBlobs(*store, mine, *clock));
      return CollectionJson(report, mine);
    });
  };
  kinds["verify"] = [store, registry, clock](const http::JsonBody& request) -> Result<Work> {
    ASSIGN_OR_RETURN(const VerifyRequest asked, ParseVerify(request));
    return Work([store, registry, clock, asked](const IsStopping& is_stopping) -> Result<std::string> {
      Pacer pacer(asked.bytes_per_second, is_stopping, clock);
      const auto pace = [&pacer](uint64_t bytes) { return pacer.Add(bytes); };
      ASSIGN_OR_RETURN(const engine::VerifyReport report, engine::VerifyPaced(*store, asked.depth, pace));
      ASSIGN_OR_RETURN(const auto references, registry->VerifyReferences());
      return VerifyReportJson(report, references);
    });
  };
  return kinds;
}

}  // namespace tarn::cli
