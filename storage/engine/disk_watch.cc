#include "storage/engine/disk_watch.h"

#include <algorithm>
#include <utility>

#include "storage/base/limits.h"
#include "storage/base/logging.h"

namespace tarn::engine {
namespace {

constexpr uint64_t kSoftPercent = 15;
constexpr uint64_t kHardPercent = 5;
constexpr uint64_t kSoftBytesMax = 24 * limits::kGiB;
constexpr uint64_t kHardBytesMax = 8 * limits::kGiB;
constexpr uint64_t kWriteBufferBytesMin = limits::kMiB;
constexpr uint64_t kWriteBufferBytesMax = 64 * limits::kMiB;

uint64_t Percent(uint64_t total_bytes, uint64_t percent) { return total_bytes / 100 * percent; }

}  // namespace

DiskMarks MarksOf(uint64_t total_bytes, uint64_t reserve_bytes) {
  DiskMarks marks;
  marks.hard_bytes = std::max(std::min(Percent(total_bytes, kHardPercent), kHardBytesMax), reserve_bytes);
  marks.soft_bytes = std::max(std::min(Percent(total_bytes, kSoftPercent), kSoftBytesMax), 2 * marks.hard_bytes);
  return marks;
}

uint64_t RocksWriteBufferBytes(const DiskMarks& marks) {
  return std::clamp(marks.hard_bytes / 4, kWriteBufferBytesMin, kWriteBufferBytesMax);
}

DiskWatch::DiskWatch(FileSystem* file_system, std::string directory, Clock* clock, const DiskMarks& marks)
    : file_system_(file_system), directory_(std::move(directory)), clock_(clock), marks_(marks) {}

Result<std::unique_ptr<DiskWatch>> DiskWatch::Create(FileSystem* file_system, std::string directory,
                                                     uint64_t reserve_bytes, Clock* clock) {
  ASSIGN_OR_RETURN(const FileSystem::Space space, file_system->FreeSpace(directory));
  const DiskMarks marks = MarksOf(space.total_bytes, reserve_bytes);
  std::unique_ptr<DiskWatch> watch(new DiskWatch(file_system, std::move(directory), clock, marks));
  RETURN_IF_ERROR(watch->Measure().status());
  return watch;
}

Result<uint64_t> DiskWatch::Measure() {
  ASSIGN_OR_RETURN(const FileSystem::Space space, file_system_->FreeSpace(directory_));
  free_bytes_.store(space.free_bytes, std::memory_order_relaxed);
  measured_ms_.store(clock_->MonotonicMs(), std::memory_order_relaxed);
  const Level level = space.free_bytes < marks_.hard_bytes + kUsualGroupBytes ? Level::kNone
                      : space.free_bytes < marks_.soft_bytes                  ? Level::kLow
                                                                              : Level::kPlenty;
  const Level before = level_.exchange(level, std::memory_order_relaxed);
  if (level == before) return space.free_bytes;
  const std::string_view message = level == Level::kNone  ? "disk full: writes are refused until there is space"
                                   : level == Level::kLow ? "disk space is low"
                                                          : "disk space is plenty again";
  Log(level == Level::kPlenty ? LogLevel::kInfo : LogLevel::kWarning, message,
      {{"directory", directory_},
       {"free_bytes", space.free_bytes},
       {"soft_bytes", marks_.soft_bytes},
       {"hard_bytes", marks_.hard_bytes}});
  return space.free_bytes;
}

Status DiskWatch::NoRoom(uint64_t free_bytes) const {
  return OutOfSpace("the disk has " + std::to_string(free_bytes / limits::kMiB) + " MiB free, writes need " +
                    std::to_string(marks_.hard_bytes / limits::kMiB) + " MiB to stay free");
}

Status DiskWatch::CheckRoom(uint64_t bytes) {
  ASSIGN_OR_RETURN(const uint64_t free_bytes, Measure());
  return free_bytes >= marks_.hard_bytes + std::max(bytes, kUsualGroupBytes) ? OkStatus() : NoRoom(free_bytes);
}

Status DiskWatch::LastKnown() {
  if (level_.load(std::memory_order_relaxed) != Level::kNone) return OkStatus();
  const uint64_t age_ms = clock_->MonotonicMs() - measured_ms_.load(std::memory_order_relaxed);
  return age_ms >= limits::kDiskRecheckMs ? CheckRoom(0) : NoRoom(free_bytes());
}

void EnsureBallast(FileSystem* file_system, const std::string& path, uint64_t ballast_bytes, const DiskWatch& watch) {
  if (ballast_bytes == 0 || watch.free_bytes() < watch.marks().soft_bytes + ballast_bytes) return;
  Result<std::unique_ptr<File>> file = file_system->Create(path);
  if (file.code() == Code::kAlreadyExists) return;
  Status status = file.status();
  const std::string zeros(limits::kMiB, '\0');
  for (uint64_t offset = 0; status.ok() && offset < ballast_bytes; offset += zeros.size()) {
    const uint64_t size = std::min<uint64_t>(zeros.size(), ballast_bytes - offset);
    status = (*file)->WriteAt(offset, std::string_view(zeros).substr(0, size));
  }
  if (status.ok()) return;
  Log(LogLevel::kWarning, "ballast file not written", {{"reason", status.ToString()}});
  (void)file_system->Remove(path);
}

}  // namespace tarn::engine
