#include "http/cli/peering.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>

#include "http/api/metrics.h"
#include "http/cli/elector.h"
#include "http/cli/reapply.h"
#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/base/replication_limits.h"
#include "storage/engine/journal_truncate.h"
#include "storage/engine/shipping.h"

namespace tarn::cli {
namespace {

using replication::Follower;
using replication::FollowerState;
using replication::Leader;
using replication::NodeFile;
using replication::PeerState;
using replication::SyncSet;

constexpr uint64_t kRetryMs = 500;
constexpr uint64_t kHandOverMs = 10'000;
constexpr uint64_t kHandOverAnswerMs = 3 * kHandOverMs;  // It asks this node back meanwhile, twice.
constexpr uint64_t kStepMs = 20;
constexpr uint64_t kReapplyWaitMs = 60'000;
constexpr size_t kReapplyPieceBytes = 256 * limits::kKiB;

std::string_view NameOf(FollowerState::Phase phase) {
  using enum FollowerState::Phase;
  switch (phase) {
    case kConnecting: return "connecting";
    case kCatchingUp: return "catching up";
    case kLive: return "live";
    case kDiverged: return "diverged";
    case kBroken: return "broken";
  }
  return "?";
}

bool IsBroken(const FollowerState& state) {
  return state.phase == FollowerState::Phase::kBroken || state.phase == FollowerState::Phase::kDiverged ||
         !state.wound.empty();
}

const std::string& WhyBroken(const FollowerState& state) { return state.wound.empty() ? state.error : state.wound; }

std::string_view NameOf(PeerState::Standing standing) {
  using enum PeerState::Standing;
  switch (standing) {
    case kCatchingUp: return "catching up";
    case kWaitedFor: return "joining";
    case kInSync: return "in sync";
  }
  return "?";
}

// What the configuration says counts when it has changed since, and when this node's time as a leader is over; otherwise
// what was decided last.
void Reconcile(const Config& config, NodeFile* node) {
  const bool is_deposed = node->is_fenced && !config.replication_follow.empty();
  if (!node->is_new && !is_deposed && node->configured == config.replication_follow) return;
  node->role = config.replication_follow.empty() ? NodeRole::kLeader : NodeRole::kFollower;
  node->leader_url = config.replication_follow;
  node->is_fenced = false;
  node->configured = config.replication_follow;
}

Status DecidedInEtcd() {
  return FailedPrecondition(
      "who leads is agreed on in etcd: stop the leader in order (SIGTERM), and a follower that is in "
      "sync takes over");
}

// As people and machines compare it: 32 hexadecimal digits.
std::string HexOf(const std::array<uint64_t, 2>& state_hash) {
  std::string bytes;
  AppendLittleEndian(&bytes, state_hash[0]);
  AppendLittleEndian(&bytes, state_hash[1]);
  return HexEncode(bytes);
}

uint64_t RecordsBehind(Lsn head, Lsn at) { return head.value() - std::min(head, at).value(); }

std::string Quoted(std::string_view text) { return JsonString(text); }

std::string LastErrorJson(const std::string& error, uint64_t ms_ago) {
  if (error.empty()) return "";
  return ",\"last_error\":" + Quoted(error) + ",\"last_error_ms_ago\":" + std::to_string(ms_ago);
}

// Folders of set-aside records that nobody has gone through.
uint64_t CountUnhandled(const std::string& data) {
  uint64_t count = 0;
  for (const std::string& folder : SetAsideFolders(data)) count += ReadHandled(data + "/" + folder).empty() ? 1 : 0;
  return count;
}

// The bytes come from elsewhere, and are hashed as they are stored.
Status CommitHere(engine::Store* store, engine::Mutation mutation, const std::vector<engine::BlobReader>& blobs) {
  std::string piece;
  for (const engine::BlobReader& blob : blobs) {
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::BlobWriter> writer, store->blobs().NewWriter());
    for (uint64_t at = 0; at < blob.info.size_bytes; at += piece.size()) {
      piece.clear();
      RETURN_IF_ERROR(blob.file->ReadAt(blob.offset_bytes + at,
                                        std::min<uint64_t>(kReapplyPieceBytes, blob.info.size_bytes - at), &piece));
      if (piece.empty()) return Corruption("a blob that ends early");
      RETURN_IF_ERROR(writer->Append(piece));
    }
    ASSIGN_OR_RETURN(std::shared_ptr<engine::StagedBlob> staged, writer->Finish());
    if (staged->info().sha512 != blob.info.sha512) return Corruption("these are not the bytes that were set aside");
    mutation.blobs.push_back(std::move(staged));
  }
  return store->Commit(std::move(mutation)).status();
}

// Of each follower, by its node id. Words about errors are only in the status: anybody may read the metrics.
void AppendPeerMetrics(const std::vector<PeerState>& peers, Lsn head, uint64_t now_ms, std::string* out) {
  using http::Metrics;
  const auto gauges = [&](std::string_view name, const std::function<uint64_t(const PeerState&)>& value_of) {
    Metrics::LabelledValues values;
    for (const PeerState& peer : peers) values.emplace_back(peer.node_id, value_of(peer));
    Metrics::AppendGauges(out, name, "node", values);
  };
  gauges("replication_peer_in_sync", [](const auto& peer) { return peer.standing == PeerState::Standing::kInSync; });
  gauges("replication_peer_broken", [](const auto& peer) { return peer.is_broken || !peer.error.empty(); });
  gauges("replication_peer_applied_lsn", [](const auto& peer) { return peer.applied.value(); });
  gauges("replication_peer_lag_records", [head](const auto& peer) { return RecordsBehind(head, peer.durable); });
  gauges("replication_peer_lag_bytes", [](const auto& peer) { return peer.behind_bytes; });
  gauges("replication_peer_lag_milliseconds", [](const auto& peer) { return peer.behind_ms; });
  gauges("replication_peer_silent_milliseconds", [now_ms](const auto& peer) { return now_ms - peer.heard_ms; });
  std::vector<Metrics::Labels> states;
  for (const PeerState& peer : peers) {
    states.push_back({{"node", peer.node_id},
                      {"standing", std::string(NameOf(peer.standing))},
                      {"state_hash", HexOf(peer.state_hash)}});
  }
  Metrics::AppendInfo(out, "replication_peer", states);
}

}  // namespace

