// What the registry adds to a commit and to a read: publishes into packages of several sizes, authentication, search.
// On the store in memory, so that the figures are CPU of the registry's own.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "storage/base/check.h"
#include "storage/engine/keys.h"
#include "storage/registry/records.h"
#include "storage/registry/registry.h"
#include "storage/registry/search_index.h"
#include "storage/testing/builders.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/mem_store.h"
#include "storage/testing/publish_builder.h"

namespace tarn::registry {
namespace {

constexpr char kBaseUrl[] = "http://registry.example";

struct Fixture {
  explicit Fixture(const RegistryOptions& options = {}) {
    auto opened = Registry::Open(&store, options, &clock, &random);
    CHECK(opened.ok());
    registry = std::move(opened).value();
    CHECK(registry->CreateUser(Principal::System(), "alice", "secret", "", Registry::Admin::kNo).ok());
  }

  void Publish(const std::string& version) {
    PublishBuilder builder;
    builder.version = version;
    const std::string body = builder.Body();
    auto upload = registry->BeginPackageWrite(alice, PackageName::Parse("left").value(), std::nullopt);
    CHECK(upload.ok() && (*upload)->Consume(body).ok() && (*upload)->Finish().ok());
  }

  ManualClock clock;
  SeededRandom random{1};
  MemStore store{&clock};
  std::unique_ptr<Registry> registry;
  const Principal alice{
      .kind = Principal::Kind::kUser, .user = "alice", .is_admin = false, .may_write = true, .token = std::nullopt};
};

// Argument 0: versions there already. Argument 1: whether the packument is in memory and is appended to.
void BM_PublishInto(benchmark::State& state) {
  Fixture fixture;
  int64_t next = 0;
  for (; next < state.range(0); ++next) fixture.Publish("1.0." + std::to_string(next));
  const auto read = [&] {
    return fixture.registry->GetPackument(Principal::Anonymous(), PackageName::Parse("left").value(),
                                          PackumentForm::kAbbreviated, PackumentCoding::kGzip, kBaseUrl);
  };
  if (state.range(1) != 0) CHECK(read().ok());
  for (auto _ : state) {
    fixture.Publish("1.0." + std::to_string(next++));
    if (state.range(1) != 0) CHECK(read().ok());
  }
}
BENCHMARK(BM_PublishInto)
    ->Args({1, 0})
    ->Args({5000, 0})
    ->Args({1, 1})
    ->Args({5000, 1})
    ->Iterations(500)
    ->Unit(benchmark::kMicrosecond);

void BM_AuthenticateToken(benchmark::State& state) {
  Fixture fixture;
  const auto login = fixture.registry->Login({"alice", "secret"});
  CHECK(login.ok());
  Credentials credentials;
  credentials.kind = Credentials::Kind::kBearer;
  credentials.token = login->token;
  for (auto _ : state) {
    const auto answer = fixture.registry->Authenticate(credentials, PeerAddress{});
    CHECK(answer.ok() && answer->outcome == Authentication::Outcome::kOk);
  }
}
BENCHMARK(BM_AuthenticateToken)->Unit(benchmark::kMicrosecond);

void BM_Search(benchmark::State& state) {
  Fixture fixture;
  for (int64_t i = 0; i < state.range(0); ++i) {
    PackageRecord package;
    package.maintainers = {{"alice", "alice@example.com"}};
    package.version_count = 1;
    package.SetTag("latest", "1.0.0");
    package.latest = LatestSummary{};
    package.latest->version = "1.0.0";
    package.latest->description = "A package of middling length that does this and that, number " + std::to_string(i);
    package.latest->keywords = {"string", "number", "package", "tool", "javascript"};
    CHECK(fixture.store
              .Commit(PutMutation(engine::Family::kPackage, engine::NameKey("package-" + std::to_string(i)),
                                  Encode(package)))
              .ok());
  }
  // Argument 1: every package fits, one in a hundred does, one alone does.
  const std::string last = std::to_string(state.range(0) - 1);
  const std::string texts[] = {"package javascript", "number 77", "package-" + last};
  const SearchQuery query{texts[state.range(1)], 20, 0};
  CHECK(fixture.registry->Search(Principal::Anonymous(), query).ok());  // Loads the index.
  std::vector<uint64_t> durations_us;
  for (auto _ : state) {
    const uint64_t began_us = SystemClock().MonotonicUs();
    const auto answer = fixture.registry->Search(Principal::Anonymous(), query);
    durations_us.push_back(SystemClock().MonotonicUs() - began_us);
    CHECK(answer.ok() && answer->total > 0);
  }
  std::sort(durations_us.begin(), durations_us.end());
  SearchIndex index;
  CHECK(index.Take(&fixture.store).ok());
  state.counters["p99_us"] = static_cast<double>(durations_us[durations_us.size() * 99 / 100]);
  state.counters["index_bytes_per_package"] = static_cast<double>(index.bytes()) / static_cast<double>(state.range(0));
}
BENCHMARK(BM_Search)
    ->Args({10'000, 0})
    ->Args({100'000, 0})
    ->Args({100'000, 1})
    ->Args({100'000, 2})
    ->Iterations(200)
    ->Unit(benchmark::kMillisecond);

void BM_OpenTarball(benchmark::State& state) {
  Fixture fixture;
  fixture.Publish("1.0.0");
  const PackageName name = PackageName::Parse("left").value();
  for (auto _ : state) CHECK(fixture.registry->OpenTarball(Principal::Anonymous(), name, "left-1.0.0.tgz").ok());
}
BENCHMARK(BM_OpenTarball)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tarn::registry
