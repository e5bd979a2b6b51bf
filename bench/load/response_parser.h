// Reads one HTTP/1.1 response after the other from a keep-alive connection. Bytes in, state out; no
// socket.
//
// Deliberately narrow, because a load generator must notice when a server stops saying what it
// promises: a response needs exactly one Content-Length (304 and 204 have no body), and a
// Transfer-Encoding is an error. Not thread-safe; one parser per connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarn::bench {

class ResponseParser {
 public:
  enum class State { kHead, kBody, kDone, kBad };

  // A longer head is an error: 16 KiB is many times what a registry sends.
  static constexpr size_t kHeadBytesMax = 16 * 1024;

  // Consumes the start of `data` and returns how many bytes were taken: all of them unless the
  // response ended inside (state kDone) or is broken (state kBad). `body` gets the part of `data`
  // that is body.
  size_t Feed(std::string_view data, std::string_view* body);

  // Notes `byte_count` <= body_remaining() bytes of body that were dropped from the socket without
  // being looked at.
  void SkipBody(uint64_t byte_count);

  // Ready for the next response on the same connection. Only meaningful in state kDone.
  void Reset();

  State state() const { return state_; }
  int status() const { return status_; }
  uint64_t content_length() const { return content_length_; }
  uint64_t body_remaining() const { return body_remaining_; }
  bool close_announced() const { return close_announced_; }
  // Why the state is kBad: a word or two, static storage.
  std::string_view problem() const { return problem_; }

 private:
  void ParseHead();
  void ParseHeaderLine(std::string_view line);
  void Fail(std::string_view problem);

  State state_ = State::kHead;
  std::string head_;
  int status_ = 0;
  bool has_length_ = false;
  bool close_announced_ = false;
  uint64_t content_length_ = 0;
  uint64_t body_remaining_ = 0;
  std::string_view problem_;
};

}  // namespace tarn::bench