Result<std::unique_ptr<Peering>> Peering::Create(const Config& config, Elector* elector, std::function<void()> reopen) {
  if (config.replication_secret_file.empty()) return std::unique_ptr<Peering>();
  ASSIGN_OR_RETURN(std::string secret, replication::ReadSecretFile(config.replication_secret_file));
  std::error_code error;
  std::filesystem::create_directories(config.data, error);
  if (error) return IoError(config.data + ": " + error.message());
  ASSIGN_OR_RETURN(NodeFile node, NodeFile::Load(config.data, &SystemRandom()));
  if (elector == nullptr) {
    Reconcile(config, &node);
  } else {
    RETURN_IF_ERROR(elector->FillIn(&node));
  }
  RETURN_IF_ERROR(node.Save(config.data).WithContext("the replication file"));
  return std::unique_ptr<Peering>(new Peering(config, std::move(secret), std::move(node), elector, std::move(reopen)));
}

Peering::Peering(const Config& config, std::string secret, NodeFile node, Elector* elector,
                 std::function<void()> reopen)
    : config_(config),
      secret_(std::move(secret)),
      elector_(elector),
      reopen_(std::move(reopen)),
      node_(node),
      stored_(std::move(node)) {
  if (node_.role == NodeRole::kLeader) {
    Leader::Options options;
    options.node_id = node_.node_id;
    options.epoch = node_.epoch;
    options.is_fenced = node_.is_fenced;
    options.on_fenced = [this](Epoch epoch) { SaveFenced(epoch); };
    options.sync.mode =
        config_.replication_ack == "local" ? replication::AckMode::kLocal : replication::AckMode::kRemote;
    options.sync.ack_wait_ms = config_.replication_ack_wait_ms;
    options.sync.members = node_.in_sync;
    options.save = [this](const std::vector<std::string>& members) { return SaveInSync(members); };
    options.may_acknowledge = [this] {
      if (leader_->is_fenced()) return Unavailable("another node leads: this one has been fenced");
      if (elector_ == nullptr || elector_->MayAcknowledge()) return OkStatus();
      return Unavailable("the leadership of this node has run out; whether this is saved the next leader decides");
    };
    leader_ = std::make_unique<Leader>(std::move(options), &SystemClock());
    return;
  }
  Follower::Options options;
  options.leader = LeaderOptions();
  options.node_id = node_.node_id;
  options.own_url = config_.replication_own_url;
  options.epoch = node_.epoch;
  options.promise = [this](Epoch epoch) { return SavePromise(epoch); };
  options.on_diverged = [this] { reopen_(); };
  options.on_broken = [this] { check_->NoteBroken(); };
  follower_ = std::make_unique<Follower>(std::move(options), &SystemClock());
  proposer_ = std::make_unique<replication::PeerClient>(LeaderOptions());
  check_ = std::make_unique<replication::FollowerCheck>(
      replication::FollowerCheck::Options{LeaderOptions(), config_.data, reopen_}, follower_.get(), &SystemClock());
}

