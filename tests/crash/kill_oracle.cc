#include "tests/crash/kill_oracle.h"

#include <unistd.h>

#include <optional>
#include <thread>
#include <vector>

#include "storage/base/digest.h"
#include "storage/base/random.h"
#include "storage/engine/keys.h"
#include "storage/testing/builders.h"

namespace tarn {
namespace {

using engine::Family;

// Enough budget for most; what does not fit becomes a solo segment, so both kinds are killed.
constexpr uint64_t kUploadBudgetBytes = 64 * limits::kKiB;

std::string NameOf(uint32_t writer) { return "package" + std::to_string(writer); }
std::string VersionKey(uint32_t writer, uint32_t number) {
  return engine::NameAndRestKey(NameOf(writer), engine::LsnKey(Lsn(number)));
}
std::string BlobOf(uint32_t writer, uint32_t number) {
  const size_t size = number % 8 == 0 ? 100'000 : 2'000;
  return SeededRandom(uint64_t{writer} << 32 | number).Bytes(size);
}

bool Publish(engine::Store* store, uint32_t writer, uint32_t number) {
  auto upload = store->blobs().NewWriter();
  if (!upload.ok() || !(*upload)->Append(BlobOf(writer, number)).ok()) return false;
  auto staged = (*upload)->Finish();
  if (!staged.ok()) return false;
  engine::Mutation mutation = MutationOf({Put(Family::kPackage, NameOf(writer), std::to_string(number)),
                                          Put(Family::kVersion, VersionKey(writer, number), std::to_string(number))});
  const std::optional<std::string> before = number == 1 ? std::nullopt : std::optional(std::to_string(number - 1));
  mutation.preconditions = {{Family::kPackage, NameOf(writer), before}};
  mutation.blobs.push_back(*std::move(staged));
  return store->Commit(std::move(mutation)).ok();
}

std::string CheckVersion(engine::Store* store, uint32_t writer, uint32_t number, bool must_exist) {
  const std::string bytes = BlobOf(writer, number);
  const bool has_row = ValueOf(*store, Family::kVersion, VersionKey(writer, number)).has_value();
  const Result<std::string> blob = ReadBlob(*store, Sha512(bytes));
  const bool is_whole = has_row && blob.ok() && *blob == bytes;
  const bool is_absent = !has_row && blob.code() == Code::kNotFound;
  if (must_exist ? is_whole : is_absent) return {};
  return NameOf(writer) + " version " + std::to_string(number) + " is torn: " + blob.status().ToString();
}

}  // namespace

engine::StoreOptions KillTestOptions(const std::string& directory) {
  engine::StoreOptions options;
  options.directory = directory;
  options.ballast_bytes = 0;
  options.upload_budget_bytes = kUploadBudgetBytes;
  options.segment_bytes_max = 4 * limits::kMiB;
  return options;
}

void WriteUntilKilled(engine::Store* store, const Acknowledged& numbers, int acknowledgement_pipe) {
  std::vector<std::thread> threads;
  for (uint32_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([=, number = numbers[writer]]() mutable {
      while (Publish(store, writer, ++number)) {
        const Acknowledgement acknowledgement{writer, number};
        if (::write(acknowledgement_pipe, &acknowledgement, sizeof(acknowledgement)) < 0) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::string CheckAfterKill(engine::Store* store, Acknowledged* numbers) {
  for (uint32_t writer = 0; writer < kWriters; ++writer) {
    const std::string value = ValueOf(*store, Family::kPackage, NameOf(writer)).value_or("0");
    const auto found = static_cast<uint32_t>(std::stoul(value));
    const uint32_t acknowledged = (*numbers)[writer];
    if (found < acknowledged || found > acknowledged + 1) {
      return NameOf(writer) + " is at " + value + ", acknowledged was " + std::to_string(acknowledged);
    }
    for (uint32_t number = 1; number <= found + 1; ++number) {
      if (std::string wrong = CheckVersion(store, writer, number, number <= found); !wrong.empty()) return wrong;
    }
    (*numbers)[writer] = found;
  }
  const Result<engine::VerifyReport> report = engine::Verify(*store, engine::BlobStore::Depth::kDigest);
  if (!report.ok()) return report.status().ToString();
  return report->findings.empty() ? "" : "verify: " + report->findings.front();
}

}  // namespace tarn
