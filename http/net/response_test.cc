#include "http/net/response.h"

#include <gtest/gtest.h>

namespace tarn::http {
namespace {

TEST(Response, SerializesItsHeadWithTheLengthOfItsBody) {
  Response response;
  response.set_status(404);
  response.AddHeader("content-type", "application/json");
  response.SetBody("{}");
  EXPECT_EQ(SerializeHead(response),
            "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2\r\n");
}

TEST(Response, HasNoLengthWhereThereIsNoBody) {
  Response response;
  response.set_status(304);
  response.AddHeader("etag", "\"x\"");
  EXPECT_EQ(SerializeHead(response), "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n");
  response.Clear();
  response.set_status(204);
  EXPECT_EQ(SerializeHead(response), "HTTP/1.1 204 No Content\r\n");
  response.Clear();
  EXPECT_EQ(SerializeHead(response), "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n");
}

TEST(Response, NeverLetsAValueSplitTheHead) {
  Response response;
  response.AddHeader("npm-notice", "a\r\nset-cookie: b\x7f");
  EXPECT_EQ(response.header_lines(), "npm-notice: a  set-cookie: b \r\n");
}

TEST(Response, FindsHeadersInBothPlaces) {
  Response response;
  response.UsePreparedHead(200, ShareString("HTTP/1.1 200 OK\r\nETag: \"1\"\r\ncontent-length: 3\r\n"));
  response.AddHeader("npm-notice", "hello");
  response.AddSharedBody(ShareString("abc"));
  EXPECT_EQ(response.FindHeader("etag"), "\"1\"");
  EXPECT_EQ(response.FindHeader("npm-notice"), "hello");
  EXPECT_EQ(response.FindHeader("npm"), "");
  EXPECT_EQ(SerializeHead(response), "HTTP/1.1 200 OK\r\nETag: \"1\"\r\ncontent-length: 3\r\nnpm-notice: hello\r\n");
}

TEST(Response, CountsItsBody) {
  Response response;
  response.AddSharedBody(ShareString("abc"));
  response.AddSharedBody(ShareString("de"));
  EXPECT_EQ(response.body_bytes(), 5u);
  response.Clear();
  EXPECT_EQ(response.body_bytes(), 0u);
  EXPECT_EQ(response.body_type(), Response::BodyType::kNone);
  response.SetFileBody({nullptr, 0, 10, 20});
  EXPECT_EQ(response.body_bytes(), 20u);
}

}  // namespace
}  // namespace tarn::http