Peering::~Peering() { Stop(); }

replication::PeerOptions Peering::LeaderOptions() const { return {node_.leader_url, secret_, ReplicationTls(config_)}; }

bool Peering::HasNothingYet() const {
  return follower_ != nullptr && !node_.leader_url.empty() && !std::filesystem::exists(config_.data + "/segments");
}

Status Peering::Prepare(engine::CommitObserver* observer, const std::shared_ptr<engine::DirectoryLock>& lock,
                        const std::function<bool()>& is_stopping, const std::function<void(std::string)>& say) {
  if (follower_ == nullptr || node_.leader_url.empty()) return OkStatus();
  std::string told;
  say("this node is empty: it copies the data of its leader " + node_.leader_url);
  while (true) {
    const auto prepared = replication::PrepareToFollow(config_.data, LeaderOptions(), observer, lock, is_stopping);
    if (prepared.ok()) {
      if (prepared->copied) {
        Log(LogLevel::kInfo, "replication: the leader's segments are here", {{"bytes", prepared->bytes_copied}});
      }
      return OkStatus();
    }
    const bool is_away = prepared.code() == Code::kUnavailable || prepared.code() == Code::kDeadlineExceeded;
    if (!is_away) return prepared.status();
    // With data of its own it can serve reads meanwhile; without, it has nothing to offer.
    if (std::filesystem::exists(config_.data + "/segments")) return OkStatus();
    say("this node is empty, and its leader cannot be reached: " + prepared.status().ToString());
    const std::string why = prepared.status().ToString();
    if (std::exchange(told, why) != why) {
      Log(LogLevel::kWarning, "replication: waiting for the leader, for this node is empty",
          {{"leader", node_.leader_url}, {"why", why}});
    }
    if (is_stopping()) return Cancelled("stopped while waiting for the leader");
    std::this_thread::sleep_for(std::chrono::milliseconds(kRetryMs));
  }
}

void Peering::Configure(engine::StoreOptions* options) const {
  options->role = node_.role;
  options->epoch = node_.epoch;
  options->shipper = leader_ != nullptr ? static_cast<engine::CommitShipper*>(leader_.get()) : follower_.get();
}

Status Peering::Attach(engine::Store* store) {
  store_ = store;
  if (follower_ != nullptr) {
    // As long as nobody leads there is nobody to follow.
    if (node_.leader_url.empty()) return OkStatus();
    check_->Start(store);
    follower_->Start(store);
    return OkStatus();
  }
  leader_->Attach(store);
  if (!node_.fence_url.empty()) teller_ = std::thread([this] { TellOldLeader(); });
  if (store->Stats().epoch >= node_.epoch) return OkStatus();
  // The first record of a new epoch: from here on whoever follows an older leader can tell.
  engine::Mutation mutation;
  mutation.event.kind = engine::EventKind::kBeginEpoch;
  store->CommitAsync(std::move(mutation), [](const Result<engine::CommitInfo>& info) {
    if (info.ok()) {
      Log(LogLevel::kInfo, "replication: this node leads",
          {{"epoch", uint64_t{info->epoch.value()}}, {"lsn", info->lsn.value()}});
    } else {
      Log(LogLevel::kError, "replication: the epoch could not be begun", {{"why", info.status().ToString()}});
    }
  });
  return OkStatus();
}

std::unique_ptr<http::Handler> Peering::MakeHandler(http::Api& api, http::Executor& executor) {
  if (follower_ != nullptr) {
    const size_t places = std::max<size_t>(1, config_.write_threads / 3);
    forwarder_ =
        std::make_unique<http::Forwarder>(http::Forwarder::Options{LeaderOptions(), places}, api, *follower_, executor);
  }
  http::PeerHandler::Options options;
  options.secret = secret_;
  options.leader = leader_.get();
  options.follower = follower_.get();
  options.forwarder = forwarder_.get();
  options.store = store_;
  options.status_json = [this] { return StatusJson(); };
  options.divergence_json = [this] { return DivergenceJson(); };
  options.reapply = [this](bool is_dry_run) { return ReapplyDivergence(is_dry_run); };
  options.fence = [this](Epoch epoch) {
    if (leader_ != nullptr && epoch > node_.epoch) leader_->Fence(epoch);
  };
  options.begin_write = [this] { return BeginWrite(); };
  options.end_write = [this] { writes_under_way_.fetch_sub(1); };
  options.take_over = [this](Epoch epoch) { return TakeOver(epoch); };
  options.promote = [this](bool accept_loss) { return Promote(accept_loss); };
  options.demote = [this](const std::string& url) { return Demote(url); };
  return std::make_unique<http::PeerHandler>(std::move(options), api, executor);
}

