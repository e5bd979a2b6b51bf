#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "http/net/testing/server_fixture.h"
#include "storage/testing/temp_directory.h"

namespace tarn::http {
namespace {

using testing::Answer;
using testing::TestClient;

constexpr size_t kFileBytes = 5'000'000;

class ConnectionSendTest : public testing::ServerFixture {
 protected:
  ConnectionSendTest() : content_(kFileBytes, '\0') {
    uint64_t state = 1;
    for (char& c : content_) c = static_cast<char>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
    const std::string path = directory_.path() + "/file";
    std::ofstream(path, std::ios::binary) << content_;
    fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    Range(0, kFileBytes);
  }
  ~ConnectionSendTest() override {
    server->Stop();
    ::close(fd_);
  }
  void Range(uint64_t offset, uint64_t length) { handler.file = {nullptr, fd_, offset, length}; }

  TempDirectory directory_;
  std::string content_;
  int fd_ = -1;
};

TEST_F(ConnectionSendTest, SendsAFileUnchanged) {
  Start();
  TestClient client(address);
  for (int i = 0; i < 3; ++i) {
    const Answer answer = client.Get("/file");
    EXPECT_TRUE(answer.complete);
    EXPECT_TRUE(answer.body == content_);
  }
}

TEST_F(ConnectionSendTest, SendsAnyRangeOfAFile) {
  Start();
  TestClient client(address);
  struct Row {
    uint64_t offset;
    uint64_t length;
  };
  constexpr uint64_t kSmall = limits::kSmallFileBytes;
  constexpr uint64_t kTurn = limits::kSendfileTurnBytes;
  for (const Row& row : {Row{0, 1}, Row{kFileBytes - 1, 1}, Row{17, kSmall}, Row{17, kSmall + 1}, Row{4095, kTurn},
                         Row{4095, kTurn + 1}, Row{1, 3 * kTurn - 1}, Row{123, 0}}) {
    Range(row.offset, row.length);
    const Answer answer = client.Get("/file");
    EXPECT_EQ(answer.headers.at("content-length"), std::to_string(row.length));
    EXPECT_TRUE(answer.body == content_.substr(row.offset, row.length)) << row.offset << " " << row.length;
  }
}

TEST_F(ConnectionSendTest, SendsOneFileToManyAtOnce) {
  Start();
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([this] {
      TestClient client(address, /*receive_buffer_bytes=*/16'384);
      EXPECT_TRUE(client.Get("/file").body == content_);
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(ConnectionSendTest, SendsNoFileToHead) {
  Start();
  TestClient client(address);
  ASSERT_TRUE(client.Send("HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(client.Read(TestClient::Body::kNone).headers.at("content-length"), std::to_string(kFileBytes));
  EXPECT_EQ(client.Get("/fast").body, "fast");
}

// Never padded: a client that counts bytes sees that something is wrong.
TEST_F(ConnectionSendTest, BreaksOffWhenTheFileIsShorterThanTheRange) {
  Start();
  for (const uint64_t missing : {uint64_t{1}, uint64_t{kFileBytes - 10}}) {
    ASSERT_EQ(::ftruncate(fd_, static_cast<off_t>(kFileBytes - missing)), 0);
    TestClient client(address);
    const Answer answer = client.Get("/file");
    EXPECT_EQ(answer.headers.at("content-length"), std::to_string(kFileBytes));
    EXPECT_FALSE(answer.complete);
    EXPECT_TRUE(client.AtEnd());
  }
  EXPECT_TRUE(Eventually([&] { return handler.statuses() == std::vector<int>{0, 0}; }));
}

TEST_F(ConnectionSendTest, BreaksOffWhenASmallFileIsShorterThanTheRange) {
  Start();
  Range(kFileBytes - 5, 10);
  TestClient client(address);
  EXPECT_FALSE(client.Get("/file").complete);
}

TEST_F(ConnectionSendTest, BreaksOffWhenTheFileCannotBeRead) {
  Start();
  const int unreadable = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  handler.file = {nullptr, unreadable, 0, 100'000};
  TestClient client(address);
  EXPECT_FALSE(client.Get("/file").complete);
  ::close(unreadable);
}

// The page cache is told to forget the file, so the parts have to be read on the I/O threads first. Not every file system
// obeys, hence no count.
TEST_F(ConnectionSendTest, SendsAColdFile) {
  Start();
  ::fsync(fd_);
  ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
  TestClient client(address);
  EXPECT_TRUE(client.Get("/file").body == content_);
}

TEST_F(ConnectionSendTest, SendsALargeAnswerFromMemory) {
  Start();
  TestClient client(address, /*receive_buffer_bytes=*/16'384);
  const Answer answer = client.Get("/large");
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body.size(), 64u << 20);
  EXPECT_EQ(answer.body.find_first_not_of('L'), std::string::npos);
  EXPECT_EQ(client.Get("/fast").body, "fast");
}

// sendfile has no MSG_NOSIGNAL.
TEST_F(ConnectionSendTest, SurvivesClientsThatLeaveWhileAFileIsSent) {
  Start();
  for (int i = 0; i < 20; ++i) {
    TestClient client(address, /*receive_buffer_bytes=*/4096);
    ASSERT_TRUE(client.Send("GET /file HTTP/1.1\r\nHost: h\r\n\r\n"));
  }
  EXPECT_TRUE(Eventually([&] { return Ended(20); }));
  EXPECT_EQ(TestClient(address).Get("/fast").status, 200);
}

}  // namespace
}  // namespace tarn::http
