#pragma once

#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/api/api.h"
#include "http/api/operator_jobs.h"
#include "http/api/testing/test_head.h"
#include "http/net/testing/run_task.h"
#include "storage/registry/hooks.h"
#include "storage/registry/package_listing.h"
#include "storage/testing/registry_fixture.h"

namespace tarn::http {

// A body that comes in the given pieces and then ends, or breaks.
class FakeBody final : public BodyReader {
 public:
  explicit FakeBody(std::vector<std::string> pieces, Status end = OkStatus())
      : pieces_(std::move(pieces)), end_(std::move(end)) {}

  Task<Result<std::string_view>> Read() override {
    ++reads_;
    if (next_ == pieces_.size()) {
      if (!end_.ok()) co_return end_;
      co_return std::string_view();
    }
    const std::string_view piece = pieces_[next_++];
    bytes_ += piece.size();
    if (bytes_ > bytes_max_) co_return TooLarge("the request body is too large");
    co_return piece;
  }
  void set_limit(uint64_t bytes_max) override { bytes_max_ = bytes_max; }

  int reads() const { return reads_; }
  uint64_t size() const {
    uint64_t sum = 0;
    for (const std::string& piece : pieces_) sum += piece.size();
    return sum;
  }

 private:
  const std::vector<std::string> pieces_;
  const Status end_;
  size_t next_ = 0;
  uint64_t bytes_ = 0;
  uint64_t bytes_max_ = UINT64_MAX;
  int reads_ = 0;
};

// As if it came over a connection in pieces of that size.
inline std::vector<std::string> InPieces(std::string_view text, size_t size) {
  std::vector<std::string> pieces;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) pieces.emplace_back(text.substr(0, size));
  return pieces;
}

class TestNode final : public NodeState {
 public:
  explicit TestNode(engine::Store& store) : store_(store) {}
  NodeRole role() const override { return NodeRole::kLeader; }
  Epoch epoch() const override { return Epoch(1); }
  Lsn applied_lsn() const override { return store_.last_lsn(); }
  Status CanWrite() const override { return can_write; }
  Status Ready() const override { return ready; }

  Status can_write;
  Status ready;

 private:
  engine::Store& store_;
};

// The whole front end but for sockets, over a registry in memory: requests go in as the connection would hand them over.
class ApiFixture : public registry::RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    peer_.address = "127.0.0.1";
    peer_.ip = *registry::PeerAddress::Parse(peer_.address)->ip;
    peer_.local_address = "127.0.0.1:4873";
    StartApi();
  }
  void TearDown() override { api_.reset(); }  // Before the registry it listens to.

  // Anew, with the options as they are now.
  void StartApi() {
    api_.reset();
    Open();
    api_options_.hooks = &hooks_;
    api_options_.jobs = &jobs_;
    listing_ = std::make_unique<registry::PackageListing>(&store_, options_.read_access);
    api_options_.listing = listing_.get();
    api_ = std::make_unique<Api>(api_options_, *registry_, node_, clock_, executor_);
  }

  Response Ask(Method method, const std::string& target, Headers headers = {}, const std::string& body = "") {
    FakeBody reader(body.empty() ? std::vector<std::string>() : std::vector<std::string>{body});
    return AskWith(method, target, std::move(headers), &reader, body.size());
  }
  // With a body of one's own. `content_length` 0: none, so the fast path is tried first, as the connection does.
  Response AskWith(Method method, const std::string& target, Headers headers, FakeBody* body, uint64_t content_length) {
    headers.emplace_back("Host", "127.0.0.1:4873");
    const TestHead head(method, target, std::move(headers), content_length);
    Response response;
    was_fast_ = content_length == 0 && api_->TryHandleFast(*head, peer_, &response);
    if (was_fast_) return response;
    const Request request{*head, peer_, *body, "id"};
    return testing::RunTask(api_->Handle(request));
  }
  Response Get(const std::string& target, Headers headers = {}) {
    return Ask(Method::kGet, target, std::move(headers));
  }

  static std::string BodyOf(const Response& response) {
    std::string text(response.text());
    for (const SharedBytes& piece : response.shared_pieces()) text += piece.bytes;
    if (response.body_type() == Response::BodyType::kFile) {
      const FileRange& file = response.file();
      std::string content(file.length, '\0');
      const auto size = static_cast<ssize_t>(file.length);
      CHECK(::pread(file.fd, content.data(), file.length, static_cast<off_t>(file.offset)) == size);
      text += content;
    }
    return text;
  }

  // A token of an account that is there already.
  std::string TokenOf(const std::string& user, const registry::TokenSpec& spec = {}) {
    const auto token = registry_->CreateToken(registry::Principal::System(), user, std::nullopt, spec);
    CHECK(token.ok());
    return token->token;
  }
  static std::pair<std::string, std::string> Bearer(const std::string& token) {
    return {"Authorization", "Bearer " + token};
  }
  // `npm publish` over the wire.
  Response PublishAs(const std::string& token, const PublishBuilder& builder) {
    std::string path = "/" + builder.name;
    if (const size_t slash = path.find('/', 1); slash != std::string::npos) path.replace(slash, 1, "%2f");
    return Ask(Method::kPut, path, {Bearer(token)}, builder.Body());
  }

  static Executor::Options FewThreads() {
    return {.read = {2, 64, 0}, .write = {2, 64, 0}, .io = {1, 64, 0}, .admin = {1, 64, 0}};
  }

  static Result<std::string> DoNothing(const std::function<bool()>&) { return std::string("{}"); }

  Peer peer_;
  TestNode node_{store_};
  Executor executor_{FewThreads(), clock_};
  registry::Hooks hooks_{&store_, {}, &clock_, &random_};
  OperatorJobs jobs_{{{"nothing", [](const JsonBody&) { return OperatorJobs::Work(&DoNothing); }}}, &clock_};
  std::unique_ptr<registry::PackageListing> listing_;
  ApiOptions api_options_;
  std::unique_ptr<Api> api_;
  bool was_fast_ = false;  // How the last answer was made.
};

}  // namespace tarn::http