void Peering::Stop() {
  is_stopped_.store(true);
  if (proposer_ != nullptr) proposer_->Cancel();
  if (forwarder_ != nullptr) forwarder_->Stop();
  if (leader_ != nullptr) leader_->Stop();
  if (check_ != nullptr) check_->Stop();
  if (follower_ != nullptr) follower_->Stop();
  if (teller_.joinable()) teller_.join();
}

Status Peering::MayLead() const {
  if (follower_ == nullptr) return FailedPrecondition("this node leads already");
  const FollowerState state = follower_->state();
  return IsBroken(state) ? FailedPrecondition(WhyBroken(state)) : OkStatus();
}

void Peering::StopAcknowledging() {
  if (leader_ != nullptr) leader_->Stop();
}

Status Peering::CanWrite() const {
  if (follower_ != nullptr && node_.leader_url.empty())
    return Unavailable("no node leads just now; try again in a moment");
  if (follower_ != nullptr) return Unavailable("this node follows " + node_.leader_url + ", which takes the writes");
  if (leader_->is_fenced()) return Unavailable("another node leads: this one has been fenced");
  if (is_handing_over_.load()) return Unavailable("another node is taking over; try again in a moment");
  return OkStatus();
}

Status Peering::Ready() const {
  if (follower_ != nullptr && node_.leader_url.empty()) return Unavailable("no node leads just now");
  if (follower_ != nullptr) return follower_->Complete();
  return leader_->is_fenced() ? Unavailable("another node leads: this one has been fenced") : OkStatus();
}

// --- what is written down ---

Status Peering::SaveInSync(const std::vector<std::string>& members) {
  if (elector_ != nullptr) return elector_->SaveInSync(members);
  MutexLock lock(mutex_);
  NodeFile next = stored_;
  next.in_sync = members;
  RETURN_IF_ERROR(next.Save(config_.data));
  stored_ = std::move(next);
  return OkStatus();
}

Status Peering::SavePromise(Epoch epoch) {
  MutexLock lock(mutex_);
  if (epoch <= stored_.epoch) return OkStatus();
  NodeFile next = stored_;
  next.epoch = epoch;
  RETURN_IF_ERROR(next.Save(config_.data));
  stored_ = std::move(next);
  return OkStatus();
}

Status Peering::BecomeLeader(Epoch epoch, const std::string& fence_url) {
  {
    MutexLock lock(mutex_);
    if (epoch <= stored_.epoch) {
      return FailedPrecondition("epoch " + std::to_string(epoch.value()) + " is not higher than the promised " +
                                std::to_string(stored_.epoch.value()));
    }
    NodeFile next = stored_;
    next.role = NodeRole::kLeader;
    next.epoch = epoch;
    next.leader_url.clear();
    next.fence_url = fence_url;
    next.in_sync.clear();
    RETURN_IF_ERROR(next.Save(config_.data));
    stored_ = std::move(next);
  }
  reopen_();
  return OkStatus();
}

Status Peering::BecomeFollower(const std::string& url) {
  {
    MutexLock lock(mutex_);
    NodeFile next = stored_;
    next.role = NodeRole::kFollower;
    next.leader_url = url;
    next.is_fenced = false;
    next.fence_url.clear();
    next.in_sync.clear();
    RETURN_IF_ERROR(next.Save(config_.data));
    stored_ = std::move(next);
  }
  reopen_();
  return OkStatus();
}

