#pragma once

#include <sys/uio.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>

#include "http/net/task.h"

namespace tarn::http {

// What one non-blocking call came to.
enum class IoState : uint8_t {
  kProgress,    // `bytes` > 0 were moved.
  kWouldBlock,  // Wait for readiness, then try again.
  kEnded,       // The other end closed (a read), or the connection is broken.
  kFileFailed,  // SendFile only: the file could not be read, or is shorter than the range.
};
struct IoResult {
  IoState state = IoState::kEnded;
  size_t bytes = 0;
  int file_error = 0;  // kFileFailed: the errno, or 0 for the end of the file.
};

// A connected socket, TCP or Unix, non-blocking. The calls are direct system calls that the caller tries first; Asio only
// waits, and only when nothing else is left to do. Threads: one core.
class Stream {
 public:
  enum class More : uint8_t { kNo, kYes };  // kYes: other bytes follow at once, so hold a short segment back.

  // Takes the descriptor over. If the kernel cannot watch one more, the stream has ended from the start.
  Stream(boost::asio::io_context& context, int fd);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  IoResult Receive(char* data, size_t size);
  IoResult Send(std::span<const iovec> pieces, More more);
  // From `offset` of a file.
  IoResult SendFile(int file_fd, uint64_t offset, size_t size);

  // Until there may be something to read, or room to write; or CancelWaits.
  using WaitResult = std::tuple<boost::system::error_code>;
  Task<WaitResult> WaitReadable();
  Task<WaitResult> WaitWritable();
  void CancelWaits();

  bool HasUnreadBytes() const;
  // Bytes to read, or the other end is gone.
  bool HasInput() const;
  void ShutdownWrite();
  void ShutdownBoth();
  // Close, then drop what the kernel still holds for the client, and reset the connection.
  void Abort();
  void Close();

 private:
  boost::asio::posix::stream_descriptor descriptor_;
  int fd_;
};

}  // namespace tarn::http
