#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tarn::http {

// Which parts of files were in the page cache a moment ago, so that a hot file is not probed again for each request (two
// system calls of about 0.8 µs). Forgets by collision and after a second; a wrong "yes" costs one wait for the disk.
// Threads: one core.
class WarmParts {
 public:
  bool Contains(int fd, uint64_t offset, size_t size, uint64_t now_ms) const {
    const Entry& entry = entries_[Slot(fd, offset)];
    return entry.fd == fd && entry.offset == offset && entry.size >= size && now_ms < entry.until_ms;
  }
  void Add(int fd, uint64_t offset, size_t size, uint64_t now_ms) {
    entries_[Slot(fd, offset)] = {offset, now_ms + kKeepMs, size, fd};
  }

 private:
  struct Entry {
    uint64_t offset = 0;
    uint64_t until_ms = 0;
    size_t size = 0;
    int fd = -1;
  };
  static constexpr uint64_t kKeepMs = 1000;
  static constexpr size_t kSlotBits = 10;

  static size_t Slot(int fd, uint64_t offset) {
    return static_cast<size_t>(((offset ^ static_cast<uint64_t>(fd) << 40) * 0x9e3779b97f4a7c15u) >> (64 - kSlotBits));
  }

  std::array<Entry, size_t{1} << kSlotBits> entries_;
};

}  // namespace tarn::http
