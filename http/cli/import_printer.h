#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "http/cli/commands.h"
#include "migrate/import/importer.h"
#include "migrate/import/user_import.h"
#include "storage/base/clock.h"

namespace tarn::cli {

// Says how an import goes and what came of it: progress on standard error (a bar on a terminal, else a line now and then),
// warnings and the sum on standard output; or all of it as one JSON object a line there. And in the report file.
class ImportPrinter final : public migrate::ImportListener, public migrate::UserListener {
 public:
  ImportPrinter(Output output, Clock* clock);
  ~ImportPrinter() override;

  // A file that gets every package, user and finding, and the sum as the last; made anew. A JSON object a line, or, when its
  // name ends with ".txt", a line for each version and finding.
  Status OpenReport(const std::string& path);
  // The source that comes next, for the progress.
  void SetSource(const std::string& source);

  void Package(const migrate::PackageReport& report) override;
  void User(const migrate::UserReport& report) override;
  void SourceFinding(const migrate::Finding& finding) override;
  void Progress(uint64_t bytes_done, std::optional<uint64_t> bytes_total) override;
  // A line about a live source, such as what it waits for.
  void Say(const std::string& line);
  // A page of changes is in: how many, and how many are known to come.
  void Lag(const std::string& source, uint64_t taken, uint64_t behind);

  // `failure`: why it did not come to its end; OK: it did.
  void Sum(const migrate::ImportCounts& counts, const migrate::UserCounts& users, bool is_dry_run,
           const Status& failure);

 private:
  void Line(const std::string& json);
  void WriteText(const migrate::PackageReport& report);
  void Text(const std::string& line);
  std::string ProgressText(uint64_t bytes_done, std::optional<uint64_t> bytes_total, uint64_t elapsed_ms) const;
  void Warn(const migrate::Finding& finding);
  void ClearBar();

  const Output output_;
  Clock* const clock_;
  const bool is_terminal_;
  std::FILE* report_ = nullptr;
  bool is_text_report_ = false;
  std::string source_;
  uint64_t documents_ = 0;
  uint64_t began_ms_ = 0;
  uint64_t told_ms_ = 0;
  bool has_bar_ = false;
  uint64_t warnings_ = 0;
};

}  // namespace tarn::cli
