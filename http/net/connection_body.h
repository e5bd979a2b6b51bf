#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "http/net/handler.h"
#include "http/net/rate_window.h"

namespace tarn::http {

class Connection;

// The body of the request in hand. First what came along with the head, in place; then whatever the socket brings, in a
// buffer of its own that is taken only when it is needed.
class ConnectionBody final : public BodyReader {
 public:
  explicit ConnectionBody(Connection& connection);

  // A head was parsed, and consumed from the input buffer.
  void Start();
  // Before the answer begins: true if the connection can go on after it. The rest of the body, which is short, must then be
  // discarded after the answer.
  bool CanBeSkipped() const;
  // Reads to the end. False if that fails.
  Task<bool> Discard();
  // The request is over: hands what was received beyond the body to the input buffer, and the buffer back.
  void Finish();

  bool at_end() const { return at_end_; }
  RateWindow* rate() { return &rate_; }
  uint64_t received_bytes() const { return received_bytes_; }

  Task<Result<std::string_view>> Read() override;
  void set_limit(uint64_t bytes_max) override { bytes_max_ = bytes_max; }

 private:
  Task<Status> Fill();
  size_t WantedBytes() const;
  Status Fail(Status error);

  Connection& connection_;
  RateWindow rate_;
  std::unique_ptr<char[]> buffer_;
  std::string_view pending_;  // Received and not decoded: in the input buffer, then in buffer_.
  Status error_;
  uint64_t bytes_max_ = UINT64_MAX;
  uint64_t received_bytes_ = 0;  // Decoded.
  bool continue_due_ = false;    // The client waits for "100 Continue".
  bool at_end_ = true;
};

}  // namespace tarn::http
