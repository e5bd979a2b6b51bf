#include "http/cli/state_dump.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

#include "storage/base/io_activity.h"
#include "storage/base/logging.h"

namespace tarn::cli {
namespace {

constexpr size_t kListedMax = 200;  // Threads, and calls to the disk; more say nothing more.

// A JSON object or array that grows member by member.
class Json {
 public:
  explicit Json(char open) : text_(1, open), close_(open == '{' ? '}' : ']') {}
  Json& Add(std::string_view key, std::string_view raw) {
    if (text_.size() > 1) text_ += ',';
    if (!key.empty()) {
      AppendJsonString(&text_, key);
      text_ += ':';
    }
    text_ += raw;
    return *this;
  }
  Json& Number(std::string_view key, uint64_t number) { return Add(key, std::to_string(number)); }
  Json& Text(std::string_view key, std::string_view text) { return Add(key, JsonString(text)); }
  std::string Done() { return std::move(text_) + close_; }

 private:
  std::string text_;
  const char close_;
};

std::string ReadSmall(const std::string& path) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::vector<std::string> NamesIn(const char* path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path), &::closedir);
  if (folder == nullptr) return names;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

// One letter (proc(5)): "D" is a thread that waits for the disk.
std::string ThreadState(const std::string& stat) {
  const size_t end_of_name = stat.rfind(')');
  return end_of_name + 2 < stat.size() ? stat.substr(end_of_name + 2, 1) : "?";
}

std::string Threads() {
  Json all('[');
  std::vector<std::string> ids = NamesIn("/proc/self/task");
  ids.resize(std::min(ids.size(), kListedMax));
  for (const std::string& id : ids) {
    const std::string folder = "/proc/self/task/" + id + "/";
    Json thread('{');
    thread.Text("name", ReadSmall(folder + "comm")).Text("state", ThreadState(ReadSmall(folder + "stat")));
    // The kernel's function, where it may be known, and the system call by number.
    const std::string channel = ReadSmall(folder + "wchan");
    if (!channel.empty() && channel != "0") thread.Text("in", channel);
    const std::string call = ReadSmall(folder + "syscall");
    thread.Text("call", call.substr(0, call.find(' ')));
    all.Add("", thread.Done());
  }
  return all.Done();
}

std::string Vitals(const std::vector<Vital>& vitals) {
  Json all('[');
  for (const Vital& vital : vitals) {
    Json one('{');
    one.Text("name", vital.name).Number("stuck_ms", vital.stuck_ms);
    if (!vital.doing.empty()) one.Text("doing", vital.doing);
    all.Add("", one.Done());
  }
  return all.Done();
}

std::string Disk() {
  Json all('[');
  std::vector<IoOperation> running = RunningIo();
  running.resize(std::min(running.size(), kListedMax));
  for (const IoOperation& operation : running) {
    all.Add("", Json('{')
                    .Text("call", IoKindName(operation.kind))
                    .Text("file", DescriptorName(operation.descriptor))
                    .Number("age_ms", operation.age_ms)
                    .Done());
  }
  return all.Done();
}

std::string Executor(const http::Executor& executor) {
  constexpr std::array<std::string_view, http::kWorkClassCount> kNames = {"read", "write", "io", "admin"};
  Json all('{');
  for (size_t i = 0; i < kNames.size(); ++i) {
    const http::Executor::Stats stats = executor.stats(static_cast<http::WorkClass>(i));
    all.Add(kNames[i], Json('{')
                           .Number("threads", stats.threads)
                           .Number("running", stats.running)
                           .Number("queued", stats.queued)
                           .Number("finished", stats.finished)
                           .Number("refused", stats.refused)
                           .Number("starved_ms", stats.starved_ms)
                           .Done());
  }
  return all.Done();
}

std::string Store(const engine::Store& store) {
  const engine::StoreStats stats = store.Stats();
  return Json('{')
      .Number("lsn", stats.last_lsn.value())
      .Number("epoch", stats.epoch.value())
      .Number("commit_queue", stats.commit_queue_length)
      .Number("commit_age_ms", stats.last_group_age_ms)
      .Number("groups_written", stats.groups_written)
      .Number("segment_syncs", stats.segment_syncs)
      .Number("upload_budget_used_bytes", stats.upload_budget_used_bytes)
      .Number("disk_free_bytes", stats.disk_free_bytes)
      .Done();
}

std::string Server(http::Server& server) {
  const http::ServerStats stats = server.stats();
  return Json('{')
      .Number("open_connections", stats.open_connections)
      .Number("accepted_connections", stats.accepted_connections)
      .Number("refused_connections", stats.refused_connections)
      .Number("timed_out_connections", stats.timed_out_connections)
      .Number("requests", stats.requests)
      .Done();
}

std::string Process() {
  Json all('{');
  std::string pages = ReadSmall("/proc/self/statm");  // "size resident …", in pages.
  pages = pages.substr(std::min(pages.find(' '), pages.size() - 1) + 1);
  all.Number("rss_bytes", std::strtoull(pages.c_str(), nullptr, 10) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
  all.Number("descriptors", NamesIn("/proc/self/fd").size());
  return all.Done();
}

}  // namespace

std::string DescriptorName(int descriptor) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  if (size <= 0) return "(closed)";
  const std::string_view name(path.data(), static_cast<size_t>(size));
  const size_t last = name.rfind('/');
  const size_t before = last == std::string_view::npos || last == 0 ? last : name.rfind('/', last - 1);
  return std::string(before == std::string_view::npos ? name : name.substr(before + 1));
}

std::string FormatState(const std::vector<Vital>& vitals, const DumpParts& parts) {
  return Json('{')
      .Add("vitals", Vitals(vitals))
      .Add("disk", Disk())
      .Add("store", Store(parts.store))
      .Add("executor", Executor(parts.executor))
      .Add("server", Server(parts.server))
      .Add("process", Process())
      .Add("threads", Threads())
      .Done();
}

}  // namespace tarn::cli
