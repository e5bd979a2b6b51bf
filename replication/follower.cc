#include "replication/follower.h"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/base/replication_limits.h"

namespace tarn::replication {
namespace {

using Phase = FollowerState::Phase;
constexpr uint64_t kBehindMsMax = 30'000;  // Lag beyond this: traffic is better off elsewhere.

// A blob on its way in.
class BlobSink final : public HttpBodySink {
 public:
  explicit BlobSink(engine::BlobWriter* writer) : writer_(writer) {}
  Status Start(const HttpAnswer&) override { return OkStatus(); }
  Status Piece(std::string_view bytes) override { return writer_->Append(bytes); }

 private:
  engine::BlobWriter* const writer_;
};

// None: it has been collected since.
Result<std::shared_ptr<engine::StagedBlob>> FetchBlob(PeerClient& client, engine::Store& store,
                                                      const engine::BlobInfo& info) {
  ASSIGN_OR_RETURN(const auto writer, store.blobs().NewWriter());
  BlobSink sink(writer.get());
  const std::string what = "blob " + HexEncode(info.sha512.view()).substr(0, 16) + "…";
  const Status fetched = client.FetchBlob(info.sha512, sink);
  if (fetched.code() == Code::kNotFound) return std::shared_ptr<engine::StagedBlob>();
  if (!fetched.ok()) return fetched.WithContext(what);
  ASSIGN_OR_RETURN(std::unique_ptr<engine::StagedBlob> staged, writer->Finish());
  if (staged->info().sha512 == info.sha512 && staged->info().size_bytes == info.size_bytes) {
    return std::shared_ptr<engine::StagedBlob>(std::move(staged));
  }
  return Corruption(what + ": the leader sent other bytes (" + std::to_string(staged->info().size_bytes) + " of " +
                    std::to_string(info.size_bytes) + ")");
}

}  // namespace

class Follower::LogSink final : public HttpBodySink {
 public:
  explicit LogSink(Follower* follower) : follower_(*follower) {}
  Status Start(const HttpAnswer&) override { return OkStatus(); }
  Status Piece(std::string_view bytes) override {
    {
      MutexLock lock(follower_.mutex_);
      RETURN_IF_ERROR(follower_.stream_failure_);
    }
    reader_.Push(bytes);
    while (true) {
      ASSIGN_OR_RETURN(std::optional<Frame> frame, reader_.Next());
      if (!frame.has_value()) return follower_.TakeRecords();
      RETURN_IF_ERROR(follower_.Take(*std::move(frame)));
    }
  }

