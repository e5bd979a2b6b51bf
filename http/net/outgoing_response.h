#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/net/response.h"

namespace tarn::http {

// A Response on its way out: which bytes are still to be sent. Sans-I/O; the socket is someone else's.
//
// Start, then while !done(): send pending(), Consume what the socket took. A file body is not among the pending bytes: after
// them comes response().file(), sent by other means.
// Threads: one. Reused for every answer of a connection.
class OutgoingResponse {
 public:
  enum class Body : uint8_t { kSend, kOmit };  // Omit: an answer to HEAD.

  // `stamp` ends the head; it need not outlive the call if the first send takes everything: see KeepStamp.
  void Start(const Response& response, std::string_view stamp, Body body);

  // The next part of a streamed body, framed as one chunk unless `framing` is kNone. `pieces` outlive the sending of it.
  enum class Framing : uint8_t { kNone, kChunk };
  void StartPart(const std::vector<SharedBytes>& pieces, Framing framing);
  // What ends a body of chunks.
  void StartEnd();

  // One more piece of the body, before anything was sent.
  void AddBody(std::string_view bytes) { Add(bytes); }

  // In order; at most kPiecesMax of them at a time.
  std::span<const iovec> pending() const;
  bool done() const { return first_ == pieces_.size(); }
  void Consume(size_t bytes);
  // Copies the part of the stamp that is not sent yet. To be called before anything else may change the stamp's memory.
  void KeepStamp();

  uint64_t head_bytes() const { return head_bytes_; }

  static constexpr size_t kPiecesMax = 64;  // IOV_MAX is 1024; this bounds the kernel's work per call.

 private:
  void Add(std::string_view bytes);

  std::string head_;   // When the response has no prepared head; of a part, the line with its size.
  std::string stamp_;  // After KeepStamp.
  std::vector<iovec> pieces_;
  size_t first_ = 0;
  size_t stamp_piece_ = 0;
  uint64_t head_bytes_ = 0;
};

}  // namespace tarn::http
