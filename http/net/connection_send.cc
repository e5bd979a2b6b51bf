// The part of Connection that sends answers.
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "http/net/connection.h"
#include "storage/base/io_activity.h"
#include "storage/base/logging.h"

namespace tarn::http {
namespace {

constexpr uint64_t kPageBytes = 4096;  // Of the page cache, as sendfile sees it.
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// True unless the byte is known to be missing from the page cache. File systems that cannot tell count as warm.
bool IsCached(int fd, uint64_t offset) {
  char byte;
  const iovec piece{&byte, 1};
  return ::preadv2(fd, &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

// Brings a part of a file into the page cache, on a thread that may block.
Status ReadIntoCache(int fd, uint64_t offset, size_t size) {
  const IoScope scope(IoKind::kRead, fd);
  constexpr size_t kPieceBytes = 64 * limits::kKiB;
  thread_local char scratch[kPieceBytes];
  while (size > 0) {
    const ssize_t result = ::pread(fd, scratch, std::min(size, kPieceBytes), static_cast<off_t>(offset));
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) return FromErrno(errno, "read a part of a file that is being sent");
    if (result == 0) return Corruption("a file that is being sent is shorter than its range");
    offset += static_cast<uint64_t>(result);
    size -= static_cast<size_t>(result);
  }
  return OkStatus();
}

}  // namespace

// The head and what is in memory of the body, as far as the socket takes it at once. kBlocked: FinishSend.
Connection::SendState Connection::StartSend(Arrival arrival) {
  Response& response = workspace_->response;
  const RequestHead& head = workspace_->parser.head();
  const bool whole_request = arrival == Arrival::kRequest;
  const bool is_stream = response.body_type() == Response::BodyType::kStream;
  if (is_stream) {
    // HTTP/1.0 knows no chunks: there the end of the connection is the end of the body.
    if (head.minor_version == 0)
      response.set_close_connection();
    else
      response.AddHeader("transfer-encoding", "chunked");
  }
  if (!body_.at_end()) linger_ = true;
  keep_alive_ =
      whole_request && head.keep_alive && !response.close_connection() && !core_.draining() && body_.CanBeSkipped();
  const ConnectionHeader connection = !keep_alive_              ? ConnectionHeader::kClose
                                      : head.minor_version == 0 ? ConnectionHeader::kKeepAlive
                                                                : ConnectionHeader::kNone;
  const bool omit = whole_request && head.method == Method::kHead;
  OutgoingResponse& outgoing = workspace_->outgoing;
  const uint64_t now_us = fast_ ? started_us_ : core_.NowUs();
  outgoing.Start(response, core_.stamp().End(now_us / 1000, id_, connection),
                 omit ? OutgoingResponse::Body::kOmit : OutgoingResponse::Body::kSend);
  sends_stream_ = !omit && is_stream;
  sends_file_ = !omit && response.body_type() == Response::BodyType::kFile && MayHaveBody(response.status()) &&
                response.file().length > 0;
  file_sent_bytes_ = sends_file_ ? AddFileStart(response.file()) : 0;
  if (sends_file_ && file_sent_bytes_ == response.file().length) sends_file_ = false;
  send_rate_.Restart();
  const SendState sent = SendPending();
  if (sent == SendState::kBlocked) outgoing.KeepStamp();
  return sent == SendState::kSent && sends_file_ ? SendState::kBlocked : sent;
}

Connection::SendState Connection::SendPending() {
  OutgoingResponse& outgoing = workspace_->outgoing;
  while (!outgoing.done()) {
    const IoResult result = stream_.Send(outgoing.pending(), sends_file_ ? Stream::More::kYes : Stream::More::kNo);
    if (result.state == IoState::kWouldBlock) return SendState::kBlocked;
    if (result.state != IoState::kProgress) return SendState::kFailed;
    outgoing.Consume(result.bytes);
    send_rate_.Add(result.bytes);
    sent_bytes_ += result.bytes;
  }
  return SendState::kSent;
}

Task<Connection::SendState> Connection::FinishSend() {
  SendState sent = SendPending();
  while (sent == SendState::kBlocked) {
    if (!co_await AwaitRate(Wait::kSend, &send_rate_)) co_return SendState::kFailed;
    sent = SendPending();
  }
  if (sent == SendState::kSent && sends_file_) sent = co_await SendFile();
  co_return sent;
}

// Reads what goes out with the head in one call, and says how much that is; 0 when it is not in the page cache.
// All of a small body: cheaper than a second call, and the read is the probe for cold pages at the same time. Of a larger
// one the part before a page boundary: a TCP packet takes at most 17 pieces of pages, and with the head being one and two
// broken pages at the ends it is full before it has the size of a loopback segment, which costs a wake-up of the peer
// for each packet and a software segmentation of the next (at 200 KB, twice the CPU of the whole request).
uint64_t Connection::AddFileStart(const FileRange& range) {
  const uint64_t until_boundary = (kPageBytes - range.offset % kPageBytes) % kPageBytes;
  const uint64_t size = range.length <= limits::kSmallFileBytes ? range.length : until_boundary;
  if (size == 0) return 0;
  if (workspace_->file_start == nullptr) workspace_->file_start.reset(new char[limits::kSmallFileBytes]);
  const iovec piece{workspace_->file_start.get(), size};
  if (::preadv2(range.fd, &piece, 1, static_cast<off_t>(range.offset), RWF_NOWAIT) != static_cast<ssize_t>(size))
    return 0;
  workspace_->outgoing.AddBody({workspace_->file_start.get(), size});
  return size;
}

// True if sendfile of that part will hardly wait for the disk, by its first and last byte.
bool Connection::IsWarm(int fd, uint64_t offset, size_t size) {
  const uint64_t now_ms = NowMs();
  if (core_.warm_parts().Contains(fd, offset, size, now_ms)) return true;
  if (!IsCached(fd, offset) || !IsCached(fd, offset + size - 1)) return false;
  core_.warm_parts().Add(fd, offset, size, now_ms);
  return true;
}

Task<Connection::SendState> Connection::SendFile() {
  const FileRange& range = workspace_->response.file();
  uint64_t offset = range.offset + file_sent_bytes_;
  uint64_t left = range.length - file_sent_bytes_;
  uint64_t warm_end = offset;
  while (left > 0) {
    if (offset == warm_end) {
      const size_t part = std::min<uint64_t>(left, limits::kSendfileTurnBytes);
      if (!IsWarm(range.fd, offset, part) && !co_await ReadAhead(range, offset, part)) co_return SendState::kFailed;
      warm_end = offset + part;
    }
    const IoResult result = stream_.SendFile(range.fd, offset, warm_end - offset);
    if (result.state == IoState::kFileFailed) {
      Log(LogLevel::kError, "a file could not be sent whole: the connection is cut",
          {{"offset", offset},
           {"left", left},
           {"reason",
            result.file_error == 0 ? "the file is too short" : FromErrno(result.file_error, "sendfile").ToString()}});
      co_return SendState::kFailed;
    }
    if (result.state == IoState::kEnded) co_return SendState::kFailed;
    offset += result.bytes;
    left -= result.bytes;
    sent_bytes_ += result.bytes;
    send_rate_.Add(result.bytes);
    if (left == 0) break;
    if (offset == warm_end) {
      // The socket would take more, but others have waited long enough.
      co_await boost::asio::post(core_.context(), boost::asio::use_awaitable);
      if (stopped()) co_return SendState::kFailed;
    } else if (!co_await AwaitRate(Wait::kSend, &send_rate_)) {
      co_return SendState::kFailed;
    }
  }
  co_return SendState::kSent;
}

// False if the file cannot be read.
Task<bool> Connection::ReadAhead(const FileRange& range, uint64_t offset, size_t size) {
  core_.mutable_counters().cold_reads.Add(1);
  auto read = [fd = range.fd, offset, size] { return ReadIntoCache(fd, offset, size); };
  const Status status = co_await core_.executor().Run(WorkClass::kIo, std::move(read));
  // With the I/O threads overloaded the core itself waits for the disk: slow, but better than to break an answer.
  if (status.ok() || status.code() == Code::kResourceExhausted) co_return true;
  Log(LogLevel::kError, "a file could not be read: the connection is cut",
      {{"reason", status.message()}, {"offset", offset}});
  co_return false;
}

// "100 Continue", before a body is read. False if the client is gone.
Task<bool> Connection::SendContinue() {
  std::string_view left = kContinue;
  while (!left.empty()) {
    const iovec piece{const_cast<char*>(left.data()), left.size()};
    const IoResult result = stream_.Send({&piece, 1}, Stream::More::kNo);
    if (result.state == IoState::kEnded) co_return false;
    left.remove_prefix(result.bytes);
    if (left.empty()) break;
    if (!co_await AwaitRate(Wait::kSend, &send_rate_)) co_return false;
  }
  co_return true;
}

}  // namespace tarn::http
