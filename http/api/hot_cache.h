#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/api/body_file.h"
#include "http/net/response.h"
#include "storage/base/mutex.h"

namespace tarn::http {

// A finished answer to a GET of something public: what the core threads send without asking anybody.
struct HotAnswer {
  std::string head;               // Status line and fields of the 200, content-length included (SerializeHead).
  std::string not_modified_head;  // Of the 304.
  std::string etag;
  std::string cache_control;
  uint64_t modified_ms = 0;
  // The body: in pieces, or in a file when `file` has an owner.
  std::vector<SharedBytes> pieces;
  FileRange file;                          // A tarball, or a packument that is asked for often (body_file.h).
  bool is_tarball = false;                 // Then ranges of it are served.
  std::shared_ptr<SentCounter> downloads;  // Of a tarball, when it is counted.

  bool is_file() const { return file.owner != nullptr; }
};

// Answers by the raw bytes of the request (target, variant, base URL), least recently used out first.
//
// The promise: after Invalidate(package) returned, Find never gives an answer made from an earlier state, however slow the
// request was that puts it here. How: a package belongs to one of many counters, which Invalidate moves on; an answer
// carries the value its maker saw before it read (Ticket), and is dead once the counter is another. So Invalidate touches
// one word, whatever is cached.
// Threads: any.
class HotCache {
 public:
  // Bodies that are asked for often go into files of `folder` (body_file.h); empty: into memory files.
  explicit HotCache(uint64_t bytes_max, std::string folder = {});

  struct Ticket {
    size_t counter = 0;
    uint64_t value = 0;
  };
  // Take it before reading the state that the answer is made from.
  Ticket TakeTicket(std::string_view package) const;
  void Insert(const Ticket& ticket, std::string key, std::shared_ptr<const HotAnswer> answer);
  // An answer that turns out to be asked for often, and is large, is not found once: so that who makes it anew asks
  // WantsFile, and puts it here with its body in a file of `files`.
  std::shared_ptr<const HotAnswer> Find(std::string_view key);
  bool WantsFile(std::string_view key) const;
  BodyFiles& files() { return files_; }
  void Invalidate(std::string_view package);

  uint64_t bytes() const;
  uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }
  uint64_t misses() const { return misses_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kCounters = 16384;
  static constexpr size_t kShards = 16;

  struct Entry {
    std::string key;
    Ticket ticket;
    std::shared_ptr<const HotAnswer> answer;
    uint64_t bytes = 0;
    uint32_t hits = 0;
  };
  struct Shard {
    mutable Mutex mutex;
    std::list<Entry> recent GUARDED_BY(mutex);  // Front: used last.
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key GUARDED_BY(mutex);
    uint64_t bytes GUARDED_BY(mutex) = 0;
  };

  bool IsCurrent(const Ticket& ticket) const {
    return counters_[ticket.counter].load(std::memory_order_acquire) == ticket.value;
  }
  static bool WantsFile(const Entry& entry);
  static void Erase(Shard* shard, std::list<Entry>::iterator entry) REQUIRES(shard->mutex);

  const uint64_t shard_bytes_max_;
  BodyFiles files_;
  std::vector<std::atomic<uint64_t>> counters_;
  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> hits_{0};
  std::atomic<uint64_t> misses_{0};
};

}  // namespace tarn::http
