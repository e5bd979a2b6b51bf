#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/operator_jobs.h"
#include "storage/base/logging.h"
#include "storage/registry/collection.h"

namespace tarn::http {
namespace {

std::string ReportJson(const registry::CollectionReport& report, const registry::CollectionOptions& options) {
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
  for (size_t i = 0; i < sweep.findings.size(); ++i) json += (i == 0 ? "" : ",") + JsonString(sweep.findings[i]);
  return json + "]}";
}

Result<registry::CollectionOptions> ParseOptions(const Services& services, const Call& call) {
  registry::CollectionOptions options;
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto dry_run, body.Bool("dry_run"));
  ASSIGN_OR_RETURN(const auto age_ms, body.Number("age_ms"));
  ASSIGN_OR_RETURN(const auto dead_percent, body.Number("dead_percent"));
  if (dead_percent.value_or(0) > 100) return InvalidArgument("\"dead_percent\" is over 100");
  options.dry_run = dry_run.value_or(false);
  options.age_ms = age_ms.value_or(options.age_ms);
  options.dead_percent = dead_percent.value_or(options.dead_percent);
  options.leads = services.node.role() == NodeRole::kLeader;
  return options;
}

Response JobResponse(const Services& services, const Status& started) {
  if (started.code() == Code::kFailedPrecondition) return ErrorResponse(409, started.message());
  if (!started.ok()) return ErrorResponse(started);
  return PrivateJsonResponse(202, services.jobs->StateJson());
}

}  // namespace

Response HandleOperatorJob(const Services& services, const Call&) {
  return PrivateJsonResponse(200, services.jobs->StateJson());
}

Response HandleOperatorCollect(const Services& services, const Call& call) {
  const auto asked = ParseOptions(services, call);
  if (!asked.ok()) return ErrorResponse(asked.status());
  engine::Store* const store = services.store;
  Clock* const clock = &services.clock;
  auto work = [store, clock, asked = *asked](const std::function<bool()>& is_stopping) -> Result<std::string> {
    registry::CollectionOptions options = asked;
    options.is_stopping = is_stopping;
    ASSIGN_OR_RETURN(const registry::CollectionReport report, registry::CollectBlobs(*store, options, *clock));
    return ReportJson(report, options);
  };
  return JobResponse(services, services.jobs->Start("gc", std::move(work)));
}

}  // namespace tarn::http
