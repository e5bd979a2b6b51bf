#include "http/net/connection_body.h"

#include <algorithm>

#include "http/net/connection.h"

namespace tarn::http {
namespace {

// A chunked body does not say where it ends: what is read beyond it is copied.
constexpr size_t kChunkedReadBytes = 64 * limits::kKiB;
// Discarding that much is cheaper than a new connection.
constexpr uint64_t kSkipBytesMax = 64 * limits::kKiB;

}  // namespace

ConnectionBody::ConnectionBody(Connection& connection)
    : connection_(connection),
      rate_(connection.core_.options().connection.rate_window_ms, connection.core_.options().connection.body_rate_min) {
}

void ConnectionBody::Start() {
  const RequestHead& head = connection_.workspace_->parser.head();
  pending_ = connection_.workspace_->input.view();
  error_ = OkStatus();
  bytes_max_ = UINT64_MAX;
  received_bytes_ = 0;
  continue_due_ = head.expect_continue;
  at_end_ = head.body_kind == BodyKind::kNone;
  rate_.Restart();
}

bool ConnectionBody::CanBeSkipped() const {
  if (at_end_) return true;
  const RequestHead& head = connection_.workspace_->parser.head();
  if (!error_.ok() || continue_due_) return false;
  if (head.body_kind == BodyKind::kContentLength) return head.content_length - received_bytes_ <= kSkipBytesMax;
  return !pending_.empty() || received_bytes_ > 0;  // Chunked: worth a try; Discard gives up in time.
}

Task<bool> ConnectionBody::Discard() {
  bytes_max_ = received_bytes_ + kSkipBytesMax;
  while (!at_end_) {
    const Result<std::string_view> piece = co_await Read();
    if (!piece.ok()) co_return false;
  }
  co_return true;
}

void ConnectionBody::Finish() {
  InputBuffer& input = connection_.workspace_->input;
  if (buffer_ == nullptr) {
    input.Consume(input.view().size() - pending_.size());
    pending_ = {};
    return;
  }
  input.Clear();
  input.Append(pending_);
  pending_ = {};
  connection_.core_.GiveBack(std::move(buffer_));
}

Task<Result<std::string_view>> ConnectionBody::Read() {
  RequestParser& parser = connection_.workspace_->parser;
  if (!error_.ok()) co_return error_;
  if (at_end_) co_return std::string_view();
  if (parser.head().content_length > bytes_max_) co_return Fail(TooLarge("the request body is too large"));
  if (continue_due_) {
    continue_due_ = false;
    const bool sent = !pending_.empty() || co_await connection_.SendContinue();
    if (!sent) co_return Fail(Cancelled("the client went away"));
  }
  while (true) {
    const RequestParser::BodyStep step = parser.DecodeBody(pending_);
    pending_.remove_prefix(step.consumed);
    switch (step.step) {
      case RequestParser::Step::kReady:
        received_bytes_ += step.data.size();
        if (received_bytes_ > bytes_max_) co_return Fail(TooLarge("the request body is too large"));
        co_return step.data;
      case RequestParser::Step::kDone: at_end_ = true; co_return std::string_view();
      case RequestParser::Step::kRefused: co_return Fail(parser.refusal().reason);
      case RequestParser::Step::kNeedMore: break;
    }
    Status filled = co_await Fill();
    if (!filled.ok()) co_return Fail(std::move(filled));
  }
}

// All of it, so that the next request, which may follow at once, stays in the kernel.
size_t ConnectionBody::WantedBytes() const {
  const RequestHead& head = connection_.workspace_->parser.head();
  if (head.body_kind == BodyKind::kChunked) return kChunkedReadBytes;
  return std::min<uint64_t>(head.content_length - received_bytes_, limits::kBodyChunkBytes);
}

// Reads until the buffer is full or the socket empty: fewer, larger pieces for a handler that hops to a thread with each.
Task<Status> ConnectionBody::Fill() {
  if (buffer_ == nullptr) buffer_ = connection_.core_.TakeBodyBuffer();
  const size_t wanted = WantedBytes();
  size_t size = 0;
  while (size < wanted) {
    const IoResult result = connection_.stream_.Receive(buffer_.get() + size, wanted - size);
    if (result.state == IoState::kProgress) {
      size += result.bytes;
      rate_.Add(result.bytes);
    } else if (size > 0) {
      break;
    } else if (result.state != IoState::kWouldBlock) {
      co_return Cancelled("the client went away");
    } else if (!co_await connection_.AwaitRate(Connection::Wait::kBody, &rate_)) {
      if (connection_.TakeTimeout()) co_return DeadlineExceeded("the request body comes too slowly");
      co_return Cancelled("the server is stopping");
    }
  }
  pending_ = {buffer_.get(), size};
  co_return OkStatus();
}

Status ConnectionBody::Fail(Status error) {
  error_ = std::move(error);
  return error_;
}

}  // namespace tarn::http
