#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

// What this process is doing at its files right now, so that a disk that no longer answers can be told from one that has
// nothing to do. PosixFileSystem() says so of every call that may wait for the disk; the cost is two reads of the clock and
// a few stores to memory that no other thread writes.
namespace tarn {

enum class IoKind : uint8_t { kNone = 0, kRead, kWrite, kSync };
std::string_view IoKindName(IoKind kind);

// One call, from construction to destruction. Does not nest: the inner one is not seen.
class IoScope {
 public:
  IoScope(IoKind kind, int descriptor);
  ~IoScope();
  IoScope(const IoScope&) = delete;
  IoScope& operator=(const IoScope&) = delete;

 private:
  const bool is_seen_;
};

struct IoOperation {
  IoKind kind;
  int descriptor;  // Of this process.
  uint64_t age_ms;
};
// Those that have not returned, oldest first. Takes no lock that a thread could hold while it waits for the disk.
// Threads: any. More than 512 threads at once: the rest is not seen.
std::vector<IoOperation> RunningIo();

}  // namespace tarn