 private:
  Follower& follower_;
  FrameReader reader_;
};

Follower::Follower(Options options, Clock* clock)
    : options_(std::move(options)),
      clock_(clock),
      log_client_(options_.leader),
      ack_client_(options_.leader),
      epoch_(options_.epoch.value()) {
  for (size_t i = 0; i < limits::kBlobFetchersMax; ++i) {
    blob_clients_.push_back(std::make_unique<PeerClient>(options_.leader));
  }
}

Follower::~Follower() { Stop(); }

void Follower::Start(engine::Store* store) {
  store_ = store;
  shipping_ = store->shipping();
  {
    MutexLock lock(mutex_);
    visible_ = shipping_->visible();
    state_.applied = visible_.lsn;
    state_.durable = shipping_->journaled().lsn;
  }
  // A copy of the leader's segments brings epochs that this node has not promised; FollowOnce asks again if it fails.
  if (const Status promised = PromiseAtLeast(shipping_->journaled().epoch); !promised.ok()) {
    MutexLock lock(mutex_);
    state_.error = promised.ToString();
  }
  log_thread_ = Thread([this] { RunLog(); });
  ack_thread_ = Thread([this] { RunAcks(); });
}

void Follower::Stop() {
  {
    MutexLock lock(mutex_);
    is_stopping_.store(true, std::memory_order_release);
    changed_.NotifyAll();
  }
  log_client_.Cancel();
  ack_client_.Cancel();
  for (const auto& client : blob_clients_) client->Cancel();
  if (log_thread_.joinable()) log_thread_.join();
  if (ack_thread_.joinable()) ack_thread_.join();
  waiting_.clear();  // Staged blobs do not outlive the store.
}

// --- the store's side ---

void Follower::Journaled(const engine::JournalHead& head) {
  MutexLock lock(mutex_);
  state_.durable = head.lsn;
  ++ack_due_;
  changed_.NotifyAll();
}

Status Follower::WaitMayApply(Lsn last) {
  MutexLock lock(mutex_);
  while (committed_.lsn < last && !is_stopping()) changed_.Wait(mutex_);
  if (committed_.lsn >= last) return OkStatus();
  return Unavailable("this node is closing or changing its role");
}

void Follower::Visible(const engine::VisibleHead& head) {
  MutexLock lock(mutex_);
  visible_ = head;
  state_.applied = head.lsn;
  if (head.lsn >= state_.leader_committed) behind_since_ms_ = 0;
  CompareState();
  ++ack_due_;
  changed_.NotifyAll();
}

// At equal LSNs both have the same state, or this one is not to be believed.
void Follower::CompareState() {
  if (visible_.lsn != committed_.lsn || visible_.lsn == Lsn() || state_.phase == Phase::kBroken) return;
  if (visible_.state_hash == committed_.state_hash && visible_.chain_hash == committed_.chain_hash) return;
  state_.phase = Phase::kBroken;
  NoteError("the state at LSN " + std::to_string(visible_.lsn.value()) +
            " is not the leader's; a copy is fetched anew");
  is_whole_.store(false, std::memory_order_release);
  ++ack_due_;
  if (options_.on_broken) options_.on_broken();
  Log(LogLevel::kError, "replication: this node's state is not its leader's", {{"lsn", visible_.lsn.value()}});
}

void Follower::SetWound(const std::string& wound) {
  MutexLock lock(mutex_);
  state_.wound = wound;
  if (!wound.empty()) {
    state_.last_error = wound;
    state_.last_error_ms = clock_->MonotonicMs();
  }
  is_whole_.store(wound.empty() && state_.phase != Phase::kBroken, std::memory_order_release);
  ++ack_due_;
  changed_.NotifyAll();
}

void Follower::NoteError(const std::string& why) {
  state_.error = why;
  state_.last_error = why;
  state_.last_error_ms = clock_->MonotonicMs();
}

// --- the log ---

void Follower::RunLog() {
  pthread_setname_np(pthread_self(), "follow-log");
  uint64_t pause_ms = limits::kReconnectMsMin;
  while (!is_stopping()) {
    const uint64_t begin_ms = clock_->MonotonicMs();
    const Status ended = FollowOnce();
    MutexLock lock(mutex_);
    if (is_stopping()) return;
    if (state_.phase == Phase::kDiverged && options_.on_diverged) options_.on_diverged();
    if (state_.phase == Phase::kBroken || state_.phase == Phase::kDiverged) return;
    state_.phase = Phase::kConnecting;
    NoteError(ended.ok() ? "the leader ended the stream" : ended.ToString());
    ++state_.reconnects;
    const bool was_good = clock_->MonotonicMs() - begin_ms > limits::kReconnectMsMax;
    pause_ms = was_good ? limits::kReconnectMsMin : std::min(2 * pause_ms, limits::kReconnectMsMax);
    Log(LogLevel::kWarning, "replication: not connected to the leader",
        {{"why", state_.error}, {"again_in_ms", pause_ms}});
    for (const uint64_t end_ms = clock_->MonotonicMs() + pause_ms; !is_stopping();) {
      const uint64_t now_ms = clock_->MonotonicMs();
      if (now_ms >= end_ms) break;
      changed_.WaitForMs(mutex_, end_ms - now_ms);
    }
  }
}

Status Follower::FollowOnce() {
  waiting_.clear();
  has_hello_ = false;
  {
    MutexLock lock(mutex_);
    // What an earlier stream has handed over may still wait for its place in the journal: behind records that wait for the
    // leader to commit them, of which only this stream will tell. So it begins all the same, and those come a second time.
    if (in_flight_ == 0) was_refused_ = false;
    if (in_flight_ == 0 || was_refused_) handed_over_.clear();
    stream_failure_ = OkStatus();
  }
  const engine::JournalHead head = shipping_->journaled();
  RETURN_IF_ERROR(PromiseAtLeast(head.epoch));
  next_ = head.lsn.Next();
  LogSink sink(this);
  return log_client_.StreamLog(options_.node_id, promised_epoch(), head, sink);
}

Status Follower::Take(Frame frame) {
  if (auto* refused = std::get_if<Refused>(&frame)) return TakeRefused(*refused);
  if (auto* hello = std::get_if<Hello>(&frame)) return TakeHello(*hello);
  if (!has_hello_) return Corruption("replication: the leader did not greet first");
  if (auto* record = std::get_if<engine::RawRecord>(&frame)) {
    if (record->lsn != next_) {
      return Corruption("replication: record " + std::to_string(record->lsn.value()) + " came where " +
                        std::to_string(next_.value()) + " was due");
    }
    if (const auto known = handed_over_.find(record->lsn); known != handed_over_.end()) {
      // Of a leader that has gone another way: the next greeting will tell, when ours is in the journal.
      if (known->second != record->chain_hash)
        return Corruption("replication: another record than this node was sent before");
      next_ = next_.Next();
      return OkStatus();
    }
    RETURN_IF_ERROR(PromiseAtLeast(record->epoch));
    ASSIGN_OR_RETURN(std::vector<engine::BlobInfo> blobs, engine::BlobsOf(*record));
    waiting_.push_back({std::move(*record), std::move(blobs), {}, {}});
    next_ = next_.Next();
    return OkStatus();
  }
  if (auto* commit = std::get_if<Commit>(&frame)) return TakeCommit(*commit);
  if (auto* heartbeat = std::get_if<Heartbeat>(&frame)) {
    TakeHeartbeat(*heartbeat);
    return OkStatus();
  }
  return Corruption("replication: a leader sends no acknowledgements");
}

Status Follower::TakeHello(const Hello& hello) {
  if (has_hello_) return Corruption("replication: the leader greeted twice");
  if (hello.protocol > kProtocolVersion || hello.log_format > kLogFormat) {
    return FailedPrecondition("the leader speaks protocol " + std::to_string(hello.protocol) +
                              " and writes log format " + std::to_string(hello.log_format) +
                              ", this node knows protocol " + std::to_string(kProtocolVersion) + " and log format " +
                              std::to_string(kLogFormat) + "; upgrade this node");
  }
  if (hello.committed.epoch < promised_epoch() && hello.committed.lsn >= next_) {
    return FailedPrecondition("replication: the leader is of epoch " + std::to_string(hello.committed.epoch.value()) +
                              ", this node has promised epoch " + std::to_string(promised_epoch().value()));
  }
  has_hello_ = true;
  RaiseCommitted(hello.committed);
  MutexLock lock(mutex_);
  if (state_.phase == Phase::kConnecting) state_.phase = Phase::kCatchingUp;
  state_.heard_ms = clock_->MonotonicMs();
  ++ack_due_;
  changed_.NotifyAll();
  return OkStatus();
}

// A lower epoch than promised is an old leader that does not know it yet.
Status Follower::PromiseAtLeast(Epoch epoch) {
  if (epoch <= promised_epoch())
    return OkStatus();  // Records of earlier epochs are history; the chain vouches for them.
  RETURN_IF_ERROR(options_.promise(epoch));
  epoch_.store(epoch.value());
  return OkStatus();
}

Status Follower::TakeCommit(const Commit& commit) {
  RaiseCommitted(commit.head);
  return OkStatus();
}

void Follower::RaiseCommitted(const engine::VisibleHead& head) {
  MutexLock lock(mutex_);
  if (head.lsn < committed_.lsn) return;
  committed_ = head;
  CompareState();
  changed_.NotifyAll();
}

void Follower::TakeHeartbeat(const Heartbeat& heartbeat) {
  MutexLock lock(mutex_);
  const uint64_t now_ms = clock_->MonotonicMs();
  state_.heard_ms = now_ms;
  state_.leader_journaled = heartbeat.journaled;
  state_.leader_committed = heartbeat.committed;
  state_.is_in_sync = heartbeat.is_in_sync;
  if (state_.applied >= heartbeat.committed) {
    behind_since_ms_ = 0;
    if (state_.phase == Phase::kConnecting || state_.phase == Phase::kCatchingUp) {
      state_.phase = Phase::kLive;
      state_.error.clear();
      Log(LogLevel::kInfo, "replication: everything the leader has is here", {{"lsn", state_.applied.value()}});
    }
  } else if (behind_since_ms_ == 0) {
    behind_since_ms_ = now_ms;
  }
}

Status Follower::TakeRefused(const Refused& refused) {
  if (refused.why == Refused::Why::kDiverged) Fail(Phase::kDiverged, refused.text);
  return FailedPrecondition("the leader refuses: " + refused.text);
}

void Follower::Fail(Phase phase, const std::string& why) {
  MutexLock lock(mutex_);
  state_.phase = phase;
  NoteError(why);
  changed_.NotifyAll();
}

// --- records and their blobs ---

Status Follower::TakeRecords() {
  if (waiting_.empty()) return OkStatus();
  RETURN_IF_ERROR(FetchBlobs());
  for (Waiting& waiting : waiting_) {
    RETURN_IF_ERROR(WaitForRoom());
    const auto done = [this](const Status& status) {
      MutexLock lock(mutex_);
      --in_flight_;
      if (!status.ok()) {
        was_refused_ = true;
        if (stream_failure_.ok()) stream_failure_ = status;
      }
      changed_.NotifyAll();
    };
    handed_over_.emplace(waiting.record.lsn, waiting.record.chain_hash);
    if (handed_over_.size() > limits::kFollowInFlightMax) handed_over_.erase(handed_over_.begin());
    shipping_->Follow(std::move(waiting.record), std::move(waiting.staged), std::move(waiting.collected), done);
  }
  waiting_.clear();
  return OkStatus();
}

Status Follower::WaitForRoom() {
  MutexLock lock(mutex_);
  while (in_flight_ >= limits::kFollowInFlightMax && stream_failure_.ok() && !is_stopping()) changed_.Wait(mutex_);
  RETURN_IF_ERROR(stream_failure_);
  if (is_stopping()) return Cancelled("stopping");
  ++in_flight_;
  return OkStatus();
}

Status Follower::FetchBlobs() {
  struct Job {
    const engine::BlobInfo* info;
    std::vector<Waiting*> for_records;
    Result<std::shared_ptr<engine::StagedBlob>> fetched = Cancelled("not fetched");
  };
  std::map<Digest, Job> by_digest;
  for (Waiting& waiting : waiting_) {
    for (const engine::BlobInfo& info : waiting.blobs) {
      const auto known = by_digest.find(info.sha512);
      if (known != by_digest.end()) {
        known->second.for_records.push_back(&waiting);
      } else if (!shipping_->OpenBlob(info.sha512).ok()) {
        by_digest.emplace(info.sha512, Job{&info, {&waiting}});
      }
    }
  }
  std::vector<Job*> jobs;
  for (auto& [digest, job] : by_digest) jobs.push_back(&job);
  std::atomic<size_t> next_job{0};
  const auto work = [&](size_t client) {
    for (size_t i = next_job++; i < jobs.size(); i = next_job++) {
      jobs[i]->fetched = FetchBlob(*blob_clients_[client], *store_, *jobs[i]->info);
    }
  };
  std::vector<Thread> helpers;
  for (size_t i = 1; i < std::min(blob_clients_.size(), jobs.size()); ++i)
    helpers.emplace_back([&work, i] { work(i); });
  work(0);
  for (Thread& helper : helpers) helper.join();

  uint64_t bytes = 0;
  for (Job* job : jobs) {
    RETURN_IF_ERROR(job->fetched.status());
    if (*job->fetched != nullptr) bytes += job->info->size_bytes;
    for (Waiting* waiting : job->for_records) {
      if (*job->fetched == nullptr) {
        waiting->collected.insert(job->info->sha512);
      } else {
        waiting->staged.push_back(*job->fetched);
      }
    }
  }
  MutexLock lock(mutex_);
  state_.blobs_fetched += jobs.size();
  state_.bytes_fetched += bytes;
  return OkStatus();
}

// --- acknowledgements ---

Ack Follower::MakeAck() const {
  MutexLock lock(mutex_);
  Ack ack;
  ack.node_id = options_.node_id;
  ack.url = options_.own_url;
  ack.epoch = promised_epoch();
  ack.durable = state_.durable;
  ack.applied = visible_.lsn;
  ack.state_hash = visible_.state_hash;
  if (!state_.wound.empty()) ack.error = state_.wound;
  if (state_.phase == Phase::kBroken) ack.error = state_.error;
  return ack;
}

void Follower::RunAcks() {
  pthread_setname_np(pthread_self(), "follow-ack");
  uint64_t acknowledged = 0;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!is_stopping() && ack_due_ == acknowledged) changed_.WaitForMs(mutex_, limits::kHeartbeatMs);
      if (is_stopping()) return;
      // Spurious wake-ups (a commit arrived) are no reason; half a second of silence is.
      acknowledged = ack_due_;
      // What is here means nothing to a leader that has not called it a part of its own history.
      if (state_.phase == Phase::kConnecting || state_.phase == Phase::kDiverged) {
        changed_.WaitForMs(mutex_, limits::kReconnectMsMin);
        continue;
      }
    }
    const auto behind_bytes = ack_client_.SendAck(MakeAck());
    MutexLock lock(mutex_);
    if (behind_bytes.ok()) {
      state_.behind_bytes = *behind_bytes;
      continue;
    }
    if (!is_stopping()) changed_.WaitForMs(mutex_, limits::kReconnectMsMin);
  }
}

