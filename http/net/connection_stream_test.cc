#include <deque>

#include "http/net/testing/server_fixture.h"

namespace tarn::http {
namespace {

using testing::Answer;
using testing::TestClient;

// What a test says, when it says it; waits for more in between.
class Script {
 public:
  void Say(StreamStep step) {
    MutexLock lock(mutex_);
    steps_.push_back(std::move(step));
    if (waker_ != nullptr) waker_->Wake();
  }
  void Attach(std::shared_ptr<StreamWaker> waker) {
    MutexLock lock(mutex_);
    waker_ = std::move(waker);
  }
  StreamStep Take(uint64_t wait_ms) {
    MutexLock lock(mutex_);
    ++asked_;
    if (steps_.empty()) return StreamStep::Wait(SystemClock().MonotonicMs() + wait_ms);
    StreamStep step = std::move(steps_.front());
    steps_.pop_front();
    return step;
  }
  int asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }

 private:
  mutable Mutex mutex_;
  std::deque<StreamStep> steps_ GUARDED_BY(mutex_);
  std::shared_ptr<StreamWaker> waker_ GUARDED_BY(mutex_);
  int asked_ GUARDED_BY(mutex_) = 0;
};

class ScriptedStream final : public BodyStream {
 public:
  ScriptedStream(Script* script, uint64_t wait_ms, std::atomic<int>* alive)
      : script_(script), wait_ms_(wait_ms), alive_(alive) {
    ++*alive_;
  }
  ~ScriptedStream() override {
    script_->Attach(nullptr);
    --*alive_;
  }
  void Start(std::shared_ptr<StreamWaker> waker) override { script_->Attach(std::move(waker)); }
  Task<StreamStep> Next(Mode mode) override {
    if (mode == Mode::kFinish && !std::exchange(said_bye_, true)) co_return StreamStep::Bytes("bye");
    co_return script_->Take(wait_ms_);
  }

 private:
  Script* const script_;
  const uint64_t wait_ms_;
  std::atomic<int>* const alive_;
  bool said_bye_ = false;
};

class ConnectionStreamTest : public testing::ServerFixture {
 protected:
  ConnectionStreamTest() {
    handler.make_stream = [this] { return std::make_unique<ScriptedStream>(&script_, wait_ms_, &alive_); };
  }
  // The streams use what is declared here.
  ~ConnectionStreamTest() override {
    if (server != nullptr) server->Stop();
  }
  bool Gone() {
    return Eventually([this] { return alive_ == 0; });
  }

