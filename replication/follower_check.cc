#include "replication/follower_check.h"

#include <pthread.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "replication/bootstrap.h"
#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/base/replication_limits.h"

namespace tarn::replication {
namespace {

constexpr uint64_t kRoundPauseMs = 24ULL * 3'600 * 1'000;
constexpr uint64_t kFailedRoundPauseMs = 60'000;  // After one that could not be finished for want of the leader.
constexpr uint64_t kAgainMs = 1'000;
constexpr uint64_t kCopyAgainMs = 600'000;  // When the last copy was no better.
constexpr uint64_t kPaceBytes = 16 * limits::kMiB;
constexpr uint64_t kPaceMs = 100;  // After each kPaceBytes: at most 160 MiB/s, so that readers keep their disk.

bool IsDamage(const Status& status) { return status.code() == Code::kCorruption || status.code() == Code::kNotFound; }

class PieceToFunction final : public HttpBodySink {
 public:
  explicit PieceToFunction(const engine::Shipping::BlobPieceSink& sink) : sink_(sink) {}
  Status Start(const HttpAnswer&) override { return OkStatus(); }
  Status Piece(std::string_view bytes) override { return sink_(bytes); }

 private:
  const engine::Shipping::BlobPieceSink& sink_;
};

std::string NameOf(const engine::BlobInfo& info) { return "blob " + HexEncode(info.sha512.view()).substr(0, 16) + "…"; }

}  // namespace

FollowerCheck::FollowerCheck(Options options, Follower* follower, Clock* clock)
    : options_(std::move(options)), follower_(follower), clock_(clock), blob_client_(options_.leader) {}

FollowerCheck::~FollowerCheck() { Stop(); }

void FollowerCheck::Start(engine::Store* store) {
  store_ = store;
  const Status places = store->shipping()->CheckPlaces();
  if (!places.ok()) {
    first_finding_ = std::string(places.message()) + "; a copy is fetched anew";
    follower_->SetWound(first_finding_);
  }
  thread_ = Thread([this] { Run(); });
}

void FollowerCheck::Stop() {
  {
    MutexLock lock(mutex_);
    is_stopping_.store(true, std::memory_order_release);
    changed_.NotifyAll();
  }
  blob_client_.Cancel();
  if (thread_.joinable()) thread_.join();
}

void FollowerCheck::NoteBroken() {
  MutexLock lock(mutex_);
  is_broken_.store(true, std::memory_order_release);
  changed_.NotifyAll();
}

FollowerCheck::State FollowerCheck::state() const {
  MutexLock lock(mutex_);
  return state_;
}

bool FollowerCheck::Pause(uint64_t ms) {
  MutexLock lock(mutex_);
  const uint64_t end_ms = clock_->MonotonicMs() + ms;
  while (!is_stopping() && !is_broken_.load()) {
    const uint64_t now_ms = clock_->MonotonicMs();
    if (now_ms >= end_ms) return true;
    changed_.WaitForMs(mutex_, end_ms - now_ms);
  }
  return false;
}

void FollowerCheck::Run() {
  pthread_setname_np(pthread_self(), "follow-check");
  if (!first_finding_.empty()) return ReplaceStore(first_finding_);
  RemoveReplacedOnceLive();
  while (!is_stopping()) {
    const Status whole = is_broken_.load() ? OkStatus() : CheckAll();
    if (is_stopping()) return;
    if (is_broken_.load()) return ReplaceStore(follower_->state().error);
    if (IsDamage(whole)) {
      follower_->SetWound(std::string(whole.message()) + "; a copy is fetched anew");
      return ReplaceStore(whole.ToString());
    }
    if (!whole.ok()) Log(LogLevel::kWarning, "replication: the check was not finished", {{"why", whole.ToString()}});
    (void)Pause(whole.ok() ? kRoundPauseMs : kFailedRoundPauseMs);
  }
}

void FollowerCheck::RemoveReplacedOnceLive() {
  if (!HasReplaced(options_.directory)) return;
  while (!follower_->Complete().ok()) {
    if (!Pause(kAgainMs)) return;
  }
  const Status removed = RemoveReplaced(options_.directory);
  if (!removed.ok()) Log(LogLevel::kWarning, "the replaced store was not removed", {{"why", removed.ToString()}});
}

Status FollowerCheck::CheckAll() {
  Sha256Digest chain_hash;
  uint64_t bytes_read = 0;
  const Lsn last = store_->last_lsn();
  for (Lsn lsn(1); lsn <= last; lsn = lsn.Next()) {
    if (is_stopping() || is_broken_.load()) return Cancelled("stopping");
    RETURN_IF_ERROR(CheckRecord(lsn, &chain_hash, &bytes_read));
    {
      MutexLock lock(mutex_);
      state_.checked = lsn;
    }
    if (bytes_read < kPaceBytes) continue;
    bytes_read = 0;
    if (!Pause(kPaceMs)) return Cancelled("stopping");
  }
  MutexLock lock(mutex_);
  ++state_.rounds;
  return OkStatus();
}

Status FollowerCheck::CheckRecord(Lsn lsn, Sha256Digest* chain_hash, uint64_t* bytes_read) {
  const std::string what = "log record " + std::to_string(lsn.value());
  const auto record = store_->shipping()->ReadRaw(lsn);
  if (!record.ok()) return record.status().WithContext(what);
  if (record->previous_chain_hash != *chain_hash) return Corruption(what + " does not continue the one before");
  *chain_hash = record->chain_hash;
  *bytes_read += record->payload.size();
  ASSIGN_OR_RETURN(const std::vector<engine::BlobInfo> blobs, engine::BlobsOf(*record));
  for (const engine::BlobInfo& info : blobs) RETURN_IF_ERROR(CheckBlob(info, bytes_read));
  return OkStatus();
}

Status FollowerCheck::CheckBlob(const engine::BlobInfo& info, uint64_t* bytes_read) {
  ASSIGN_OR_RETURN(bool is_wanted, IsWanted(info));
  if (!is_wanted) return OkStatus();
  *bytes_read += info.size_bytes;
  const Status whole = store_->blobs().Verify(info.sha512, engine::BlobStore::Depth::kChecksums);
  if (!IsDamage(whole)) return whole;
  if (whole.code() == Code::kNotFound && WillBeCollected(info)) return OkStatus();
  Log(LogLevel::kError, "replication: a damaged blob; it is fetched from the leader", {{"why", whole.ToString()}});
  follower_->SetWound(NameOf(info) + " is damaged; it is fetched from the leader");
  while (true) {
    const Status mended = MendBlob(info);
    if (mended.ok()) break;
    ASSIGN_OR_RETURN(is_wanted, IsWanted(info));
    if (!is_wanted) break;
    if (mended.code() == Code::kNotFound) return mended.WithContext(NameOf(info));  // Its segment is gone.
    Log(LogLevel::kWarning, "replication: the blob could not be mended", {{"why", mended.ToString()}});
    if (!Pause(kAgainMs)) return Cancelled("stopping");
  }
  follower_->SetWound("");
  Log(LogLevel::kInfo, "replication: a blob was mended", {{"blob", NameOf(info)}});
  MutexLock lock(mutex_);
  ++state_.blobs_mended;
  return OkStatus();
}

// Records name blobs that later ones collect.
Result<bool> FollowerCheck::IsWanted(const engine::BlobInfo& info) const {
  ASSIGN_OR_RETURN(const auto view, store_->NewReadView());
  ASSIGN_OR_RETURN(const auto entry, view->Get(engine::Family::kBlob, info.sha512.view()));
  return entry.has_value();
}

// This node is behind: it has the record, not yet the later one.
bool FollowerCheck::WillBeCollected(const engine::BlobInfo& info) {
  class Refuse final : public HttpBodySink {
    Status Start(const HttpAnswer&) override { return Cancelled("it is there"); }
    Status Piece(std::string_view) override { return Cancelled("it is there"); }
  } sink;
  return blob_client_.FetchBlob(info.sha512, sink).code() == Code::kNotFound;
}

// What the leader cannot give it could not give with a copy either: only kNotFound says that this node wants one.
Status FollowerCheck::MendBlob(const engine::BlobInfo& info) {
  return store_->shipping()->MendBlob(info.sha512, [&](const engine::Shipping::BlobPieceSink& sink) -> Status {
    PieceToFunction pieces(sink);
    const Status fetched = blob_client_.FetchBlob(info.sha512, pieces);
    return fetched.code() == Code::kNotFound ? Unavailable(std::string(fetched.message())) : fetched;
  });
}

void FollowerCheck::ReplaceStore(const std::string& why) {
  Log(LogLevel::kError, "replication: this node is broken; it fetches a copy from its leader", {{"why", why}});
  const auto pause = [this](uint64_t ms) {
    const uint64_t end_ms = clock_->MonotonicMs() + ms;
    MutexLock lock(mutex_);
    while (!is_stopping() && clock_->MonotonicMs() < end_ms) changed_.WaitForMs(mutex_, kAgainMs);
  };
  if (HasReplaced(options_.directory)) pause(kCopyAgainMs);
  while (!is_stopping()) {
    const Status fetched = FetchCopy(options_.directory, options_.leader, [this] { return is_stopping(); });
    if (fetched.ok()) return options_.reopen();
    if (!is_stopping()) {
      Log(LogLevel::kWarning, "replication: the copy could not be fetched", {{"why", fetched.ToString()}});
    }
    pause(kAgainMs);
  }
}

}  // namespace tarn::replication