// --- for others ---

FollowerState Follower::state() const {
  MutexLock lock(mutex_);
  FollowerState state = state_;
  state.leader = committed_;
  if (behind_since_ms_ != 0) state.behind_ms = clock_->MonotonicMs() - behind_since_ms_;
  return state;
}

Status Follower::Complete() const {
  const FollowerState state = this->state();
  if (state.phase == Phase::kBroken || state.phase == Phase::kDiverged) return Unavailable(state.error);
  if (!state.wound.empty()) return Unavailable(state.wound);
  if (state.leader_committed == Lsn() && state.heard_ms == 0) {
    return Unavailable("not yet connected to the leader" + (state.error.empty() ? "" : ": " + state.error));
  }
  if (state.phase == Phase::kCatchingUp ||
      (state.phase == Phase::kConnecting && state.applied < state.leader_committed)) {
    return Unavailable("catching up: at LSN " + std::to_string(state.applied.value()) + " of " +
                       std::to_string(state.leader_committed.value()) +
                       (state.error.empty() ? "" : "; " + state.error));
  }
  if (state.behind_ms > kBehindMsMax) {
    return Unavailable("behind the leader by " + std::to_string(state.behind_ms) + " ms" +
                       (state.error.empty() ? "" : "; " + state.error));
  }
  return OkStatus();
}

Status Follower::WaitForApplied(Lsn lsn, uint64_t timeout_ms) {
  const uint64_t end_ms = clock_->MonotonicMs() + timeout_ms;
  MutexLock lock(mutex_);
  while (visible_.lsn < lsn) {
    const uint64_t now_ms = clock_->MonotonicMs();
    if (now_ms >= end_ms || is_stopping()) return DeadlineExceeded("this node is behind its leader");
    changed_.WaitForMs(mutex_, end_ms - now_ms);
  }
  return OkStatus();
}

}  // namespace tarn::replication