// A leader that hears of a higher epoch stays one that acknowledges nothing, until somebody says whom it is to follow. One
// that was a follower once has been told: by its command line.
void Peering::SaveFenced(Epoch epoch) {
  if (elector_ != nullptr) return;  // Decided there, from moment to moment.
  {
    MutexLock lock(mutex_);
    if (stored_.is_fenced || stored_.role == NodeRole::kFollower) return;
    NodeFile next = stored_;
    next.is_fenced = true;
    const Status saved = next.Save(config_.data);
    if (saved.ok()) {
      stored_ = std::move(next);
    } else {
      Log(LogLevel::kError, "replication: that this node is fenced could not be written down",
          {{"epoch", uint64_t{epoch.value()}}, {"why", saved.ToString()}});
    }
  }
  if (config_.replication_follow.empty()) return;
  const Status follows = BecomeFollower(config_.replication_follow);
  if (!follows.ok()) Log(LogLevel::kError, "replication: cannot follow", {{"why", follows.ToString()}});
}

void Peering::TellOldLeader() {
  replication::PeerClient old({node_.fence_url, secret_, ReplicationTls(config_)});
  while (!is_stopped_.load()) {
    const auto told = old.Post("fence", std::to_string(node_.epoch.value()));
    if (told.ok()) {
      MutexLock lock(mutex_);
      NodeFile next = stored_;
      next.fence_url.clear();
      if (next.Save(config_.data).ok()) stored_ = std::move(next);
      return;
    }
    for (uint64_t i = 0; i < kRetryMs / kStepMs && !is_stopped_.load(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kStepMs));
    }
  }
}

// --- changes of role ---

Status Peering::Promote(bool accept_loss) {
  if (elector_ != nullptr) return DecidedInEtcd();
  if (follower_ == nullptr) return FailedPrecondition("this node leads already");
  const FollowerState state = follower_->state();
  if (IsBroken(state)) return FailedPrecondition("this node cannot lead: " + WhyBroken(state));
  if (state.leader_committed == Lsn() && !accept_loss) {
    return FailedPrecondition(
        "this node has never heard of its leader since it started: nobody knows what it lacks; "
        "say --accept-loss if it is to lead all the same");
  }
  const uint64_t silent_ms = SystemClock().MonotonicMs() - state.heard_ms;
  if (silent_ms < limits::kPeerSilentMs && !accept_loss) return AskForLeadership(silent_ms);
  if (!accept_loss) {
    return FailedPrecondition(
        "what its leader acknowledged after the last word may be lost: this node has records up to LSN " +
        std::to_string(state.durable.value()) + ", the leader was at LSN " +
        std::to_string(state.leader_journaled.value()) + " and was last heard " + std::to_string(silent_ms) +
        " ms ago" + (state.is_in_sync ? ", and called this node in sync" : ", and did not call this node in sync") +
        "; say --accept-loss if it is to lead all the same");
  }
  Epoch next;
  {
    MutexLock lock(mutex_);
    next = stored_.epoch.Next();
  }
  return BecomeLeader(next, node_.leader_url);
}

// A planned switch: the leader stops writing, waits until this node has everything, lets it take over, and follows it.
Status Peering::AskForLeadership(uint64_t silent_ms) {
  if (config_.replication_own_url.empty()) {
    return FailedPrecondition(
        "its leader is alive, and would have to follow this node, which does not know its own URL: start it with "
        "--replication-url URL, or say `tarn demote --to URL` on the leader");
  }
  RETURN_IF_ERROR(follower_->Complete());
  replication::PeerClient leader(LeaderOptions());
  const auto reached = leader.Get("lsn");
  if (!reached.ok()) {
    return FailedPrecondition("its leader was alive " + std::to_string(silent_ms) +
                              " ms ago and does not answer now (" + std::string(reached.status().message()) +
                              "); try again in a moment");
  }
  const Status asked = leader.Post("hand-over", config_.replication_own_url, kHandOverAnswerMs).status();
  {
    MutexLock lock(mutex_);  // It may lead by now, whatever became of the answer.
    if (stored_.role == NodeRole::kLeader) return OkStatus();
  }
  return asked.ok() ? Internal("the leader has handed over, but this node does not lead")
                    : FailedPrecondition("its leader is alive and did not hand over: " + std::string(asked.message()));
}

Status Peering::TakeOver(Epoch epoch) {
  if (elector_ != nullptr) return DecidedInEtcd();
  if (follower_ == nullptr) return FailedPrecondition("this node does not follow");
  RETURN_IF_ERROR(follower_->Complete());
  return BecomeLeader(epoch, "");
}

Status Peering::BeginWrite() {
  writes_under_way_.fetch_add(1);
  const Status can = CanWrite();
  if (!can.ok()) writes_under_way_.fetch_sub(1);
  return can;
}

