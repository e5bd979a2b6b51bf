#include <cinttypes>
#include <cstdio>

#include "http/cli/commands.h"
#include "http/cli/job_kinds.h"
#include "http/cli/jobs.h"
#include "http/cli/operator_answer.h"
#include "http/cli/operator_client.h"

namespace tarn::cli {
namespace {

void PrintText(const http::JsonBody& report, const std::vector<std::string>& findings) {
  for (const std::string& finding : findings) std::printf("FINDING %s\n", finding.c_str());
  const uint64_t count = Number(report, "finding_count");
  if (count > findings.size()) std::printf("… and %" PRIu64 " more findings\n", count - findings.size());
  std::printf("verified %" PRIu64 " segments, %" PRIu64 " records, %" PRIu64 " blobs, %" PRIu64
              " bytes up to LSN %" PRIu64 ": %" PRIu64 " findings\n",
              Number(report, "segments"), Number(report, "records"), Number(report, "blobs"),
              Number(report, "bytes_read"), Number(report, "lsn"), count);
}

Result<std::string> VerifyStopped(const Config& config, const VerifyArguments& arguments) {
  auto offline = OpenOffline(config, engine::StoreOptions::Mode::kReadOnly);
  if (!offline.ok()) return offline.status().WithContext(config.data);
  ASSIGN_OR_RETURN(const auto report,
                   engine::Verify(*offline->store, arguments.deep ? engine::BlobStore::Depth::kDigest
                                                                  : engine::BlobStore::Depth::kChecksums));
  ASSIGN_OR_RETURN(const auto references, offline->registry->VerifyReferences());
  return VerifyReportJson(report, references);
}

Result<std::string> VerifyRunning(Operator* node, const VerifyArguments& arguments) {
  const std::string body = std::string("{\"deep\":") + (arguments.deep ? "true" : "false") +
                           ",\"bytes_per_second\":" + std::to_string(arguments.megabytes_per_second * 1'000'000) + "}";
  ASSIGN_OR_RETURN(JobResult result, RunJob(node, "verify", body));
  return std::move(result.text);
}

}  // namespace

int RunVerify(const Config& config, const VerifyArguments& arguments) {
  const std::unique_ptr<Operator> running = Operator::FindRunning(config);
  const auto text = running == nullptr ? VerifyStopped(config, arguments) : VerifyRunning(running.get(), arguments);
  if (!text.ok()) return Fail(text.status());
  const auto report = http::JsonBody::ParseObject(*text);
  if (!report.ok()) return Fail(report.status());
  if (arguments.output == Output::kJson) {
    std::printf("%s\n", text->c_str());
  } else {
    const auto findings = report->Strings("findings");
    if (!findings.ok()) return Fail(findings.status());
    PrintText(*report, findings->value_or(std::vector<std::string>()));
  }
  return Number(*report, "finding_count") == 0 ? kExitOk : kExitFindings;
}

}  // namespace tarn::cli
