#include "http/net/stream.h"

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace tarn::http {
namespace {

IoResult FromReturn(ssize_t result) {
  if (result > 0) return {IoState::kProgress, static_cast<size_t>(result), 0};
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {IoState::kWouldBlock, 0, 0};
  return {IoState::kEnded, 0, 0};
}

// Retries a call that a signal interrupted.
template <typename Call>
ssize_t Retried(const Call& call) {
  ssize_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

Stream::Stream(boost::asio::io_context& context, int fd) : descriptor_(context), fd_(fd) {
  boost::system::error_code error;
  descriptor_.assign(fd, error);
  if (!error) return;
  ::close(fd);
  fd_ = -1;
}

IoResult Stream::Receive(char* data, size_t size) {
  return FromReturn(Retried([&] { return ::recv(fd_, data, size, MSG_DONTWAIT); }));
}

IoResult Stream::Send(std::span<const iovec> pieces, More more) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more == More::kYes ? MSG_MORE : 0);
  return FromReturn(Retried([&] { return ::sendmsg(fd_, &message, flags); }));
}

IoResult Stream::SendFile(int file_fd, uint64_t offset, size_t size) {
  auto position = static_cast<off_t>(offset);
  const ssize_t result = Retried([&] { return ::sendfile(fd_, file_fd, &position, size); });
  if (result == 0) return {IoState::kFileFailed, 0, 0};  // Shorter than it was said to be.
  // EPIPE and ECONNRESET are the client's doing; what else goes wrong here is the file's.
  if (result < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET && errno != ETIMEDOUT) {
    return {IoState::kFileFailed, 0, errno};
  }
  return FromReturn(result);
}

Task<Stream::WaitResult> Stream::WaitReadable() {
  return descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                boost::asio::as_tuple(boost::asio::use_awaitable));
}

Task<Stream::WaitResult> Stream::WaitWritable() {
  return descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                                boost::asio::as_tuple(boost::asio::use_awaitable));
}

void Stream::CancelWaits() {
  boost::system::error_code ignored;
  descriptor_.cancel(ignored);
}

bool Stream::HasUnreadBytes() const {
  int unread = 0;
  return ::ioctl(fd_, FIONREAD, &unread) == 0 && unread > 0;
}

bool Stream::HasInput() const {
  char byte;
  const ssize_t result = Retried([&] { return ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK); });
  return result >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void Stream::ShutdownWrite() { ::shutdown(fd_, SHUT_WR); }

void Stream::ShutdownBoth() { ::shutdown(fd_, SHUT_RDWR); }

void Stream::Abort() {
  const linger drop{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &drop, sizeof(drop));
  Close();
}

void Stream::Close() {
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

}  // namespace tarn::http
