#include "replication/etcd_coordination.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "storage/testing/temp_directory.h"

namespace tarn::replication {
namespace {

std::string EtcdProgram() {
  const char* named = std::getenv("TARN_ETCD");
  return named != nullptr ? named : "/usr/bin/etcd";
}

uint16_t FreePort() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(probe);
  return ntohs(address.sin_port);
}

// A real etcd of one member on loopback. Without one on the machine the tests are skipped; `./dev test` fetches it.
class EtcdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(EtcdProgram())) GTEST_SKIP() << EtcdProgram() << " is not there";
    url_ = "http://127.0.0.1:" + std::to_string(FreePort());
    Start();
    for (int i = 0; i < 300 && !coordination_->Read().ok(); ++i) usleep(100'000);
    ASSERT_TRUE(coordination_->Read().ok()) << coordination_->Read().status().ToString();
  }
  void TearDown() override { Kill(); }

  void Start() {
    const std::string peer = "http://127.0.0.1:" + std::to_string(FreePort());
    std::vector<std::string> words = {EtcdProgram(),
                                      "--data-dir=" + directory_.path() + "/etcd",
                                      "--listen-client-urls=" + url_,
                                      "--advertise-client-urls=" + url_,
                                      "--listen-peer-urls=" + peer,
                                      "--initial-advertise-peer-urls=" + peer,
                                      "--initial-cluster=default=" + peer,
                                      "--log-level=error"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ASSERT_EQ(posix_spawn(&pid_, words[0].c_str(), nullptr, nullptr, arguments.data(), environ), 0);
    coordination_ = NewCoordination();
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  std::unique_ptr<EtcdCoordination> NewCoordination() const {
    EtcdCoordination::Options options;
    options.endpoints = {url_};
    options.lease_seconds = kLeaseSeconds;
    options.request_timeout_ms = 5'000;  // A busy machine is no fault here.
    return std::make_unique<EtcdCoordination>(options);
  }
  ClusterView View() {
    const auto view = coordination_->Read();
    EXPECT_TRUE(view.ok()) << view.status().ToString();
    return view.ok() ? *view : ClusterView();
  }

  static constexpr uint64_t kLeaseSeconds = 2;
  const Member east_{"east", "http://east.example/"};
  const Member west_{"west", "http://west.example/"};
  TempDirectory directory_;
  std::string url_;
  pid_t pid_ = 0;
  std::unique_ptr<EtcdCoordination> coordination_;
};

TEST_F(EtcdTest, FoundsLeadsAndHandsOver) {
  const ClusterView empty = View();
  EXPECT_EQ(empty.epoch, Epoch(0));
  EXPECT_EQ(empty.leader, std::nullopt);
  EXPECT_TRUE(empty.in_sync.empty());
  EXPECT_EQ(coordination_->Campaign(west_, empty, Coordination::Founding::kNo).code(), Code::kPermissionDenied);

  const auto first = coordination_->Campaign(east_, empty, Coordination::Founding::kYes);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(first->epoch, Epoch(1));
  const ClusterView led = View();
  EXPECT_EQ(led.epoch, Epoch(1));
  EXPECT_EQ(led.leader, east_);
  EXPECT_EQ(led.in_sync, std::vector<std::string>{"east"});
  EXPECT_TRUE(coordination_->KeepAlive(*first).ok());

  EXPECT_TRUE(coordination_->SetInSync(*first, {"east", "west"}).ok());
  ASSERT_TRUE(coordination_->Resign(*first).ok());
  EXPECT_TRUE(coordination_->Resign(*first).ok());
  EXPECT_EQ(coordination_->KeepAlive(*first).code(), Code::kNotFound);

  const auto second = coordination_->Campaign(west_, View(), Coordination::Founding::kNo);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ(second->epoch, Epoch(2));
  // The first leader's word counts no more, although it is the same key.
  EXPECT_EQ(coordination_->SetInSync(*first, {"east"}).code(), Code::kConflict);
  EXPECT_EQ(View().in_sync, (std::vector<std::string>{"east", "west"}));
}

TEST_F(EtcdTest, OfTwoThatStandOneIsElected) {
  ASSERT_TRUE(coordination_->Campaign(east_, View(), Coordination::Founding::kYes).ok());
  EXPECT_EQ(coordination_->Campaign(west_, View(), Coordination::Founding::kYes).code(), Code::kConflict);
}

TEST_F(EtcdTest, AnOldViewElectsNobody) {
  const auto first = coordination_->Campaign(east_, View(), Coordination::Founding::kYes);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(coordination_->SetInSync(*first, {"east", "west"}).ok());
  ClusterView old = View();
  old.leader.reset();
  ASSERT_TRUE(coordination_->SetInSync(*first, {"east"}).ok());  // West has fallen out meanwhile.
  ASSERT_TRUE(coordination_->Resign(*first).ok());
  EXPECT_EQ(coordination_->Campaign(west_, old, Coordination::Founding::kNo).code(), Code::kConflict);
}

TEST_F(EtcdTest, ALeaseThatIsNotRenewedEnds) {
  const auto first = coordination_->Campaign(east_, View(), Coordination::Founding::kYes);
  ASSERT_TRUE(first.ok());
  for (int i = 0; i < 200 && View().leader.has_value(); ++i) usleep(100'000);
  EXPECT_EQ(View().leader, std::nullopt);
  EXPECT_EQ(coordination_->KeepAlive(*first).code(), Code::kNotFound);
  EXPECT_EQ(coordination_->SetInSync(*first, {"east"}).code(), Code::kConflict);
}

TEST_F(EtcdTest, AnEtcdThatIsGoneIsUnavailable) {
  Kill();
  EXPECT_EQ(coordination_->Read().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tarn::replication
