#include "http/cli/import_printer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "storage/base/bytes.h"
#include "storage/base/import_limits.h"
#include "storage/base/logging.h"
#include "storage/registry/integrity.h"

namespace tarn::cli {
namespace {

constexpr uint64_t kWarningsShownMax = 200;
constexpr uint64_t kBarMs = 200;
constexpr int kBarWidth = 30;

std::string Megabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

std::string Member(const char* key, const std::string& text) {
  return "\"" + std::string(key) + "\":" + JsonString(text);
}
std::string Member(const char* key, uint64_t number) {
  return "\"" + std::string(key) + "\":" + std::to_string(number);
}

std::string ToJson(const migrate::Finding& finding) {
  return "{" + Member("finding", std::string(FindingName(finding.kind))) + "," + Member("where", finding.where) + "," +
         Member("what", finding.what) + "," +
         Member("severity", finding.severity == migrate::Finding::Severity::kNote ? std::string("note") : "warning") +
         "}";
}

std::string ToJson(const std::vector<migrate::Finding>& findings) {
  std::string json = "[";
  for (const migrate::Finding& finding : findings) json += (json.size() > 1 ? "," : "") + ToJson(finding);
  return json + "]";
}

std::string ToJson(const migrate::VersionReport& version, const std::vector<migrate::Finding>& findings) {
  std::string json =
      "{" + Member("version", version.version) + "," + Member("status", std::string(StateName(version.state)));
  using State = migrate::VersionReport::State;
  if (version.state == State::kOk || version.state == State::kDigestMismatch) {
    json += "," + Member("file", version.file) + "," + Member("bytes", version.size_bytes) + "," +
            Member("sha1", registry::FormatShasum(version.sha1)) + "," +
            Member("integrity", registry::FormatIntegrity(version.sha512));
  }
  std::string kinds;
  for (const migrate::Finding& finding : findings) {
    if (finding.where == version.version) kinds += (kinds.empty() ? "" : ",") + JsonString(FindingName(finding.kind));
  }
  return json + ",\"findings\":[" + kinds + "]}";
}

bool IsOfVersion(const migrate::PackageReport& report, const migrate::Finding& finding) {
  return std::any_of(report.versions.begin(), report.versions.end(),
                     [&](const migrate::VersionReport& version) { return version.version == finding.where; });
}

// "3 h 05 min", "4 min 10 s", "12 s"
std::string Duration(uint64_t seconds) {
  char text[64];
  const auto hours = static_cast<unsigned long long>(seconds / 3600),
             minutes = static_cast<unsigned long long>(seconds / 60 % 60);
  const auto rest = static_cast<unsigned long long>(seconds % 60);
  if (hours > 0) {
    std::snprintf(text, sizeof(text), "%llu h %02llu min", hours, minutes);
  } else if (minutes > 0) {
    std::snprintf(text, sizeof(text), "%llu min %02llu s", minutes, rest);
  } else {
    std::snprintf(text, sizeof(text), "%llu s", rest);
  }
  return text;
}

}  // namespace

ImportPrinter::ImportPrinter(Output output, Clock* clock)
    : output_(output), clock_(clock), is_terminal_(::isatty(STDERR_FILENO) == 1), began_ms_(clock->MonotonicMs()) {
  told_ms_ = began_ms_;
}

ImportPrinter::~ImportPrinter() {
  if (report_ != nullptr) std::fclose(report_);
}

Status ImportPrinter::OpenReport(const std::string& path) {
  is_text_report_ = path.ends_with(".txt");
  report_ = std::fopen(path.c_str(), "we");
  return report_ != nullptr ? OkStatus() : FromErrno(errno, "make the report " + path);
}

void ImportPrinter::SetSource(const std::string& source) {
  source_ = source;
  began_ms_ = clock_->MonotonicMs();
}

void ImportPrinter::Line(const std::string& json) {
  if (report_ != nullptr && !is_text_report_) std::fprintf(report_, "%s\n", json.c_str());
  if (output_ == Output::kJson) std::printf("%s\n", json.c_str());
}

void ImportPrinter::Text(const std::string& line) {
  if (report_ != nullptr && is_text_report_) std::fprintf(report_, "%s\n", line.c_str());
}

// Name, version, status, bytes, digests and file of each version, with what was found of it behind; then what was found of the
// package.
void ImportPrinter::WriteText(const migrate::PackageReport& report) {
  Text(report.id + " " + report.rev + ": " + std::string(StateName(report.state)) + ", " +
       std::to_string(report.versions.size()) + " versions");
  using State = migrate::VersionReport::State;
  for (const migrate::VersionReport& version : report.versions) {
    std::string line = "  " + report.id + " " + version.version + " " + std::string(StateName(version.state));
    if (version.state == State::kOk || version.state == State::kDigestMismatch) {
      line += " " + std::to_string(version.size_bytes) + " bytes, sha1 " + registry::FormatShasum(version.sha1) + ", " +
              registry::FormatIntegrity(version.sha512) + ", " + version.file;
    }
    for (const migrate::Finding& finding : report.findings) {
      if (finding.where == version.version) line += "; " + std::string(FindingName(finding.kind)) + ": " + finding.what;
    }
    Text(line);
  }
  for (const migrate::Finding& finding : report.findings) {
    if (IsOfVersion(report, finding)) continue;
    const std::string where = finding.where.empty() ? "" : " [" + finding.where + "]";
    Text("  " + report.id + " " + std::string(FindingName(finding.kind)) + where + ": " + finding.what);
  }
}

void ImportPrinter::Warn(const migrate::Finding& finding) {
  if (finding.severity == migrate::Finding::Severity::kNote) return;
  if (++warnings_ > kWarningsShownMax || output_ == Output::kJson) return;
  ClearBar();
  const std::string where = finding.where.empty() ? "" : " [" + finding.where + "]";
  std::printf("FINDING %s: %s%s: %s\n", std::string(FindingName(finding.kind)).c_str(), finding.package.c_str(),
              where.c_str(), finding.what.c_str());
}

void ImportPrinter::Package(const migrate::PackageReport& report) {
  ++documents_;
  WriteText(report);
  if ((report_ != nullptr && !is_text_report_) || output_ == Output::kJson) {
    std::string versions = "[";
    for (const migrate::VersionReport& version : report.versions) {
      versions += (versions.size() > 1 ? "," : "") + ToJson(version, report.findings);
    }
    Line("{\"type\":\"package\"," + Member("package", report.id) + "," + Member("rev", report.rev) + "," +
         Member("status", std::string(StateName(report.state))) + ",\"versions\":" + versions +
         "],\"findings\":" + ToJson(report.findings) + "}");
  }
  for (const migrate::Finding& finding : report.findings) Warn(finding);
}

void ImportPrinter::User(const migrate::UserReport& report) {
  ++documents_;
  Text("user " + report.name + ": " + std::string(StateName(report.state)));
  for (const migrate::Finding& finding : report.findings) {
    Text("  user " + report.name + " " + std::string(FindingName(finding.kind)) + ": " + finding.what);
  }
  Line("{\"type\":\"user\"," + Member("user", report.name) + "," +
       Member("status", std::string(StateName(report.state))) + ",\"findings\":" + ToJson(report.findings) + "}");
  for (const migrate::Finding& finding : report.findings) Warn(finding);
}

void ImportPrinter::SourceFinding(const migrate::Finding& finding) {
  Text("source " + finding.package + ": " + finding.what);
  Line("{\"type\":\"source\"," + Member("where", finding.package) + "," + Member("what", finding.what) + "}");
  Warn(finding);
}

void ImportPrinter::ClearBar() {
  if (has_bar_) std::fputs("\r\x1b[K", stderr);
  has_bar_ = false;
}

std::string ImportPrinter::ProgressText(uint64_t bytes_done, std::optional<uint64_t> bytes_total,
                                        uint64_t elapsed_ms) const {
  std::string line = source_ + ": " + std::to_string(documents_) + " documents, " + Megabytes(bytes_done);
  if (bytes_total) line += " of " + Megabytes(*bytes_total);
  const uint64_t per_second = elapsed_ms == 0 ? 0 : bytes_done * 1000 / elapsed_ms;
  if (per_second > 0) {
    line += ", " + Megabytes(per_second) + "/s";
    if (bytes_total && *bytes_total > bytes_done)
      line += ", " + Duration((*bytes_total - bytes_done) / per_second) + " left";
  }
  return line + ", " + std::to_string(warnings_) + " findings";
}

void ImportPrinter::Progress(uint64_t bytes_done, std::optional<uint64_t> bytes_total) {
  const uint64_t now_ms = clock_->MonotonicMs();
  const bool has_bar = is_terminal_ && output_ != Output::kJson;
  if (now_ms - told_ms_ < (has_bar ? kBarMs : limits::kImportProgressMs)) return;
  told_ms_ = now_ms;
  const uint64_t elapsed_ms = now_ms - began_ms_;
  if (output_ == Output::kJson) {
    std::printf("%s\n",
                ("{\"type\":\"progress\"," + Member("source", source_) + "," + Member("documents", documents_) + "," +
                 Member("bytes", bytes_done) + (bytes_total ? "," + Member("bytes_total", *bytes_total) : "") + "," +
                 Member("elapsed_ms", elapsed_ms) + "," + Member("findings", warnings_) + "}")
                    .c_str());
    std::fflush(stdout);
    return;
  }
  const std::string line = ProgressText(bytes_done, bytes_total, elapsed_ms);
  if (!has_bar) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  std::string bar;
  if (bytes_total && *bytes_total > 0) {
    const auto filled =
        static_cast<size_t>(static_cast<double>(bytes_done) / static_cast<double>(*bytes_total) * kBarWidth);
    bar = "[" + std::string(std::min<size_t>(filled, kBarWidth), '#') +
          std::string(kBarWidth - std::min<size_t>(filled, kBarWidth), '.') + "] ";
  }
  std::fprintf(stderr, "\r\x1b[K%s%s", bar.c_str(), line.c_str());
  has_bar_ = true;
}

void ImportPrinter::Say(const std::string& line) {
  ClearBar();
  std::fprintf(stderr, "%s\n", line.c_str());
}

void ImportPrinter::Lag(const std::string& source, uint64_t taken, uint64_t behind) {
  Line("{\"type\":\"changes\"," + Member("source", source) + "," + Member("taken", taken) + "," +
       Member("behind", behind) + "}");
  Say(source + ": " + std::to_string(taken) + " changes taken, " +
      (behind == 0 ? "up to date" : std::to_string(behind) + " behind"));
  // Whoever reads along sees what is in, however long it is followed.
  std::fflush(stdout);
  if (report_ != nullptr) std::fflush(report_);
}

void ImportPrinter::Sum(const migrate::ImportCounts& counts, const migrate::UserCounts& users, bool is_dry_run,
                        const Status& failure) {
  ClearBar();
  const uint64_t warnings = counts.warnings + users.warnings;
  std::string findings = "{";
  for (const auto& [name, count] : counts.findings) {
    findings += (findings.size() > 1 ? "," : "") + JsonString(name) + ":" + std::to_string(count);
  }
  Line("{\"type\":\"summary\"," + std::string(is_dry_run ? "\"dry_run\":true," : "\"dry_run\":false,") +
       "\"complete\":" + (failure.ok() ? "true" : "false") + "," + Member("error", std::string(failure.message())) +
       "," + Member("documents", counts.documents) + "," + Member("imported", counts.imported) + "," +
       Member("updated", counts.updated) + "," + Member("unchanged", counts.unchanged) + "," +
       Member("removed", counts.removed) + "," + Member("deleted", counts.deleted) + "," +
       Member("losing_revisions", counts.losers) + "," + Member("kept", counts.kept) + "," +
       Member("skipped", counts.skipped) + "," + Member("refused", counts.refused) + "," + Member("same", counts.same) +
       "," + Member("differing", counts.differing) + "," + Member("versions", counts.versions) + "," +
       Member("tarballs", counts.tarballs) + "," + Member("missing_tarballs", counts.missing_tarballs) + "," +
       Member("tarball_bytes", counts.tarball_bytes) + "," + Member("users_imported", users.imported) + "," +
       Member("users_unchanged", users.unchanged) + "," + Member("users_kept", users.exists) + "," +
       Member("users_refused", users.refused) + "," + Member("warnings", warnings) + ",\"findings\":" + findings +
       "}}");
  const auto number = [](uint64_t value) { return std::to_string(value); };
  std::string text = is_dry_run ? "dry run, nothing was written: " : "";
  text += number(counts.imported) + " packages imported, " + number(counts.updated) + " updated, " +
          number(counts.unchanged) + " unchanged";
  if (counts.same + counts.differing > 0) {
    text = number(counts.same) + " packages are the same, " + number(counts.differing) + " differ";
  }
  if (counts.removed > 0) text += ", " + number(counts.removed) + " removed";
  if (counts.kept > 0) text += ", " + number(counts.kept) + " kept as they are here";
  if (counts.refused > 0) text += ", " + number(counts.refused) + " refused";
  if (counts.losers > 0) text += ", " + number(counts.losers) + " losing revisions";
  if (counts.skipped > 0) text += ", " + number(counts.skipped) + " documents skipped";
  text += "; " + number(counts.versions) + " versions with " + number(counts.tarballs) + " tarballs, " +
          Megabytes(counts.tarball_bytes);
  if (users.imported + users.unchanged + users.exists + users.refused > 0) {
    text += "; " + number(users.imported) + " users imported, " + number(users.unchanged) + " unchanged, " +
            number(users.exists + users.refused) + " left out";
  }
  text += "; " + (warnings == 0 ? std::string("no findings") : number(warnings) + " findings");
  if (!failure.ok()) Text("NOT COMPLETE: " + std::string(failure.message()));
  Text(text);
  if (output_ == Output::kJson) return;
  if (warnings_ > kWarningsShownMax) {
    std::printf("… and %llu more findings; --report FILE gets them all\n",
                static_cast<unsigned long long>(warnings_ - kWarningsShownMax));
  }
  std::printf("%s\n", text.c_str());
}

}  // namespace tarn::cli