  Script script_;
  std::atomic<uint64_t> wait_ms_{60'000};
  std::atomic<int> alive_{0};
};

TEST_F(ConnectionStreamTest, SendsChunksAndGoesOnWithTheConnection) {
  script_.Say(StreamStep::Bytes("one"));
  script_.Say(StreamStep::Bytes(""));  // Must not look like the end.
  script_.Say(StreamStep::Bytes(std::string(300'000, 'x')));
  script_.Say(StreamStep::End());
  Start();
  TestClient client(address);
  const Answer answer = client.Get("/stream");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("transfer-encoding"), "chunked");
  EXPECT_FALSE(answer.headers.contains("content-length"));
  EXPECT_EQ(client.ReadChunk(), "one");
  EXPECT_EQ(client.ReadChunk(), std::string(300'000, 'x'));
  EXPECT_EQ(client.ReadChunk(), "");
  EXPECT_EQ(client.Get("/fast").body, "fast");
  EXPECT_TRUE(Gone());
}

TEST_F(ConnectionStreamTest, AWaitingStreamIsWokenFromAnyThread) {
  Start();
  TestClient client(address);
  EXPECT_EQ(client.Get("/stream").status, 200);
  for (int i = 0; i < 100; ++i) {
    script_.Say(StreamStep::Bytes(std::to_string(i)));
    ASSERT_EQ(client.ReadChunk(), std::to_string(i));
  }
  script_.Say(StreamStep::End());
  EXPECT_EQ(client.ReadChunk(), "");
}

TEST_F(ConnectionStreamTest, IsAskedAgainWhenTheWaitIsOver) {
  wait_ms_ = 5;
  Start();
  TestClient client(address);
  EXPECT_EQ(client.Get("/stream").status, 200);
  EXPECT_TRUE(Eventually([this] { return script_.asked() > 3; }));
  script_.Say(StreamStep::End());
  EXPECT_EQ(client.ReadChunk(), "");
}

TEST_F(ConnectionStreamTest, AClientThatLeavesFreesItsStream) {
  Start();
  {
    TestClient client(address);
    EXPECT_EQ(client.Get("/stream").status, 200);
    ASSERT_TRUE(Eventually([this] { return script_.asked() == 1; }));
  }
  EXPECT_TRUE(Gone());
  EXPECT_TRUE(Ended(1));
}

TEST_F(ConnectionStreamTest, ABrokenStreamIsNeverTakenForAWholeOne) {
  script_.Say(StreamStep::Bytes("part"));
  script_.Say(StreamStep::Broken());
  Start();
  TestClient client(address);
  EXPECT_EQ(client.Get("/stream").status, 200);
  EXPECT_NE(client.ReadChunk(), "");
  EXPECT_EQ(client.ReadChunk(), std::nullopt);
  EXPECT_TRUE(Eventually([this] { return handler.statuses() == std::vector<int>{0}; }));
}

TEST_F(ConnectionStreamTest, ToOldClientsTheEndOfTheConnectionIsTheEnd) {
  script_.Say(StreamStep::Bytes("one"));
  script_.Say(StreamStep::Bytes("two"));
  script_.Say(StreamStep::End());
  Start();
  TestClient client(address);
  client.Send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const Answer answer = client.Read();
  EXPECT_FALSE(answer.headers.contains("transfer-encoding"));
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(Eventually([this] { return Ended(1); }));
  EXPECT_FALSE(client.AtEnd());
  EXPECT_EQ(client.unread(), "onetwo");
}

TEST_F(ConnectionStreamTest, HeadHasNoBody) {
  Start();
  TestClient client(address);
  client.Send("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.Read(TestClient::Body::kNone).status, 200);
  EXPECT_EQ(client.Get("/fast").body, "fast");
  EXPECT_EQ(script_.asked(), 0);
}

TEST_F(ConnectionStreamTest, AClientThatDoesNotReadIsCut) {
  options.connection.rate_window_ms = 100;
  for (int i = 0; i < 64; ++i) script_.Say(StreamStep::Bytes(std::string(1 << 20, 'x')));
  Start();
  TestClient client(address, 4096);
  client.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(Eventually([this] { return script_.asked() > 0; }));
  EXPECT_TRUE(Gone());
  EXPECT_TRUE(Eventually([this] { return server->stats().timed_out_connections == 1; }));
  EXPECT_LT(script_.asked(), 64) << "it was not read to the end";
}

TEST_F(ConnectionStreamTest, ADrainLetsAStreamSayGoodbye) {
  Start();
  TestClient client(address);
  EXPECT_EQ(client.Get("/stream").status, 200);
  ASSERT_TRUE(Eventually([this] { return script_.asked() == 1; }));
  EXPECT_TRUE(server->Drain(5000).ok());
  EXPECT_EQ(client.ReadChunk(), "bye");
  EXPECT_EQ(client.ReadChunk(), "");
  EXPECT_EQ(alive_, 0);
}

TEST_F(ConnectionStreamTest, AStopCutsIt) {
  Start();
  TestClient client(address);
  EXPECT_EQ(client.Get("/stream").status, 200);
  ASSERT_TRUE(Eventually([this] { return script_.asked() == 1; }));
  server->Stop();
  EXPECT_EQ(alive_, 0);
}

}  // namespace
}  // namespace tarn::http
