#include "storage/registry/hook_dispatcher.h"

#include <gmock/gmock.h>

#include "storage/testing/loopback_server.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

using tarn::testing::LoopbackServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Leader final : public NodeState {
 public:
  NodeRole role() const override { return role_.load(); }
  Epoch epoch() const override { return Epoch(1); }
  Lsn applied_lsn() const override { return Lsn(); }
  Status CanWrite() const override { return OkStatus(); }
  Status Ready() const override { return OkStatus(); }
  void Become(NodeRole role) { role_ = role; }

 private:
  std::atomic<NodeRole> role_{NodeRole::kLeader};
};

// Remembers what came, and answers as the test wants.
class Receiver {
 public:
  struct Arrival {
    std::string head, body;
    std::string Id() const { return Between(body, "\"id\":\"", "\""); }
    std::string What() const {
      return Between(body, "\"event\":\"", "\"") + " " + Between(body, "\"change\":", ",\"time\"");
    }
    static std::string Between(const std::string& text, const std::string& from, const std::string& to) {
      const size_t begin = text.rfind(from);
      return begin == std::string::npos
                 ? ""
                 : text.substr(begin + from.size(), text.find(to, begin + from.size()) - begin - from.size());
    }
  };

  std::string Url() const { return server_.Url("/in"); }
  void Answer(int status) { status_ = status; }
  // Waits until so many have come; fails after half a minute.
  std::vector<Arrival> Wait(size_t count) {
    MutexLock lock(mutex_);
    for (int i = 0; arrivals_.size() < count && i < 30; ++i) came_.WaitForMs(mutex_, 1000);
    EXPECT_GE(arrivals_.size(), count);
    return arrivals_;
  }

 private:
  std::string Take(const std::string& head, const std::string& body) {
    MutexLock lock(mutex_);
    arrivals_.push_back({head, body});
    came_.NotifyAll();
    return "HTTP/1.1 " + std::to_string(status_.load()) + " X\r\nContent-Length: 0\r\n\r\n";
  }

  Mutex mutex_;
  CondVar came_;
  std::vector<Arrival> arrivals_ GUARDED_BY(mutex_);
  std::atomic<int> status_{200};
  LoopbackServer server_{[this](const std::string& head, const std::string& body) { return Take(head, body); }};
};

class HookDispatcherTest : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    ann_ = AddUser("ann");
  }
  void TearDown() override { dispatcher_.reset(); }
  void StartDispatcher() {
    HookDispatcher::Options options;
    options.allow_private_addresses = true;
    options.poll_ms = 2;
    options.retry_ms_min = 2;
    dispatcher_ = std::make_unique<HookDispatcher>(&store_, registry_.get(), &hooks_, &node_, options, &SystemClock(),
                                                   &SystemRandom());
    dispatcher_->Start("http://registry.example/");
  }
  std::string AddHook(const Principal& principal, const std::string& url, HookType type = HookType::kPackage,
                      const std::string& name = "left") {
    const auto hook = hooks_.Create(principal, {type, name, url, "shh"});
    EXPECT_TRUE(hook.ok()) << hook.status().ToString();
    return hook.ok() ? hook->id : "";
  }
  void PublishVersion(const std::string& version, const std::string& name = "left", const std::string& access = "") {
    PublishBuilder builder;
    builder.name = name;
    builder.version = version;
    builder.access = access;
    builder.contents = "of " + version;
    const auto published = Publish(ann_, builder);
    ASSERT_TRUE(published.ok()) << published.status().ToString();
  }

  Principal ann_;
  Leader node_;
  Hooks hooks_{&store_, {.allow_private_addresses = true}, &clock_, &random_};
  std::unique_ptr<HookDispatcher> dispatcher_;
};

TEST_F(HookDispatcherTest, SendsSignedEventsInOrder) {
  Receiver receiver;
  StartDispatcher();
  AddHook(ann_, receiver.Url());
  for (const char* version : {"1.0.0", "1.0.1", "1.0.2"}) PublishVersion(version);
  const auto arrivals = receiver.Wait(3);
  EXPECT_EQ(arrivals[0].What(), R"(package:publish {"dist-tag":"latest","version":"1.0.0"})");
  EXPECT_EQ(arrivals[2].What(), R"(package:publish {"dist-tag":"latest","version":"1.0.2"})");
  HookRecord hook;
  hook.secret = "shh";
  for (const auto& arrival : arrivals) {
    EXPECT_THAT(arrival.head, HasSubstr("POST /in HTTP/1.1\r\n"));
    EXPECT_THAT(arrival.head, HasSubstr("x-npm-signature: " + SignatureOf(hook, arrival.body) + "\r\n"));
    EXPECT_THAT(arrival.head, HasSubstr("x-tarn-delivery: " + arrival.Id() + "\r\n"));
    EXPECT_THAT(arrival.body, HasSubstr(R"("payload":{"_id":"left")"));
    EXPECT_THAT(arrival.body, HasSubstr("http://registry.example/left/-/left-1.0.0.tgz"));
  }
}

