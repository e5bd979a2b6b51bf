#include "bench/load/response_parser.h"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace tarn::bench {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kStatusLineStart = "HTTP/1.1 ";

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <typename Number>
bool ParseWhole(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

size_t ResponseParser::Feed(std::string_view data, std::string_view* body) {
  *body = {};
  size_t taken = 0;
  if (state_ == State::kHead) {
    const size_t known = head_.size();
    head_.append(data.substr(0, kHeadBytesMax - known));
    const size_t end = head_.find(kHeadEnd, known < kHeadEnd.size() ? 0 : known - kHeadEnd.size());
    if (end == std::string::npos) {
      if (head_.size() >= kHeadBytesMax) Fail("head too long");
      return std::min(data.size(), kHeadBytesMax - known);
    }
    head_.resize(end + kHeadEnd.size());
    taken = head_.size() - known;
    ParseHead();
  }
  if (state_ == State::kBody) {
    const uint64_t available = data.size() - taken;
    *body = data.substr(taken, static_cast<size_t>(std::min(available, body_remaining_)));
    taken += body->size();
    SkipBody(body->size());
  }
  return taken;
}

void ResponseParser::SkipBody(uint64_t byte_count) {
  body_remaining_ -= byte_count;
  if (body_remaining_ == 0) state_ = State::kDone;
}

void ResponseParser::Reset() {
  state_ = State::kHead;
  head_.clear();
  status_ = 0;
  has_length_ = false;
  close_announced_ = false;
  content_length_ = 0;
  body_remaining_ = 0;
}

void ResponseParser::ParseHead() {
  std::string_view rest = head_;
  const size_t line_end = rest.find("\r\n");
  const std::string_view status_line = rest.substr(0, line_end);
  if (!status_line.starts_with(kStatusLineStart)) return Fail("not HTTP/1.1");
  if (!ParseWhole(status_line.substr(kStatusLineStart.size(), 3), &status_) || status_ < 200) {
    return Fail("bad status");
  }
  rest.remove_prefix(line_end + 2);
  while (!rest.starts_with("\r\n") && state_ != State::kBad) {
    const size_t end = rest.find("\r\n");
    ParseHeaderLine(rest.substr(0, end));
    rest.remove_prefix(end + 2);
  }
  if (state_ == State::kBad) return;
  const bool bodiless = status_ == 304 || status_ == 204;
  if (!bodiless && !has_length_) return Fail("no content-length");
  if (bodiless) content_length_ = 0;  // A 304 may repeat the length of the body it leaves out.
  body_remaining_ = content_length_;
  state_ = body_remaining_ == 0 ? State::kDone : State::kBody;
}

void ResponseParser::ParseHeaderLine(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Fail("header without colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (EqualsIgnoringCase(name, "content-length")) {
    if (has_length_) return Fail("content-length twice");
    if (!ParseWhole(value, &content_length_)) return Fail("bad content-length");
    has_length_ = true;
  } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
    Fail("transfer-encoding");
  } else if (EqualsIgnoringCase(name, "connection")) {
    close_announced_ = EqualsIgnoringCase(value, "close");
  }
}

void ResponseParser::Fail(std::string_view problem) {
  state_ = State::kBad;
  problem_ = problem;
}

}  // namespace tarn::bench
