#include "http/net/outgoing_response.h"

#include <gtest/gtest.h>

#include <string>

namespace tarn::http {
namespace {

constexpr std::string_view kStamp = "date: now\r\n\r\n";

// Sends as a socket would that takes `step` bytes at a time. After the first step the stamp's memory is overwritten, as the
// next answer of the core would do.
std::string SendInSteps(const Response& response, OutgoingResponse::Body body, size_t step) {
  std::string sent;
  std::string stamp(kStamp);
  OutgoingResponse outgoing;
  outgoing.Start(response, stamp, body);
  bool first = true;
  while (!outgoing.done()) {
    size_t budget = step;
    size_t taken = 0;
    for (const iovec& piece : outgoing.pending()) {
      const size_t part = std::min(budget, piece.iov_len);
      sent.append(static_cast<const char*>(piece.iov_base), part);
      budget -= part;
      taken += part;
    }
    outgoing.Consume(taken);
    if (first) outgoing.KeepStamp();
    first = false;
    stamp.assign(stamp.size(), '#');
  }
  return sent;
}

TEST(OutgoingResponse, SendsTheSameInAnySteps) {
  Response built;
  built.AddHeader("a", "b");
  built.SetBody("the body");
  Response prepared;
  prepared.UsePreparedHead(200, ShareString("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n"));
  prepared.AddHeader("c", "d");
  prepared.AddSharedBody(ShareString("two"));
  prepared.AddSharedBody(ShareString(""));
  prepared.AddSharedBody(ShareString("six"));
  const std::string built_bytes = "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 8\r\ndate: now\r\n\r\nthe body";
  const std::string prepared_bytes = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nc: d\r\ndate: now\r\n\r\ntwosix";
  for (size_t step = 1; step <= built_bytes.size() + 1; ++step) {
    EXPECT_EQ(SendInSteps(built, OutgoingResponse::Body::kSend, step), built_bytes) << step;
    EXPECT_EQ(SendInSteps(prepared, OutgoingResponse::Body::kSend, step), prepared_bytes) << step;
  }
}

TEST(OutgoingResponse, OmitsTheBodyButNotItsLength) {
  Response response;
  response.SetBody("the body");
  EXPECT_EQ(SendInSteps(response, OutgoingResponse::Body::kOmit, 1000),
            "HTTP/1.1 200 OK\r\ncontent-length: 8\r\ndate: now\r\n\r\n");
  response.set_status(304);
  EXPECT_EQ(SendInSteps(response, OutgoingResponse::Body::kSend, 1000),
            "HTTP/1.1 304 Not Modified\r\ndate: now\r\n\r\n");
}

TEST(OutgoingResponse, GivesAwayABoundedNumberOfPiecesAtATime) {
  Response response;
  std::string expected = "HTTP/1.1 200 OK\r\ncontent-length: 400\r\ndate: now\r\n\r\n";
  for (int i = 0; i < 200; ++i) {
    response.AddSharedBody(ShareString("xy"));
    expected += "xy";
  }
  OutgoingResponse outgoing;
  outgoing.Start(response, kStamp, OutgoingResponse::Body::kSend);
  EXPECT_EQ(outgoing.pending().size(), OutgoingResponse::kPiecesMax);
  EXPECT_EQ(SendInSteps(response, OutgoingResponse::Body::kSend, 77), expected);
}

}  // namespace
}  // namespace tarn::http
