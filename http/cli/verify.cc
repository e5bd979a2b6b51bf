#include <cstdio>

#include "http/cli/commands.h"
#include "http/cli/operator_client.h"

namespace tarn::cli {
namespace {

void PrintText(const engine::VerifyReport& report, const std::vector<std::string>& references) {
  for (const std::string& finding : report.findings) std::printf("FINDING %s\n", finding.c_str());
  for (const std::string& finding : references) std::printf("FINDING %s\n", finding.c_str());
  if (report.finding_count > report.findings.size()) {
    std::printf("… and %llu more findings\n",
                static_cast<unsigned long long>(report.finding_count - report.findings.size()));
  }
  std::printf("verified %llu segments, %llu records, %llu blobs, %llu bytes up to LSN %llu: %llu findings\n",
              static_cast<unsigned long long>(report.segments), static_cast<unsigned long long>(report.records),
              static_cast<unsigned long long>(report.blobs), static_cast<unsigned long long>(report.bytes_read),
              static_cast<unsigned long long>(report.last_lsn.value()),
              static_cast<unsigned long long>(report.finding_count + references.size()));
}

void PrintJson(const engine::VerifyReport& report, const std::vector<std::string>& references) {
  std::string out =
      "{\"segments\":" + std::to_string(report.segments) + ",\"records\":" + std::to_string(report.records) +
      ",\"blobs\":" + std::to_string(report.blobs) + ",\"bytes_read\":" + std::to_string(report.bytes_read) +
      ",\"lsn\":" + std::to_string(report.last_lsn.value()) +
      ",\"finding_count\":" + std::to_string(report.finding_count + references.size()) + ",\"findings\":[";
  bool first = true;
  for (const auto* list : {&report.findings, &references}) {
    for (const std::string& finding : *list) {
      out += (first ? "" : ",") + JsonString(finding);
      first = false;
    }
  }
  std::printf("%s]}\n", out.c_str());
}

}  // namespace

int RunVerify(const Config& config, const VerifyArguments& arguments) {
  auto offline = OpenOffline(config, engine::StoreOptions::Mode::kReadOnly);
  if (!offline.ok()) return Fail(offline.status().WithContext(config.data));
  const auto report = engine::Verify(
      *offline->store, arguments.deep ? engine::BlobStore::Depth::kDigest : engine::BlobStore::Depth::kChecksums);
  if (!report.ok()) return Fail(report.status());
  const auto references = offline->registry->VerifyReferences();
  if (!references.ok()) return Fail(references.status());
  if (arguments.output == Output::kJson)
    PrintJson(*report, *references);
  else
    PrintText(*report, *references);
  return report->finding_count + references->size() == 0 ? kExitOk : kExitFindings;
}

}  // namespace tarn::cli
