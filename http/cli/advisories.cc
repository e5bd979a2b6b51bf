#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "http/api/request_path.h"
#include "http/cli/commands.h"
#include "http/cli/operator_answer.h"
#include "http/cli/operator_client.h"
#include "http/cli/table.h"
#include "storage/base/trust_limits.h"
#include "storage/registry/json_text.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBatchBytes = 4 * limits::kMiB;  // One commit each; a server has 60 s to answer.
constexpr size_t kFailuresShownMax = 50;

// The .json files of what was named, folders with all that is in them, in order.
Result<std::vector<std::string>> FilesOf(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);  // Reading it will say what is wrong with it.
      continue;
    }
    const size_t before = files.size();
    for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().extension() != ".json" || !entry->is_regular_file(error)) continue;
      files.push_back(entry->path().string());
    }
    if (error) return IoError(path + ": " + error.message());
    if (files.size() == before) return NotFound(path + ": there are no .json files in it; unpack archives first");
    std::sort(files.begin() + static_cast<ptrdiff_t>(before), files.end());
  }
  return files;
}

Result<std::string> ReadWhole(const std::string& path) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) return NotFound(error.message());
  if (size > limits::kAdvisoryBytesMax) return TooLarge("larger than 4 MiB");
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<size_t>(size), '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(size))) return IoError("cannot be read");
  return text;
}

// Sends files in batches, and adds up what became of them.
class Importer {
 public:
  explicit Importer(Operator* node) : node_(node) {}

  // Errors are the node's; what is wrong with a file is counted and shown.
  Status Add(const std::string& path) {
    auto text = ReadWhole(path);
    // The batch is one JSON text, which a single file must not break.
    if (text.ok()) {
      if (const Status valid = registry::ValidateJson(*text); !valid.ok()) text = valid;
    }
    if (!text.ok()) {
      Fail(path, text.status().message());
      return OkStatus();
    }
    if (!batch_.empty() &&
        (batch_bytes_ + text->size() > kBatchBytes || batch_.size() == limits::kAdvisoryDocumentsMax)) {
      RETURN_IF_ERROR(Send());
    }
    batch_bytes_ += text->size();
    batch_.emplace_back(path, std::move(*text));
    return OkStatus();
  }

  Status Send() {
    if (batch_.empty()) return OkStatus();
    std::string body = "{\"documents\":[";
    body.reserve(batch_bytes_ + 2 * batch_.size() + 32);
    for (size_t i = 0; i < batch_.size(); ++i) {
      if (i > 0) body += ',';
      body += batch_[i].second;
    }
    body += "]}";
    ASSIGN_OR_RETURN(const http::JsonBody answer, BodyOf(node_->Call("POST", "/advisories", body)));
    imported_ += Number(answer, "imported");
    unchanged_ += Number(answer, "unchanged");
    withdrawn_ += Number(answer, "withdrawn");
    irrelevant_ += Number(answer, "irrelevant");
    for (const http::JsonBody& failure : Items(answer, "failures")) {
      const size_t index = Number(failure, "index");
      Fail(index < batch_.size() ? batch_[index].first : "?", Text(failure, "reason"));
    }
    batch_.clear();
    batch_bytes_ = 0;
    return OkStatus();
  }

  int Report(Output output) const {
    if (failed_ > kFailuresShownMax) {
      std::fprintf(stderr, "tarn: … and %llu more\n", static_cast<unsigned long long>(failed_ - kFailuresShownMax));
    }
    const auto number = [](uint64_t value) { return std::to_string(value); };
    if (output == Output::kJson) {
      std::printf("%s\n", ("{\"imported\":" + number(imported_) + ",\"unchanged\":" + number(unchanged_) +
                           ",\"withdrawn\":" + number(withdrawn_) + ",\"irrelevant\":" + number(irrelevant_) +
                           ",\"failed\":" + number(failed_) + "}")
                              .c_str());
    } else {
      std::printf("%s imported, %s unchanged, %s withdrawn, %s not about npm, %s failed\n", number(imported_).c_str(),
                  number(unchanged_).c_str(), number(withdrawn_).c_str(), number(irrelevant_).c_str(),
                  number(failed_).c_str());
    }
    return failed_ == 0 ? kExitOk : kExitFailed;
  }

 private:
  void Fail(const std::string& path, std::string_view reason) {
    if (++failed_ > kFailuresShownMax) return;
    std::fprintf(stderr, "tarn: %s: %.*s\n", path.c_str(), static_cast<int>(reason.size()), reason.data());
  }

  Operator* const node_;
  std::vector<std::pair<std::string, std::string>> batch_;  // Path and text.
  size_t batch_bytes_ = 0;
  uint64_t imported_ = 0, unchanged_ = 0, withdrawn_ = 0, irrelevant_ = 0, failed_ = 0;
};

int Import(Operator* node, const AdvisoriesArguments& arguments) {
  const auto files = FilesOf(arguments.paths);
  if (!files.ok()) return Fail(files.status());
  Importer importer(node);
  for (const std::string& file : *files) {
    const Status added = importer.Add(file);
    if (!added.ok()) return Fail(added);
  }
  const Status sent = importer.Send();
  return sent.ok() ? importer.Report(arguments.output) : Fail(sent);
}

// All pages; --json prints one object for each page, a line each.
int List(Operator* node, const AdvisoriesArguments& arguments) {
  std::vector<std::vector<std::string>> rows = {{"ID", "SEVERITY", "MODIFIED (UTC)", "PACKAGES", "TITLE"}};
  std::string after;
  do {
    const auto answer = node->Call(
        "GET", "/advisories?package=" + http::PercentEncode(arguments.package) + "&after=" + http::PercentEncode(after),
        "");
    const auto page = BodyOf(answer);
    if (!page.ok()) return Fail(page.status());
    if (arguments.output == Output::kJson) std::printf("%s\n", answer->body.c_str());
    for (const http::JsonBody& advisory : Items(*page, "advisories")) {
      rows.push_back({Text(advisory, "id"), Text(advisory, "severity"), ShortTime(Text(advisory, "modified")),
                      Joined(advisory, "packages"), Text(advisory, "title")});
    }
    after = Text(*page, "next");
  } while (!after.empty());
  if (arguments.output == Output::kJson) return kExitOk;
  if (rows.size() > 1)
    std::fputs(FormatTable(rows).c_str(), stdout);
  else
    std::puts("There are none. Import some with: tarn advisories import FOLDER");
  return kExitOk;
}

}  // namespace

int RunAdvisories(const Config& config, const AdvisoriesArguments& arguments) {
  auto node = Operator::Connect(config, IfMissing::kRefuse);
  if (!node.ok()) return Fail(node.status().WithContext(config.data));
  switch (arguments.action) {
    case AdvisoriesArguments::Action::kImport: return Import(node->get(), arguments);
    case AdvisoriesArguments::Action::kList: return List(node->get(), arguments);
    case AdvisoriesArguments::Action::kRemove: break;
  }
  std::string body = "{\"ids\":[";
  for (size_t i = 0; i < arguments.ids.size(); ++i) body += (i > 0 ? "," : "") + JsonString(arguments.ids[i]);
  return Finish((*node)->Call("DELETE", "/advisories", body + "]}"), arguments.output,
                [&](const http::JsonBody&) { std::printf("%zu removed\n", arguments.ids.size()); });
}

}  // namespace tarn::cli
