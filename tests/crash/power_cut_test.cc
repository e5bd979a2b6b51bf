// Power cuts at any call of either half of the store. The segments are on a file system that forgets what was not synced,
// and so is RocksDB; both lose power together. What was acknowledged must be there, whole; everything else must be there
// whole or not at all; and planted faults must be noticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "storage/base/digest.h"
#include "storage/base/random.h"
#include "storage/engine/keys.h"
#include "storage/engine/local_store.h"
#include "storage/testing/builders.h"
#include "storage/testing/fault_fs.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/rocks_fault_env.h"
#include "storage/testing/temp_directory.h"
#include "tests/crash/crash_rounds.h"

namespace tarn::engine {
namespace {

constexpr int kPackages = 3;
constexpr uint64_t kUploadBudgetBytes = 3000;  // Larger blobs become solo segments, as larger than 8 MiB would.

std::string BlobOf(int package, int number) {
  const size_t size = number % 3 == 0 ? 5000 : 500;
  return SeededRandom(static_cast<uint64_t>(package * 1000 + number)).Bytes(size);
}

// One machine: a store, its two disks, and what its clients were told.
class Machine {
 public:
  Machine(uint64_t seed, const StoreOptions::PlantedFaults& faults) : random_(seed), disk_(seed) {
    options_.directory = directory_.path() + "/data";
    options_.file_system = &disk_;
    options_.clock = &clock_;
    options_.ballast_bytes = 0;
    options_.segment_bytes_max = 20'000;  // So that segments are sealed and begun within a round.
    options_.upload_budget_bytes = kUploadBudgetBytes;
    options_.planted_faults = faults;
    std::string path;
    for (const auto& part : std::filesystem::path(options_.directory).relative_path()) {
      const std::string parent = path.empty() ? "/" : path;
      CHECK(disk_.CreateDirectory(path += "/" + part.string()).ok());
      CHECK(disk_.SyncDirectory(parent).ok());
    }
  }

  Status Open() {
    store_.reset();
    auto store = LocalStore::Open(options_, rocks_disk_.env());
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return OkStatus();
  }

  void ForgetRocksSyncs() { rocks_disk_.IgnoreSyncs(); }

  // Somewhere within the calls that the next commits make.
  void PlanPowerCut() {
    if (random_.Below(2) == 0) {
      disk_.CutPowerAtCall(random_.Below(120));
    } else {
      rocks_disk_.CutPowerAtChange(random_.Below(60));
    }
  }

  // Commits until the store refuses or `count_max` are done.
  void Work(int count_max) {
    for (int i = 0; i < count_max; ++i) {
      const auto package = static_cast<int>(random_.Below(kPackages));
      if (!CommitNext(package)) return;
    }
  }

  // Both halves lose what they had not synced.
  void LosePower() {
    store_.reset();
    const auto kept = random_.Below(2) == 0 ? FaultFileSystem::Unsynced::kLost : FaultFileSystem::Unsynced::kAnySubset;
    disk_.Restart(kept);
    rocks_disk_.LoseUnsynced();
  }

  // The first thing that is not as promised; empty if all is.
  std::string Check() {
    if (Status opened = Open(); !opened.ok()) return "does not open: " + opened.ToString();
    for (int package = 0; package < kPackages; ++package) {
      if (std::string wrong = CheckPackage(package); !wrong.empty()) return wrong;
    }
    const Result<VerifyReport> report = Verify(*store_, BlobStore::Depth::kDigest);
    if (!report.ok()) return report.status().ToString();
    return report->findings.empty() ? "" : "verify: " + report->findings.front();
  }

 private:
  static std::string NameOf(int package) { return "package" + std::to_string(package); }
  static std::string VersionKey(int package, int number) {
    return NameAndRestKey(NameOf(package), LsnKey(Lsn(static_cast<uint64_t>(number))));
  }

  bool CommitNext(int package) {
    const int number = acknowledged_[package] + 1;
    auto writer = store_->blobs().NewWriter();
    if (!writer.ok() || !(*writer)->Append(BlobOf(package, number)).ok()) return false;
    auto staged = (*writer)->Finish();
    if (!staged.ok()) return false;
    Mutation mutation = MutationOf({Put(Family::kPackage, NameOf(package), std::to_string(number)),
                                    Put(Family::kVersion, VersionKey(package, number), std::to_string(number))});
    const std::optional<std::string> before = number == 1 ? std::nullopt : std::optional(std::to_string(number - 1));
    mutation.preconditions = {{Family::kPackage, NameOf(package), before}};
    mutation.blobs.push_back(*std::move(staged));
    if (!store_->Commit(std::move(mutation)).ok()) return false;
    acknowledged_[package] = number;
    return true;
  }