Status Peering::WaitForSuccessor(replication::PeerClient* next) {
  bool is_frozen = false;
  for (const uint64_t end_ms = SystemClock().MonotonicMs() + kHandOverMs; SystemClock().MonotonicMs() < end_ms;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kStepMs));
    // What clients have begun comes to its end; then what this process writes by itself is left behind.
    if (writes_under_way_.load() > 0) continue;
    if (!std::exchange(is_frozen, true)) leader_->FreezeAt(store_->last_lsn());
    const auto lsn = next->Get("lsn");
    if (lsn.ok() && *lsn == std::to_string(store_->last_lsn().value())) return OkStatus();
  }
  return DeadlineExceeded("the other node did not catch up within " + std::to_string(kHandOverMs) + " ms");
}

Status Peering::Demote(const std::string& url) {
  if (elector_ != nullptr) return DecidedInEtcd();
  if (leader_ == nullptr) return FailedPrecondition("this node does not lead");
  replication::PeerClient next({url, secret_, ReplicationTls(config_)});
  RETURN_IF_ERROR(next.Get("lsn").status());
  if (is_handing_over_.exchange(true)) return FailedPrecondition("a hand-over is under way already");
  Status handed_over = WaitForSuccessor(&next);
  if (handed_over.ok()) handed_over = next.Post("take-over", std::to_string(node_.epoch.Next().value())).status();
  if (handed_over.ok()) return BecomeFollower(url);
  if (handed_over.code() == Code::kUnavailable) {
    // The answer was lost, not the question: whoever may lead by now is followed, for two leaders are worse than none.
    RETURN_IF_ERROR(BecomeFollower(url));
    return handed_over.WithContext(
        "whether the other node leads is not known; this one follows it (tarn promote if not)");
  }
  is_handing_over_.store(false);
  reopen_();  // What is frozen stays so until the store is opened again.
  return handed_over;
}

// --- for people and machines ---

std::string Peering::StatusJson() const {
  const engine::StoreStats stats = store_->Stats();
  const engine::JournalHead head = store_->shipping()->journaled();
  std::string out = "{\"node\":" + Quoted(node_.node_id) + ",\"role\":";
  out += node_.role == NodeRole::kLeader ? "\"leader\"" : "\"follower\"";
  out += ",\"epoch\":" + std::to_string(std::max(stats.epoch, node_.epoch).value());
  out += ",\"lsn\":" + std::to_string(stats.last_lsn.value());
  out += ",\"journaled_lsn\":" + std::to_string(head.lsn.value());
  out += ",\"chain_hash\":" + Quoted(HexEncode(stats.chain_hash.view()));
  out += ",\"state_hash\":" + Quoted(HexOf(stats.state_hash));
  const Status ready = Ready();
  out += ",\"ready\":" + std::string(ready.ok() ? "true" : "false");
  if (!ready.ok()) out += ",\"why_not_ready\":" + Quoted(ready.message());
  out += ",\"set_aside_folders\":" + std::to_string(CountUnhandled(config_.data));
  const uint64_t now_ms = SystemClock().MonotonicMs();
  if (elector_ != nullptr) {
    const replication::Election::State election = elector_->state();
    out += ",\"election\":{\"leader\":" + Quoted(election.leader ? election.leader->node_id : "");
    out += ",\"epoch\":" + std::to_string(election.epoch.value()) +
           ",\"lease_left_ms\":" + std::to_string(election.lease_left_ms) +
           ",\"error\":" + Quoted(election.last_error) + "}";
  }
  if (leader_ != nullptr) {
    const SyncSet::Stats sync = leader_->sync_stats();
    out += ",\"ack\":" + Quoted(config_.replication_ack);
    out +=
        ",\"ack_waits\":" + std::to_string(sync.waits) + ",\"ack_wait_ms_total\":" + std::to_string(sync.wait_ms_total);
    out += ",\"ack_wait_ms_max\":" + std::to_string(sync.wait_ms_max) + ",\"drops\":" + std::to_string(sync.drops);
    out += ",\"followers\":[";
    bool is_first = true;
    for (const PeerState& peer : sync.peers) {
      if (!std::exchange(is_first, false)) out += ",";
      out += "{\"node\":" + Quoted(peer.node_id) + ",\"url\":" + Quoted(peer.url) +
             ",\"standing\":" + Quoted(NameOf(peer.standing)) +
             ",\"durable_lsn\":" + std::to_string(peer.durable.value()) +
             ",\"applied_lsn\":" + std::to_string(peer.applied.value()) +
             ",\"state_hash\":" + Quoted(HexOf(peer.state_hash)) +
             ",\"lag_records\":" + std::to_string(RecordsBehind(head.lsn, peer.durable)) +
             ",\"lag_bytes\":" + std::to_string(peer.behind_bytes) + ",\"lag_ms\":" + std::to_string(peer.behind_ms) +
             ",\"heard_ms_ago\":" + std::to_string(now_ms - peer.heard_ms) + ",\"error\":" + Quoted(peer.error) +
             LastErrorJson(peer.last_error, now_ms - peer.last_error_ms) + "}";
    }
    return out + "]}\n";
  }
  const FollowerState state = follower_->state();
  out += ",\"leader\":" + Quoted(node_.leader_url) + ",\"phase\":" + Quoted(NameOf(state.phase));
  out += ",\"in_sync\":" + std::string(state.is_in_sync ? "true" : "false");
  out += ",\"leader_lsn\":" + std::to_string(state.leader_journaled.value());
  out += ",\"leader_visible_lsn\":" + std::to_string(state.leader.lsn.value());
  out += ",\"leader_state_hash\":" + Quoted(HexOf(state.leader.state_hash));
  if (state.heard_ms != 0) out += ",\"heard_ms_ago\":" + std::to_string(now_ms - state.heard_ms);
  out += ",\"lag_records\":" + std::to_string(RecordsBehind(state.leader_journaled, state.applied));
  out += ",\"lag_bytes\":" + std::to_string(state.behind_bytes);
  out += ",\"lag_ms\":" + std::to_string(state.behind_ms) + ",\"reconnects\":" + std::to_string(state.reconnects);
  out += ",\"blobs_fetched\":" + std::to_string(state.blobs_fetched);
  out += ",\"bytes_fetched\":" + std::to_string(state.bytes_fetched) +
         ",\"error\":" + Quoted(IsBroken(state) ? WhyBroken(state) : state.error);
  const replication::FollowerCheck::State check = check_->state();
  out += ",\"checked_lsn\":" + std::to_string(check.checked.value());
  out += ",\"checks\":" + std::to_string(check.rounds) + ",\"blobs_mended\":" + std::to_string(check.blobs_mended);
  out += LastErrorJson(state.last_error, now_ms - state.last_error_ms) + "}\n";
  return out;
}

