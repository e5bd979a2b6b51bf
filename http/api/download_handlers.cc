// Download counts in the form of the public service (contract 12.6).
#include <algorithm>
#include <charconv>
#include <numeric>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "storage/base/logging.h"
#include "storage/registry/download_counts.h"

namespace tarn::http {
namespace {

using registry::DownloadCounts;
using registry::DownloadPeriod;
using registry::PackageName;

enum class Detail : uint8_t { kSum, kDays };

// {"downloads":…,"start":…,"end":…,"package":…}; `package` is empty for everything.
std::string FormatCounts(const DownloadPeriod& period, const DownloadCounts::Days& days, std::string_view package,
                         Detail detail) {
  std::string out = "{\"downloads\":";
  if (detail == Detail::kSum) {
    out += std::to_string(std::accumulate(days.begin(), days.end(), uint64_t{0}));
  } else {
    for (size_t i = 0; i < days.size(); ++i) {
      out += (i == 0 ? "[" : ",") + std::string("{\"downloads\":") + std::to_string(days[i]) + ",\"day\":\"" +
             registry::FormatDay(period.first_day + static_cast<uint32_t>(i)) + "\"}";
    }
    out += "]";
  }
  out += ",\"start\":\"" + registry::FormatDay(period.first_day) + "\",\"end\":\"" +
         registry::FormatDay(period.last_day) + "\"";
  if (!package.empty()) out += ",\"package\":" + JsonString(package);
  return out + "}";
}

// Of one of several packages: null for what is not there, or not for the caller.
Result<std::string> CountsOrNull(const Services& services, const Call& call, const DownloadPeriod& period,
                                 const std::string& text, Detail detail) {
  const auto name = PackageName::Parse(text);
  if (!name.ok()) return std::string("null");
  const auto days = services.registry.downloads().OfPackage(call.principal, *name, period);
  if (days.code() == Code::kNotFound) return std::string("null");
  RETURN_IF_ERROR(days.status());
  return FormatCounts(period, *days, name->full(), detail);
}

Response CountsOfSeveral(const Services& services, const Call& call, const DownloadPeriod& period, Detail detail) {
  if (period.day_count() > limits::kDownloadBulkDaysMax) {
    return ErrorResponse(400, "Counts of several packages are given for at most 365 days.");
  }
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= call.package.size();) {
    const size_t end = std::min(call.package.find(',', begin), call.package.size());
    names.push_back(call.package.substr(begin, end - begin));
    begin = end + 1;
  }
  if (names.size() > limits::kDownloadPackagesPerRequestMax) {
    return ErrorResponse(400, "Counts are given for at most " + std::to_string(limits::kDownloadPackagesPerRequestMax) +
                                  " packages at once.");
  }
  std::string out = "{";
  for (const std::string& name : names) {
    if (name.find('/') != std::string::npos) {
      return ErrorResponse(400, "Scoped packages can only be asked for one by one.");
    }
    const auto counts = CountsOrNull(services, call, period, name, detail);
    if (!counts.ok()) return ErrorResponse(counts.status());
    out += (out.size() > 1 ? "," : "") + JsonString(name) + ":" + *counts;
  }
  return PrivateJsonResponse(200, out + "}");
}

Response HandleDownloads(const Services& services, const Call& call, Detail detail) {
  DownloadCounts& downloads = services.registry.downloads();
  const auto period = registry::ParseDownloadPeriod(call.Parameter("period"), downloads.Today());
  if (!period.ok()) return ErrorResponse(period.status());
  if (call.package.find(',') != std::string::npos) return CountsOfSeveral(services, call, *period, detail);
  if (call.package.empty()) {
    const auto days = downloads.OfEverything(call.principal, *period);
    if (!days.ok()) return ErrorResponse(days.status());
    return PrivateJsonResponse(200, FormatCounts(*period, *days, "", detail));
  }
  const auto name = PackageName::Parse(call.package);
  if (!name.ok()) return ErrorResponse(404, "package " + call.package + " not found");
  const auto days = downloads.OfPackage(call.principal, *name, *period);
  if (!days.ok()) return ErrorResponse(days.status());
  return PrivateJsonResponse(200, FormatCounts(*period, *days, name->full(), detail));
}

}  // namespace

Response HandleDownloadsPoint(const Services& services, const Call& call) {
  return HandleDownloads(services, call, Detail::kSum);
}

Response HandleDownloadsRange(const Services& services, const Call& call) {
  return HandleDownloads(services, call, Detail::kDays);
}

Response HandleVersionDownloads(const Services& services, const Call& call) {
  const auto name = PackageName::Parse(call.package);
  if (!name.ok()) return ErrorResponse(404, "package " + call.package + " not found");
  const auto versions = services.registry.downloads().OfVersions(call.principal, *name);
  if (!versions.ok()) return ErrorResponse(versions.status());
  std::string out = "{\"package\":" + JsonString(name->full()) + ",\"downloads\":{";
  for (size_t i = 0; i < versions->size(); ++i) {
    out += (i > 0 ? "," : "") + JsonString((*versions)[i].first) + ":" + std::to_string((*versions)[i].second);
  }
  return PrivateJsonResponse(200, out + "}}");
}

}  // namespace tarn::http
