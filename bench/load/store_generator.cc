// Fills an existing registry with very many small packages, to show what does not stay flat when it grows.
//
// usage: store_generator DATA PACKAGES VERSIONS OWNER
//
// Records as a publish makes them, signature included, through the store's own commit path, one record of the journal for a
// package; only HTTP, JSON and the look into the tarball are left out, which is what makes five million versions a matter of
// minutes. The tarballs are a few bytes each and no archives. The same arguments give the same packages. The registry must not be served
// meanwhile.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "storage/base/check.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/engine/keys.h"
#include "storage/engine/store.h"
#include "storage/registry/commit_loop.h"
#include "storage/registry/derived_families.h"
#include "storage/registry/integrity.h"
#include "storage/registry/manifest_summary.h"
#include "storage/registry/package_state.h"
#include "storage/registry/records.h"
#include "storage/registry/signing_keys.h"
#include "storage/testing/builders.h"

namespace tarn::registry {
namespace {

using engine::Family;

constexpr size_t kTarballBytes = 200;
constexpr size_t kUnderWayMax = 1024;  // Four full groups.
// What they hold staged is counted in pieces of 16 KiB and more; over the limit each would become a file of its own.
constexpr uint64_t kStagedBytesMax = 2048 * limits::kMiB;
// How many versions a package has: a few have most of them. Ten packages have fifty.
constexpr std::array<uint64_t, 10> kShares = {1, 1, 1, 1, 2, 3, 5, 8, 12, 16};
constexpr uint64_t kSharesSum = 50;
constexpr std::array<const char*, 16> kWords = {"amber",  "bridge", "cloud",   "delta",   "engine", "filter",
                                                "graph",  "hash",   "iterate", "journal", "key",    "layer",
                                                "matrix", "number", "object",  "parse"};

// Any order that is not that of the names: a registry does not grow from a to z. One to one, for the factor is odd.
std::string NameOf(uint64_t index) {
  char name[16];
  std::snprintf(name, sizeof(name), "scale-%08x", static_cast<uint32_t>(index) * 2654435761U);
  return name;
}

// Packages that are committed at the same time, counted.
class UnderWay {
 public:
  void Begin() {
    MutexLock lock(mutex_);
    while (count_ >= kUnderWayMax) less_.Wait(mutex_);
    ++count_;
  }
  void End() {
    MutexLock lock(mutex_);
    --count_;
    less_.NotifyAll();
  }
  void WaitForAll() {
    MutexLock lock(mutex_);
    while (count_ > 0) less_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar less_;
  size_t count_ GUARDED_BY(mutex_) = 0;
};

class Generator {
 public:
  Generator(engine::Store* store, const SigningKeys::InUse& in_use, uint64_t packages, uint64_t versions,
            std::string owner)
      : store_(*store), in_use_(in_use), packages_(packages), versions_(versions), owner_{std::move(owner), ""} {}

  void Run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(std::thread::hardware_concurrency(), 1U); ++i) {
      threads.emplace_back([this] {
        for (uint64_t index = next_++; index < packages_; index = next_++) Put(index);
      });
    }
    for (std::thread& thread : threads) thread.join();
    under_way_.WaitForAll();
  }
  uint64_t version_count() const { return made_; }

 private:
  uint64_t VersionsOf(uint64_t index) const {
    return std::max<uint64_t>(kShares[index % kShares.size()] * versions_ * kShares.size() / packages_ / kSharesSum, 1);
  }

  void Put(uint64_t index) {
    const auto name = PackageName::Parse(NameOf(index));
    CHECK(name.ok());
    const uint64_t count = VersionsOf(index);
    SeededRandom random(index + 1);
    engine::Mutation mutation;
    mutation.event = {engine::EventKind::kImport, name->full(), "", owner_.name, ""};
    in_use_.AddTo(&mutation);
    PackageRecord package;
    package.maintainers = {owner_};
    package.created_ms = now_ms_;
    for (uint64_t number = 0; number < count; ++number) {
      AddVersion(*name, number, index, &random, &package, &mutation);
    }
    const std::string key = engine::NameKey(name->full());
    mutation.preconditions.push_back({Family::kPackage, key, std::nullopt});
    mutation.changes.push_back({Family::kPackage, key, Encode(package)});
    made_ += count;
    under_way_.Begin();
    store_.CommitAsync(std::move(mutation), [this](const Result<engine::CommitInfo>& info) {
      if (!info.ok()) std::fprintf(stderr, "store_generator: %s\n", info.status().ToString().c_str());
      CHECK(info.ok());
      under_way_.End();
    });
  }