// What was set aside because no other node had it.
std::string Peering::DivergenceJson() const {
  std::string out = "[";
  for (const std::string& name : SetAsideFolders(config_.data)) {
    const std::string folder = config_.data + "/" + name;
    std::string records;
    const Status read = engine::ReadSetAside(folder, [&](const engine::LogRecord& record) {
      records += (records.empty() ? "" : ",") + std::string("{\"lsn\":") + std::to_string(record.lsn.value()) +
                 ",\"epoch\":" + std::to_string(record.epoch.value()) +
                 ",\"time_ms\":" + std::to_string(record.time_ms) +
                 ",\"kind\":" + std::to_string(static_cast<int>(record.event.kind)) +
                 ",\"package\":" + Quoted(record.event.package) + ",\"version\":" + Quoted(record.event.version) +
                 ",\"actor\":" + Quoted(record.event.actor) + "}";
      return OkStatus();
    });
    out += (out.size() > 1 ? "," : "") + std::string("{\"folder\":") + Quoted(name) + ",\"records\":[" + records + "]";
    if (const std::string handled = ReadHandled(folder); !handled.empty()) out += ",\"handled\":" + handled;
    if (!read.ok()) out += ",\"error\":" + Quoted(read.ToString());
    out += "}";
  }
  return out + "]\n";
}

Result<std::string> Peering::ReapplyDivergence(bool is_dry_run) {
  const MutexLock lock(reapply_);
  ReapplyOptions options;
  options.directory = config_.data;
  options.store = store_;
  options.clock = &SystemClock();
  options.random = &SystemRandom();
  options.is_dry_run = is_dry_run;
  options.commit = [this](engine::Mutation mutation, const std::vector<engine::BlobReader>& blobs) {
    return CommitReapplied(std::move(mutation), blobs);
  };
  options.catch_up = [this] { return CatchUpWithLeader(); };
  options.is_stopping = [this] { return is_stopped_.load(); };
  return Reapply(options);
}