TEST_F(HookDispatcherTest, WhatARefusingReceiverMissedComesLaterInOrder) {
  Receiver receiver;
  receiver.Answer(500);
  StartDispatcher();
  const std::string id = AddHook(ann_, receiver.Url());
  PublishVersion("1.0.0");
  PublishVersion("1.0.1");
  const std::string first = receiver.Wait(3)[0].Id();
  receiver.Answer(204);
  std::vector<std::string> ids;
  for (size_t count = 4; ids.size() < 2 || ids.back() == first; ++count) {
    ids.clear();
    for (const auto& arrival : receiver.Wait(count)) ids.push_back(arrival.Id());
    ASSERT_LT(count, 200u);
  }
  // The first again and again, then the second: never the other way round.
  for (size_t i = 0; i + 1 < ids.size(); ++i) EXPECT_EQ(ids[i], first);
}

TEST_F(HookDispatcherTest, GoesOnWhereItWasAfterARestart) {
  Receiver receiver;
  const std::string id = AddHook(ann_, receiver.Url());
  PublishVersion("1.0.0");
  StartDispatcher();
  receiver.Wait(1);
  while (dispatcher_->stats().delivered < 1) std::this_thread::yield();
  dispatcher_.reset();  // Commits.
  PublishVersion("1.0.1");
  StartDispatcher();
  const auto arrivals = receiver.Wait(2);
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_THAT(arrivals[1].What(), HasSubstr("1.0.1"));
  while (dispatcher_->stats().delivered < 1) std::this_thread::yield();
  dispatcher_.reset();
  EXPECT_EQ(hooks_.Get(ann_, id)->delivery.delivered_count, 2u);
  EXPECT_EQ(hooks_.Get(ann_, id)->delivery.response_code, 200);
  // And from the beginning when it is told to: with the same ids.
  ASSERT_TRUE(hooks_.Replay(Principal::System(), id, Lsn(1)).ok());
  StartDispatcher();
  const auto again = receiver.Wait(4);
  EXPECT_EQ(again[2].Id(), again[0].Id());
  EXPECT_EQ(again[3].Id(), again[1].Id());
}

TEST_F(HookDispatcherTest, WhatTheUserMayNotReadIsNotTold) {
  Receiver anns, bobs;
  AddHook(ann_, anns.Url(), HookType::kScope, "@ann");
  AddHook(AddUser("bob"), bobs.Url(), HookType::kScope, "@ann");
  StartDispatcher();
  PublishVersion("1.0.0", "@ann/private", "restricted");
  PublishVersion("1.0.0", "@ann/public", "public");
  const auto of_ann = anns.Wait(2);
  EXPECT_THAT(of_ann[0].body, HasSubstr("\"name\":\"@ann/private\""));
  const auto of_bob = bobs.Wait(1);
  EXPECT_THAT(of_bob[0].body, HasSubstr("\"name\":\"@ann/public\""));
  while (dispatcher_->stats().delivered < 3) std::this_thread::yield();
  EXPECT_EQ(bobs.Wait(1).size(), 1u);
}

TEST_F(HookDispatcherTest, AHangingReceiverKeepsNobodyElse) {
  std::atomic<bool> released{false};
  std::atomic<int> hanging{0};
  LoopbackServer tar_pit([&](const std::string&, const std::string&) {
    ++hanging;
    while (!released.load()) std::this_thread::yield();
    return std::string();
  });
  Receiver receiver;
  AddHook(ann_, tar_pit.Url());
  AddHook(ann_, receiver.Url());
  StartDispatcher();
  PublishVersion("1.0.0");
  while (hanging.load() == 0) std::this_thread::yield();
  for (int i = 1; i < 6; ++i) PublishVersion("1.0." + std::to_string(i));
  EXPECT_EQ(receiver.Wait(6).size(), 6u);
  EXPECT_EQ(hanging.load(), 1);
  dispatcher_->Stop();  // Breaks it off.
  released = true;
}

TEST_F(HookDispatcherTest, AHookGoesWithTheAccount) {
  Receiver receiver;
  const Principal bob = AddUserWithPassword("bob");
  AddUserWithPassword("root", Registry::Admin::kYes);
  const std::string id = AddHook(bob, receiver.Url());
  ASSERT_TRUE(registry_->RemoveUser(Principal::System(), "bob").ok());
  StartDispatcher();
  PublishVersion("1.0.0");
  while (hooks_.Get(Principal::System(), id).ok()) std::this_thread::yield();
  EXPECT_TRUE(receiver.Wait(0).empty());
}

TEST_F(HookDispatcherTest, OnlyTheLeaderSends) {
  Receiver receiver;
  node_.Become(NodeRole::kFollower);
  AddHook(ann_, receiver.Url());
  StartDispatcher();
  PublishVersion("1.0.0");
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  EXPECT_TRUE(receiver.Wait(0).empty());
  node_.Become(NodeRole::kLeader);
  receiver.Wait(1);
}

TEST_F(HookDispatcherTest, PrivateAddressesAreRefusedWhenTheyAreConnectedTo) {
  Receiver receiver;
  const std::string id = AddHook(ann_, receiver.Url());  // Allowed when it was made.
  HookDispatcher::Options options;
  options.poll_ms = 2;
  dispatcher_ = std::make_unique<HookDispatcher>(&store_, registry_.get(), &hooks_, &node_, options, &SystemClock(),
                                                 &SystemRandom());
  dispatcher_->Start("http://registry.example/");
  PublishVersion("1.0.0");
  while (dispatcher_->stats().refused == 0) std::this_thread::yield();
  EXPECT_TRUE(receiver.Wait(0).empty());
  dispatcher_->Stop();
  EXPECT_THAT(hooks_.Get(ann_, id)->delivery.last_error, HasSubstr("public internet"));
}

}  // namespace
}  // namespace tarn::registry