  void AddVersion(const PackageName& name, uint64_t number, uint64_t index, SeededRandom* random,
                  PackageRecord* package, engine::Mutation* mutation) {
    const auto blob = StageBlob(store_, random->Bytes(kTarballBytes));
    VersionRecord version;
    version.version = "1.0." + std::to_string(number);
    version.ordinal = package->next_ordinal++;
    version.tarball.sha512 = blob->info().sha512;
    version.tarball.sha1 = blob->info().sha1;
    version.tarball.size_bytes = kTarballBytes;
    version.tarball.file_name = name.full() + "-" + version.version + ".tgz";
    version.tarball.file_count = 2;
    version.tarball.unpacked_bytes = 2 * kTarballBytes;
    version.publisher = owner_;
    version.maintainers = {owner_};
    version.time_ms = now_ms_;
    version.manifest = ManifestOf(name, version, index);
    if (in_use_.key != nullptr) version.signatures = {in_use_.key->Sign(name, version)};
    const auto parsed = Version::Parse(version.version);
    CHECK(parsed.ok());
    mutation->changes.push_back({Family::kVersion, VersionKey(name, *parsed), Encode(version)});
    mutation->blobs.push_back(blob);

    ++package->version_count;
    package->SetTag("latest", version.version);
    package->Advance(random->Next(), now_ms_);
    auto summary = Summarise(version);
    CHECK(summary.ok());
    package->latest = std::move(*summary);
  }

  static std::string ManifestOf(const PackageName& name, const VersionRecord& version, uint64_t index) {
    const auto word = [&](uint64_t step) { return std::string(kWords[(index >> step) % kWords.size()]); };
    const std::string& full = name.full();
    return "{\"name\":\"" + full + "\",\"version\":\"" + version.version + "\",\"description\":\"A " + word(0) +
           " for the " + word(4) + " of a " + word(8) + ", package " + std::to_string(index) +
           "\",\"main\":\"index.js\",\"license\":\"MIT\",\"keywords\":[\"" + word(0) + "\",\"" + word(12) +
           "\"],\"repository\":{\"type\":\"git\",\"url\":\"git+https://git.example/" + full +
           ".git\"},\"dependencies\":{\"" + NameOf(index / 2) + "\":\"^1.0.0\"},\"_id\":\"" + full + "@" +
           version.version + "\",\"dist\":{\"integrity\":\"" + FormatIntegrity(version.tarball.sha512) +
           "\",\"tarball\":\"http://registry.example/" + full + "/-/" + version.tarball.file_name + "\"}}";
  }

  engine::Store& store_;
  const SigningKeys::InUse& in_use_;
  const uint64_t packages_;
  const uint64_t versions_;
  const Maintainer owner_;
  const uint64_t now_ms_ = SystemClock().NowMs();
  UnderWay under_way_;
  std::atomic<uint64_t> next_{0};
  std::atomic<uint64_t> made_{0};
};

// All that is there is signed: the server need not look through it at its first start.
Status RememberSigned(engine::Store* store) {
  const auto done = CommitWithRetries<bool>(store, [](const engine::ReadView& view) -> Result<PlannedWrite<bool>> {
    const std::string key = engine::NameKey(kSigningKeysSetting);
    ASSIGN_OR_RETURN(auto stored, ReadRecord<SigningKeysRecord>(view, Family::kSetting, key));
    if (!stored.record) return PlannedWrite<bool>{std::nullopt, true};
    stored.record->old_versions_signed = true;
    engine::Mutation mutation;
    mutation.event.kind = engine::EventKind::kPutSetting;
    mutation.preconditions.push_back({Family::kSetting, key, std::move(stored.raw)});
    mutation.changes.push_back({Family::kSetting, key, Encode(*stored.record)});
    return PlannedWrite<bool>{std::move(mutation), true};
  });
  return done.status();
}

Status Generate(const std::string& data, uint64_t packages, uint64_t versions, const std::string& owner) {
  DerivedFamiliesObserver observer;
  engine::StoreOptions options;
  options.directory = data;
  options.observer = &observer;
  options.upload_budget_bytes = kStagedBytesMax;
  ASSIGN_OR_RETURN(const auto store, engine::Store::Open(options));
  SigningKeys keys(store.get(), data + "/signing-key.pem", &PosixFileSystem(), &SystemClock());
  RETURN_IF_ERROR(keys.Open());
  SigningKeys::InUse in_use;
  {
    ASSIGN_OR_RETURN(const auto view, store->NewReadView());
    ASSIGN_OR_RETURN(in_use, keys.Find(*view));
  }
  Generator generator(store.get(), in_use, packages, versions, owner);
  generator.Run();
  RETURN_IF_ERROR(RememberSigned(store.get()));
  std::printf("%llu packages, %llu versions\n", static_cast<unsigned long long>(packages),
              static_cast<unsigned long long>(generator.version_count()));
  return OkStatus();
}

}  // namespace
}  // namespace tarn::registry

int main(int argc, char** argv) {
  const auto number = [&](int index) { return std::strtoull(argv[index], nullptr, 10); };
  if (argc != 5 || number(2) == 0 || number(2) > UINT32_MAX || number(3) < number(2)) {
    return std::fputs("usage: store_generator DATA PACKAGES VERSIONS OWNER\n", stderr), 2;
  }
  const tarn::Status done = tarn::registry::Generate(argv[1], number(2), number(3), argv[4]);
  if (!done.ok()) return std::fprintf(stderr, "store_generator: %s\n", done.ToString().c_str()), 1;
  return 0;
}