// A follower decides from its own state; that it is the leader's is what the commit makes sure of.
Status Peering::CatchUpWithLeader() {
  if (follower_ == nullptr) return CanWrite();
  RETURN_IF_ERROR(follower_->Complete());
  ASSIGN_OR_RETURN(const std::string text, proposer_->Get("lsn?of=leader"));
  uint64_t lsn = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lsn);
  if (error != std::errc()) return Unavailable("the leader did not say how far it is");
  return follower_->WaitForApplied(Lsn(lsn), kReapplyWaitMs);
}

Status Peering::CommitReapplied(engine::Mutation mutation, const std::vector<engine::BlobReader>& blobs) {
  if (follower_ != nullptr) {
    engine::Proposal proposal{std::move(mutation), {}};
    for (const engine::BlobReader& blob : blobs) proposal.blobs.push_back(blob.info);
    ASSIGN_OR_RETURN(const Lsn lsn, proposer_->Propose(proposal, blobs));
    return follower_->WaitForApplied(lsn, kReapplyWaitMs);
  }
  RETURN_IF_ERROR(BeginWrite());
  const Status committed = CommitHere(store_, std::move(mutation), blobs);
  writes_under_way_.fetch_sub(1);
  return committed;
}

void Peering::AppendMetrics(std::string* out) const {
  using http::Metrics;
  Metrics::AppendGauge(out, "replication_role_leader", leader_ != nullptr ? 1 : 0);
  Metrics::AppendGauge(out, "replication_epoch", std::max(store_->Stats().epoch, node_.epoch).value());
  Metrics::AppendGauge(out, "replication_ready", Ready().ok() ? 1 : 0);
  Metrics::AppendGauge(out, "replication_set_aside_folders", CountUnhandled(config_.data));
  const engine::StoreStats stats = store_->Stats();
  Metrics::AppendInfo(out, "replication_state", {{{"node", node_.node_id}, {"state_hash", HexOf(stats.state_hash)}}});
  const uint64_t now_ms = SystemClock().MonotonicMs();
  if (leader_ != nullptr) {
    const SyncSet::Stats sync = leader_->sync_stats();
    const Lsn head = store_->shipping()->journaled().lsn;
    uint64_t lag = 0;
    for (const PeerState& peer : sync.peers) lag = std::max(lag, RecordsBehind(head, peer.durable));
    Metrics::AppendGauge(out, "replication_followers", sync.peers.size());
    Metrics::AppendGauge(out, "replication_in_sync_followers", sync.members.size());
    Metrics::AppendGauge(out, "replication_lag_records_max", lag);
    Metrics::AppendCounter(out, "replication_ack_waits", sync.waits);
    Metrics::AppendCounter(out, "replication_ack_wait_milliseconds", sync.wait_ms_total);
    Metrics::AppendCounter(out, "replication_drops", sync.drops);
    AppendPeerMetrics(sync.peers, head, now_ms, out);
    return;
  }
  const FollowerState state = follower_->state();
  Metrics::AppendGauge(out, "replication_lag_records", RecordsBehind(state.leader_journaled, state.applied));
  Metrics::AppendGauge(out, "replication_lag_bytes", state.behind_bytes);
  Metrics::AppendGauge(out, "replication_lag_milliseconds", state.behind_ms);
  Metrics::AppendGauge(out, "replication_in_sync", state.is_in_sync ? 1 : 0);
  Metrics::AppendGauge(out, "replication_broken", IsBroken(state) ? 1 : 0);
  if (state.heard_ms != 0) Metrics::AppendGauge(out, "replication_leader_silent_milliseconds", now_ms - state.heard_ms);
  if (!state.last_error.empty()) {
    Metrics::AppendGauge(out, "replication_last_error_age_milliseconds", now_ms - state.last_error_ms);
  }
  Metrics::AppendInfo(out, "replication_leader_state",
                      {{{"lsn", std::to_string(state.leader.lsn.value())},
                        {"state_hash", HexOf(state.leader.state_hash)},
                        {"phase", std::string(NameOf(state.phase))}}});
  Metrics::AppendCounter(out, "replication_reconnects", state.reconnects);
  Metrics::AppendCounter(out, "replication_checks", check_->state().rounds);
  Metrics::AppendCounter(out, "replication_blobs_mended", check_->state().blobs_mended);
  Metrics::AppendCounter(out, "replication_blobs_fetched", state.blobs_fetched);
  Metrics::AppendCounter(out, "replication_bytes_fetched", state.bytes_fetched);
}

}  // namespace tarn::cli