  // Versions 1 to n are there with their blobs, n being what the package says, and nothing of n + 1. Adopts n: a commit
  // that was not answered may have happened.
  std::string CheckPackage(int package) {
    const std::string name = NameOf(package);
    const int found = std::stoi(ValueOf(*store_, Family::kPackage, name).value_or("0"));
    if (found < acknowledged_[package]) {
      return name + " is at " + std::to_string(found) + ", acknowledged was " + std::to_string(acknowledged_[package]);
    }
    if (found > acknowledged_[package] + 1) return name + " is ahead of what was ever sent";
    for (int number = 1; number <= found + 1; ++number) {
      const std::string bytes = BlobOf(package, number);
      const bool has_row = ValueOf(*store_, Family::kVersion, VersionKey(package, number)).has_value();
      const Result<std::string> blob = ReadBlob(*store_, Sha512(bytes));
      const bool is_whole = has_row && blob.ok() && *blob == bytes;
      const bool is_absent = !has_row && blob.code() == Code::kNotFound;
      if (number <= found ? !is_whole : !is_absent) return name + " version " + std::to_string(number) + " is torn";
    }
    acknowledged_[package] = found;
    return {};
  }

  const TempDirectory directory_;
  SeededRandom random_;
  FaultFileSystem disk_;
  RocksFaultEnv rocks_disk_;
  ManualClock clock_;
  StoreOptions options_;
  std::unique_ptr<LocalStore> store_;
  int acknowledged_[kPackages] = {};
};

// Several cuts in the life of one machine. The first thing that went wrong, or empty.
std::string LiveThroughCuts(Machine* machine, int cuts) {
  for (int cut = 0; cut < cuts; ++cut) {
    if (Status opened = machine->Open(); !opened.ok()) return "does not open: " + opened.ToString();
    machine->Work(3);
    machine->PlanPowerCut();
    machine->Work(30);
    machine->LosePower();
    if (std::string wrong = machine->Check(); !wrong.empty()) return "after cut " + std::to_string(cut) + ": " + wrong;
  }
  return {};
}

TEST(PowerCut, NothingAcknowledgedIsLostAndNothingIsTorn) {
  for (uint64_t round = 0; round < CrashRounds(25); ++round) {
    const uint64_t seed = CrashSeed() + round;
    Machine machine(seed, {});
    ASSERT_EQ(LiveThroughCuts(&machine, 4), "") << "TEST_SEED=" << seed;
  }
}

// RocksDB's promise is not needed: the journal alone brings everything back.
TEST(PowerCut, NothingIsLostEvenWhenRocksNeverSyncs) {
  for (uint64_t round = 0; round < CrashRounds(10); ++round) {
    const uint64_t seed = CrashSeed() + round;
    Machine machine(seed, {});
    machine.ForgetRocksSyncs();
    ASSERT_EQ(LiveThroughCuts(&machine, 4), "") << "TEST_SEED=" << seed;
  }
}

// The rig bites: with the fault planted, some round goes wrong.
void ExpectCaught(const StoreOptions::PlantedFaults& faults) {
  std::string caught;
  for (uint64_t seed = 1; seed <= 20 && caught.empty(); ++seed) {
    Machine machine(seed, faults);
    caught = LiveThroughCuts(&machine, 4);
  }
  EXPECT_NE(caught, "");
}

TEST(PowerCut, CatchesAMissingSyncOfTheSegment) {
  StoreOptions::PlantedFaults faults;
  faults.skip_segment_sync = true;
  ExpectCaught(faults);
}

TEST(PowerCut, CatchesAMissingSyncOfTheFolder) {
  StoreOptions::PlantedFaults faults;
  faults.skip_directory_sync = true;
  ExpectCaught(faults);
}

TEST(PowerCut, CatchesStateBeforeJournal) {
  StoreOptions::PlantedFaults faults;
  faults.apply_before_write = true;
  ExpectCaught(faults);
}

}  // namespace
}  // namespace tarn::engine
