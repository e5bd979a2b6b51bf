#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/shipping.h"

// What a leader and its follower say to each other, as bytes. PROTOCOL.md.
namespace tarn::replication {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr uint32_t kLogFormat = 1;  // Of the records' payloads: engine's record codec.

// First word of a leader: who it is, and that the follower's place is one in its own history.
struct Hello {
  uint32_t protocol = kProtocolVersion;
  uint32_t log_format = kLogFormat;
  std::string node_id;
  engine::VisibleHead committed;
};
// Everything up to here may be seen.
struct Commit {
  engine::VisibleHead head;
};
// A sign of life, and how far the leader is.
struct Heartbeat {
  Lsn journaled;
  Lsn committed;
  uint64_t time_ms = 0;  // Of the leader, since 1970.
  bool is_in_sync = false;
};
// Why there is nothing to be had here. Last frame of a stream.
struct Refused {
  enum class Why : uint8_t {
    kDiverged = 1,  // The follower's history is another one: it looks for the last common LSN.
    kNotLeader = 2,
    kFenced = 3,  // The follower has promised a higher epoch.
    kVersion = 4,
    kOther = 5,
  };
  Why why = Why::kOther;
  std::string text;
};
// What a follower has.
struct Ack {
  std::string node_id;
  std::string url;  // Where it is reached; may be empty.
  Epoch epoch;
  Lsn durable;
  Lsn applied;
  std::array<uint64_t, 2> state_hash{};  // At `applied`.
  std::string error;                     // Why it is not complete; empty when it is.
};

using Frame = std::variant<Hello, engine::RawRecord, Commit, Heartbeat, Refused, Ack>;

void AppendFrame(const Frame& frame, std::string* out);

// Frames out of a stream of bytes in pieces of any size. Holds at most one frame and one piece.
// kCorruption: damaged, or none of ours; kFailedPrecondition: of a newer protocol. Final.
class FrameReader {
 public:
  void Push(std::string_view bytes);
  // nullopt: more bytes are needed.
  Result<std::optional<Frame>> Next();
  bool is_empty() const { return at_ == buffer_.size(); }

 private:
  std::string buffer_;
  size_t at_ = 0;
};

}  // namespace tarn::replication
