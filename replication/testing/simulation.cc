#include "replication/testing/simulation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>

#include "replication/bootstrap.h"
#include "replication/follower.h"
#include "replication/invariants.h"
#include "replication/leader.h"
#include "replication/peer_client.h"
#include "storage/base/bytes.h"
#include "storage/base/check.h"
#include "storage/engine/store.h"
#include "storage/testing/builders.h"
#include "storage/testing/fault_fs.h"
#include "storage/testing/manual_clock.h"
#include "storage/testing/temp_directory.h"
#include "storage/testing/turn_scheduler.h"

namespace tarn::replication {
namespace {

constexpr size_t kNodes = 3;
constexpr uint64_t kTickMs = 50;
constexpr uint64_t kHealMs = 90'000;
constexpr std::array<const char*, kNodes> kNames = {"east", "west", "north"};

class Node;

// What all of them share.
struct World {
  explicit World(const SimulationOptions& options_in)
      : options(options_in), dice(options_in.seed), turns(options_in.seed * 7 + 1, &clock) {}
  const SimulationOptions options;
  SeededRandom dice;
  ManualClock clock;
  TurnScheduler turns;
  Invariants invariants;
  SimulationOutcome outcome;
  std::array<std::unique_ptr<Node>, kNodes> nodes;
  std::set<std::pair<size_t, size_t>> cut;  // Pairs without a link.
  bool is_faulty = true;
  bool is_over = false;

  bool Chance(uint64_t one_in) { return is_faulty && dice.Below(one_in) == 0; }
  bool is_broken() const { return !outcome.violations.empty() || !invariants.violations().empty(); }
  bool IsCut(size_t a, size_t b) const { return cut.contains({std::min(a, b), std::max(a, b)}); }
  void Delay() { turns.SleepMs(Chance(40) ? dice.Below(1'500) : dice.Below(is_faulty ? 40 : 5)); }
};

// What a node has written down (node_file.h), as peering keeps it.
struct Written {
  NodeRole role = NodeRole::kFollower;
  size_t leader = 0;
  Epoch epoch{1};
  std::vector<std::string> in_sync;
};

// From one opening of the store to its closing.
struct Life {
  std::unique_ptr<FaultFileSystem> files;
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<Leader> leader;
  std::unique_ptr<Follower> follower;
  std::unique_ptr<engine::Store> store;
  bool is_handing_over = false;
};

// One node with its disk. Its thread opens and closes the store, as serve does.
class Node {
 public:
  Node(World* world, size_t index) : world_(world), index_(index), directory_(folder_.path() + "/data") {}

  enum class Order : uint8_t { kNone, kReopen, kCrash, kEnd };
  void Start() {
    thread_ = Thread([this] { Run(); });
  }
  void Give(Order order, uint64_t down_ms = 0) {
    MutexLock lock(mutex_);
    if (order_ == Order::kEnd || (order == Order::kReopen && order_ == Order::kCrash)) return;
    order_ = order;
    if (order == Order::kCrash) {
      is_dead_ = true;
      down_until_ms_ = world_->clock.MonotonicMs() + down_ms;
      if (life_ != nullptr) life_->files->CutPowerAtCall(0);
    }
    changed_.NotifyAll();
  }
  void Join() { thread_.join(); }
  // Until it is up again at once.
  void Raise() {
    MutexLock lock(mutex_);
    down_until_ms_ = 0;
  }

  // The open store, held open meanwhile.
  class Use {
   public:
    explicit Use(Node* node) : node_(*node) {
      MutexLock lock(node_.mutex_);
      life_ = node_.is_dead_ ? nullptr : node_.life_.get();
      node_.users_ += life_ != nullptr;
    }
    ~Use() {
      if (life_ == nullptr) return;
      MutexLock lock(node_.mutex_);
      --node_.users_;
      node_.changed_.NotifyAll();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Life* life() const { return life_; }

   private:
    Node& node_;
    Life* life_ = nullptr;
  };

  bool is_dead() const { return is_dead_; }
  std::string name() const { return kNames[index_]; }
  size_t index() const { return index_; }
  Written& written() { return written_; }
  NodeView View(Life* life) const { return {name(), written_.epoch, life->store->shipping()}; }
  bool is_stopping() {
    MutexLock lock(mutex_);
    return order_ != Order::kNone;
  }

 private:
  PeerOptions LeaderOptions();
  void Run();
  bool Open();
  void Close();
  void LoadDisk(FaultFileSystem* files) const;
  void StoreDisk(FaultFileSystem* files) const;
  std::unique_ptr<Leader> MakeLeader();
  std::unique_ptr<Follower> MakeFollower();

  World* const world_;
  const size_t index_;
  TempDirectory folder_;
  const std::string directory_;
  Written written_;
  Mutex mutex_;
  CondVar changed_;
  Order order_ = Order::kNone;
  bool is_dead_ = false;
  uint64_t down_until_ms_ = 0;
  uint64_t users_ = 0;
  uint64_t lives_ = 0;
  std::unique_ptr<Life> life_;
  Thread thread_;
};

std::string_view FieldOf(std::string_view query, const std::string& name) {
  const size_t at = query.find(name + "=");
  if (at == std::string_view::npos) return {};
  query.remove_prefix(at + name.size() + 1);
  return query.substr(0, query.find('&'));
}

uint64_t NumberOf(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

HttpAnswer Answer(const Status& status, std::string body) {
  HttpAnswer answer;
  answer.status = status.ok() ? 200 : status.code() == Code::kNotFound ? 404 : 409;
  if (status.code() == Code::kUnavailable || status.code() == Code::kIoError) answer.status = 503;
  answer.body = status.ok() ? std::move(body) : status.ToString();
  return answer;
}

// --- what a node answers: http/peer without the sockets ---

Result<std::string> ReadSegment(engine::Shipping& shipping, std::string_view path) {
  ASSIGN_OR_RETURN(const auto file, shipping.OpenSegment(SegmentId(NumberOf(path.substr(0, path.find('?'))))));
  const uint64_t from = NumberOf(FieldOf(path, "from"));
  std::string bytes;
  RETURN_IF_ERROR(file->ReadAt(from, NumberOf(FieldOf(path, "to")) - from, &bytes));
  return bytes;
}

Result<std::string> ReadBlobBytes(engine::Shipping& shipping, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string bytes, HexDecode(name));
  ASSIGN_OR_RETURN(const Digest digest, Digest::FromBytes(bytes));
  ASSIGN_OR_RETURN(const engine::BlobReader reader, shipping.OpenBlob(digest));
  std::string out;
  RETURN_IF_ERROR(reader.file->ReadAt(reader.offset_bytes, reader.info.size_bytes, &out));
  return out;
}

Result<std::string> ReadChain(engine::Shipping& shipping, Lsn lsn) {
  ASSIGN_OR_RETURN(const engine::RawRecord record, shipping.ReadRaw(lsn));
  return HexEncode(record.chain_hash.view()) + "\n";
}

std::string ListOf(engine::Shipping& shipping) {
  std::string body = std::to_string(shipping.journaled().lsn.value()) + "\n";
  for (const engine::SegmentListing& segment : shipping.ListSegments()) {
    body += std::to_string(segment.id.value()) + " " + std::to_string(segment.size_bytes) + "\n";
  }
  return body;
}

HttpAnswer TakeAck(World* world, Life* life, const std::string& body) {
  FrameReader reader;
  reader.Push(body);
  auto frame = reader.Next();
  CHECK(frame.ok() && frame->has_value());
  Ack ack = std::get<Ack>(**frame);
  if (world->options.acks_ahead && life->leader != nullptr && ack.durable < life->store->shipping()->journaled().lsn) {
    ack.durable = ack.durable.Next();
  }
  if (life->leader == nullptr) return Answer(FailedPrecondition("this node does not lead"), "");
  return Answer(life->leader->Note(ack).status(), "");
}

HttpAnswer Serve(World* world, Life* life, const HttpRequest& request, std::string_view path) {
  engine::Shipping& shipping = *life->store->shipping();
  if (path == "ack") return TakeAck(world, life, request.body);
  if (path == "segments") return Answer({}, ListOf(shipping));
  Result<std::string> read = NotFound("no such path");
  if (path.starts_with("segment/")) read = ReadSegment(shipping, path.substr(8));
  if (path.starts_with("blob/")) read = ReadBlobBytes(shipping, path.substr(5));
  if (path.starts_with("chain?")) read = ReadChain(shipping, Lsn(NumberOf(FieldOf(path, "lsn"))));
  return read.ok() ? Answer({}, *read) : Answer(read.status(), "");
}

// --- the network ---

class SimulatedLine final : public PeerLine {
 public:
  SimulatedLine(World* world, size_t from, size_t to) : world_(*world), from_(from), to_(to) {}
  void Cancel() override { is_cancelled_ = true; }

  Result<HttpAnswer> Send(const HttpRequest& request) override {
    RETURN_IF_ERROR(Travel());
    if (world_.Chance(60)) return Unavailable("the question was lost");
    const int times = world_.Chance(50) ? 2 : 1;  // Somebody on the way sends it again.
    Result<HttpAnswer> answer = Unavailable("connection refused");
    for (int i = 0; i < times; ++i) {
      const Node::Use use(world_.nodes[to_].get());
      if (use.life() != nullptr) answer = Serve(&world_, use.life(), request, PathOf(request));
    }
    RETURN_IF_ERROR(Travel());
    if (world_.Chance(60)) return Unavailable("the answer was lost");
    return answer;
  }

  Result<HttpAnswer> Stream(const HttpRequest& request, HttpBodySink& sink) override {
    const std::string path = PathOf(request);
    if (path.starts_with("log?")) return StreamLog(path, sink);
    ASSIGN_OR_RETURN(HttpAnswer answer, Send(request));
    const std::string body = std::exchange(answer.body, "");
    RETURN_IF_ERROR(sink.Start(answer));
    RETURN_IF_ERROR(Deliver(body, sink));
    return answer;
  }

 private:
  static std::string PathOf(const HttpRequest& request) {
    const size_t at = request.url.find(kPathPrefix);
    CHECK(at != std::string::npos);
    return request.url.substr(at + kPathPrefix.size());
  }
  Status MayGoOn() const {
    if (is_cancelled_) return Cancelled("cancelled");
    return world_.nodes[from_]->is_dead() ? Unavailable("no power") : OkStatus();
  }
  // A way through the network; where there is none, until somebody's patience is at its end.
  Status Travel() {
    world_.Delay();
    for (uint64_t waited_ms = 0; world_.IsCut(from_, to_); waited_ms += kTickMs) {
      RETURN_IF_ERROR(MayGoOn());
      if (waited_ms >= limits::kPeerSilentMs) return DeadlineExceeded("silence");
      world_.turns.SleepMs(kTickMs);
    }
    return MayGoOn();
  }
  // In pieces of any size; the connection may break anywhere.
  Status Deliver(std::string_view bytes, HttpBodySink& sink) {
    while (!bytes.empty()) {
      RETURN_IF_ERROR(Travel());
      const size_t size = world_.dice.Below(3) != 0 ? bytes.size() : 1 + world_.dice.Below(bytes.size());
      if (world_.Chance(100)) {
        (void)sink.Piece(bytes.substr(0, 1 + world_.dice.Below(size)));
        return Unavailable("connection reset");
      }
      RETURN_IF_ERROR(sink.Piece(bytes.substr(0, size)));
      bytes.remove_prefix(size);
    }
    return OkStatus();
  }

  Result<HttpAnswer> StreamLog(const std::string& path, HttpBodySink& sink) {
    RETURN_IF_ERROR(Travel());
    FollowRequest request;
    ASSIGN_OR_RETURN(const std::string chain, HexDecode(FieldOf(path, "chain")));
    ASSIGN_OR_RETURN(request.head.chain_hash, Sha256Digest::FromBytes(chain));
    request.head.lsn = Lsn(NumberOf(FieldOf(path, "lsn")));
    request.node_id = FieldOf(path, "node");
    request.epoch = Epoch(static_cast<uint32_t>(NumberOf(FieldOf(path, "epoch"))));
    request.protocol = static_cast<uint32_t>(NumberOf(FieldOf(path, "protocol")));
    request.log_format = static_cast<uint32_t>(NumberOf(FieldOf(path, "format")));
    HttpAnswer answer;
    answer.status = 200;
    std::unique_ptr<LeaderSession> session;
    const Leader* of = nullptr;
    while (true) {
      LeaderSession::Step step;
      {
        const Node::Use use(world_.nodes[to_].get());
        if (use.life() == nullptr) return Unavailable("connection reset");
        if (use.life()->leader == nullptr) return Answer(FailedPrecondition("this node does not lead"), "");
        if (session == nullptr) {
          of = use.life()->leader.get();
          session = std::make_unique<LeaderSession>(use.life()->leader.get(), request);
          RETURN_IF_ERROR(sink.Start(answer));
        }
        if (use.life()->leader.get() != of) return Unavailable("connection reset");
        ASSIGN_OR_RETURN(step, session->Next());
      }
      RETURN_IF_ERROR(Deliver(WithoutSkipped(step.bytes), sink));
      if (step.is_over) return answer;
      world_.turns.SleepMs(10);
      RETURN_IF_ERROR(MayGoOn());
    }
  }

  std::string WithoutSkipped(const std::string& bytes) const {
    if (world_.options.skip_record == 0) return bytes;
    FrameReader reader;
    reader.Push(bytes);
    std::string out;
    while (true) {
      auto frame = reader.Next();
      CHECK(frame.ok());
      if (!frame->has_value()) return out;
      const auto* record = std::get_if<engine::RawRecord>(&**frame);
      if (record == nullptr || record->lsn.value() != world_.options.skip_record) AppendFrame(**frame, &out);
    }
  }

  World& world_;
  const size_t from_;
  const size_t to_;
  bool is_cancelled_ = false;
};

// --- a node's life ---

PeerOptions Node::LeaderOptions() {
  PeerOptions options;
  options.url = "http://" + std::string(kNames[written_.leader]) + "/";
  options.secret = "a secret that all of them have";
  options.dial = [world = world_, from = index_, to = written_.leader] {
    return std::make_unique<SimulatedLine>(world, from, to);
  };
  return options;
}

std::unique_ptr<Leader> Node::MakeLeader() {
  Leader::Options options;
  options.node_id = name();
  options.epoch = written_.epoch;
  options.sync.members = written_.in_sync;
  options.save = [this](const std::vector<std::string>& members) {
    if (is_dead_) return IoError("no power");
    written_.in_sync = members;
    return OkStatus();
  };
  return std::make_unique<Leader>(std::move(options), &world_->clock);
}

std::unique_ptr<Follower> Node::MakeFollower() {
  Follower::Options options;
  options.leader = LeaderOptions();
  options.node_id = name();
  options.epoch = written_.epoch;
  options.promise = [this](Epoch epoch) {
    if (is_dead_) return IoError("no power");
    written_.epoch = std::max(written_.epoch, epoch);
    return OkStatus();
  };
  options.on_diverged = [this] { Give(Order::kReopen); };
  return std::make_unique<Follower>(std::move(options), &world_->clock);
}

// The disk as it is between two lives is a real folder; while the store is open, segments are in a file system that forgets.
void Node::LoadDisk(FaultFileSystem* files) const {
  for (size_t at = directory_.find('/', 1); at != std::string::npos; at = directory_.find('/', at + 1)) {
    CHECK(files->CreateDirectory(directory_.substr(0, at)).ok());
  }
  CHECK(files->CreateDirectory(directory_).ok());
  const std::string segments = directory_ + "/segments";
  CHECK(files->CreateDirectory(segments).ok());
  std::error_code none_yet;
  for (const auto& entry : std::filesystem::directory_iterator(segments, none_yet)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    auto file = files->Create(entry.path().string());
    CHECK(file.ok() && (*file)->WriteAt(0, bytes).ok() && (*file)->Sync().ok());
  }
  for (std::string folder = segments; folder.size() > 1; folder = folder.substr(0, folder.find_last_of('/'))) {
    CHECK(files->SyncDirectory(folder).ok());
  }
  CHECK(files->SyncDirectory("/").ok());
}

void Node::StoreDisk(FaultFileSystem* files) const {
  const std::string segments = directory_ + "/segments";
  std::filesystem::remove_all(segments);
  std::filesystem::create_directories(segments);
  const auto names = files->List(segments);
  CHECK(names.ok());
  for (const std::string& name : *names) {
    std::ofstream(segments + "/" + name, std::ios::binary) << files->Contents(segments + "/" + name);
  }
}

bool Node::Open() {
  auto life = std::make_unique<Life>();
  if (written_.role == NodeRole::kFollower) {
    const auto prepared =
        PrepareToFollow(directory_, LeaderOptions(), nullptr, [this] { return is_stopping() || is_dead_; });
    if (prepared.ok()) world_->outcome.set_aside += prepared->records_set_aside;
    const bool may_open = prepared.ok() || std::filesystem::exists(directory_ + "/segments");
    if (is_stopping() || !may_open) return false;
    life->follower = MakeFollower();
  } else {
    life->leader = MakeLeader();
  }
  life->files = std::make_unique<FaultFileSystem>(world_->dice.Next());
  life->random = std::make_unique<SeededRandom>(world_->dice.Next());
  life->files->SetCapacity(256 * limits::kMiB);  // Small buffers: RocksDB reserves room for them at each opening.
  LoadDisk(life->files.get());
  engine::StoreOptions options;
  options.directory = directory_;
  options.file_system = life->files.get();
  options.clock = &world_->clock;
  options.random = life->random.get();
  options.role = written_.role;
  options.epoch = written_.epoch;
  options.ballast_bytes = 0;
  options.disk_reserve_bytes = limits::kMiB;
  options.block_cache_bytes = limits::kMiB;
  options.planted_faults.skip_segment_sync = world_->options.skip_sync;
  options.shipper =
      life->leader != nullptr ? static_cast<engine::CommitShipper*>(life->leader.get()) : life->follower.get();
  auto store = engine::Store::Open(options);
  if (!store.ok()) {
    world_->outcome.violations.push_back(name() + " cannot be opened: " + store.status().ToString());
    return false;
  }
  life->store = *std::move(store);
  world_->invariants.Reopened(name());
  if (life->leader != nullptr) {
    life->leader->Attach(life->store.get());
    world_->invariants.HasAllAcknowledged(View(life.get()), "it begins to lead");
    engine::Mutation begin;
    begin.event.kind = engine::EventKind::kBeginEpoch;
    if (life->store->Stats().epoch < written_.epoch) life->store->CommitAsync(std::move(begin), [](const auto&) {});
  } else {
    life->follower->Start(life->store.get());
  }
  MutexLock lock(mutex_);
  life_ = std::move(life);
  ++lives_;
  return true;
}

void Node::Close() {
  if (life_->leader != nullptr) life_->leader->Stop();
  if (life_->follower != nullptr) life_->follower->Stop();
  std::unique_ptr<Life> life;
  {
    MutexLock lock(mutex_);
    life = std::move(life_);
    while (users_ > 0) changed_.Wait(mutex_);
  }
  if (life->follower != nullptr) world_->outcome.reconnects += life->follower->state().reconnects;
  life->store.reset();
  life->files->Restart(is_dead_ ? FaultFileSystem::Unsynced::kAnySubset : FaultFileSystem::Unsynced::kKept);
  StoreDisk(life->files.get());
}

void Node::Run() {
  while (true) {
    const bool is_open = Open();
    if (!is_open) world_->turns.SleepMs(200);
    Order order;
    {
      MutexLock lock(mutex_);
      while (is_open && order_ == Order::kNone) changed_.Wait(mutex_);
    }
    if (is_open) Close();
    while (is_dead_ && world_->clock.MonotonicMs() < down_until_ms_) world_->turns.SleepMs(kTickMs);
    MutexLock lock(mutex_);
    order = std::exchange(order_, Order::kNone);
    is_dead_ = false;
    if (order == Order::kEnd) return;
  }
}

// --- those who use it ---

// The node that leads as far as everybody who may say so has said.
Node* LeaderOf(World& world) {
  Node* leader = nullptr;
  for (const auto& node : world.nodes) {
    if (node->written().role != NodeRole::kLeader) continue;
    if (leader == nullptr || node->written().epoch > leader->written().epoch) leader = node.get();
  }
  return leader;
}

void RunClient(World& world, int client) {
  struct Outcome {
    Mutex mutex;
    CondVar changed;
    std::optional<Result<engine::CommitInfo>> answer;
    bool came_from_the_dead = false;
  };
  for (int i = 0; !world.is_over; ++i) {
    world.turns.SleepMs(20 + world.dice.Below(world.is_faulty ? 400 : 2'000));
    Node* const node = LeaderOf(world);
    if (node == nullptr) continue;
    const auto outcome = std::make_shared<Outcome>();
    {
      const Node::Use use(node);
      if (use.life() == nullptr || use.life()->leader == nullptr || use.life()->is_handing_over) continue;
      const std::string key = "c" + std::to_string(client) + "-" + std::to_string(i);
      engine::Mutation mutation = PutMutation(engine::Family::kUser, key, std::string(world.dice.Below(300), 'v'));
      if (world.dice.Below(2) == 0) {
        auto writer = use.life()->store->blobs().NewWriter();
        if (!writer.ok() || !(*writer)->Append("blob of " + key + world.dice.Bytes(world.dice.Below(2'000))).ok())
          continue;
        auto staged = (*writer)->Finish();
        if (!staged.ok()) continue;
        mutation.blobs = {*std::move(staged)};
      }
      use.life()->store->CommitAsync(std::move(mutation), [outcome, node](Result<engine::CommitInfo> info) {
        MutexLock lock(outcome->mutex);
        outcome->came_from_the_dead = node->is_dead();
        outcome->answer = std::move(info);
        outcome->changed.NotifyAll();
      });
    }
    MutexLock lock(outcome->mutex);
    while (!outcome->answer.has_value()) outcome->changed.Wait(outcome->mutex);
    if (!outcome->answer->ok() || outcome->came_from_the_dead) {
      ++world.outcome.refused;
      continue;
    }
    const engine::CommitInfo& info = **outcome->answer;
    ++world.outcome.acknowledged;
    world.invariants.Acknowledged(node->name(), info.epoch, info.lsn, LeaderOf(world) == node);
  }
}

// Everybody follows `next` from now on; `next` leads in a new epoch.
void MakeLeader(World& world, Node* next) {
  Epoch highest;
  for (const auto& node : world.nodes) highest = std::max(highest, node->written().epoch);
  for (const auto& node : world.nodes) {
    Written& written = node->written();
    written.role = node.get() == next ? NodeRole::kLeader : NodeRole::kFollower;
    written.leader = next->index();
    written.in_sync.clear();
    if (node.get() == next) written.epoch = highest.Next();
    node->Give(Node::Order::kReopen);
  }
}

bool HasEverything(Node* next, Lsn lsn) {
  const Node::Use use(next);
  return use.life() != nullptr && use.life()->follower != nullptr && use.life()->follower->Complete().ok() &&
         use.life()->store->last_lsn() == lsn;
}

// As `tarn demote`: the old leader stops, the new one catches up, then it leads.
void HandOver(World& world, Node* from, Node* to) {
  bool is_done = false;
  {
    const Node::Use use(from);
    if (use.life() == nullptr || use.life()->leader == nullptr) return;
    use.life()->is_handing_over = true;
    world.turns.SleepMs(100);
    const Lsn last = use.life()->store->last_lsn();
    use.life()->leader->FreezeAt(last);
    for (int i = 0; i < 100 && !is_done && !from->is_dead(); ++i) {
      world.turns.SleepMs(20);
      is_done = use.life()->store->last_lsn() == last && HasEverything(to, last);
    }
  }
  if (!is_done) return from->Give(Node::Order::kReopen);
  ++world.outcome.hand_overs;
  MakeLeader(world, to);
}

// An operator promotes a member of the in-sync set of a leader that is down.
void PromoteInPlaceOf(World& world, Node* leader) {
  for (const auto& node : world.nodes) {
    const auto& members = leader->written().in_sync;
    if (node.get() == leader || std::ranges::find(members, node->name()) == members.end()) continue;
    ++world.outcome.promotions;
    return MakeLeader(world, node.get());
  }
}

void RunTrouble(World& world) {
  const uint64_t end_ms = world.clock.MonotonicMs() + world.options.run_ms;
  while (world.clock.MonotonicMs() < end_ms && !world.is_broken()) {
    world.turns.SleepMs(300 + world.dice.Below(2'500));
    Node* const node = world.nodes[world.dice.Below(kNodes)].get();
    Node* const leader = LeaderOf(world);
    switch (world.dice.Below(6)) {
      case 0:
      case 1:
        ++world.outcome.crashes;
        node->Give(Node::Order::kCrash, 200 + world.dice.Below(4'000));
        break;
      case 2: world.cut.insert({0, 1 + world.dice.Below(2)}); break;
      case 3: world.cut.clear(); break;
      case 4:
        if (node != leader) HandOver(world, leader, node);
        break;
      default:
        ++world.outcome.crashes;
        leader->Give(Node::Order::kCrash, 3'000);
        world.turns.SleepMs(world.dice.Below(500));
        PromoteInPlaceOf(world, leader);
    }
  }
  world.cut.clear();
  world.is_faulty = false;
  for (const auto& node : world.nodes) node->Raise();
}

void Look(World& world) {
  Node* const leader = LeaderOf(world);
  for (const auto& node : world.nodes) {
    const Node::Use use(node.get());
    if (use.life() == nullptr) continue;
    const NodeView view = node->View(use.life());
    world.invariants.Observe(view);
    if (leader == nullptr) continue;
    const auto& members = leader->written().in_sync;
    const bool is_member = std::ranges::find(members, node->name()) != members.end();
    if (is_member) world.invariants.HasAllAcknowledged(view, "it is in sync");
  }
}

bool AreEqual(World& world) {
  std::set<std::pair<std::string, std::array<uint64_t, 2>>> heads;
  for (const auto& node : world.nodes) {
    const Node::Use use(node.get());
    if (use.life() == nullptr) return false;
    const engine::VisibleHead head = use.life()->store->shipping()->visible();
    if (head.lsn != use.life()->store->shipping()->journaled().lsn) return false;
    heads.emplace(std::string(head.chain_hash.view()), head.state_hash);
    world.outcome.records = head.lsn.value();
  }
  return heads.size() == 1;
}

void WatchUntilTheEnd(World& world) {
  while (world.is_faulty) {
    world.turns.SleepMs(kTickMs);
    Look(world);
  }
  const uint64_t end_ms = world.clock.MonotonicMs() + kHealMs;
  bool is_equal = false;
  while (!is_equal && !world.is_broken() && world.clock.MonotonicMs() < end_ms) {
    world.turns.SleepMs(kTickMs);
    Look(world);
    is_equal = AreEqual(world);
  }
  if (!is_equal)
    world.outcome.violations.push_back("the nodes are not equal " + std::to_string(kHealMs) +
                                       " ms after the last fault");
  for (const auto& node : world.nodes) {
    const Node::Use use(node.get());
    if (use.life() != nullptr) world.invariants.HasAllAcknowledged(node->View(use.life()), "all is healed");
  }
}

}  // namespace

SimulationOutcome Simulate(const SimulationOptions& options) {
  World world(options);
  for (size_t i = 0; i < kNodes; ++i) world.nodes[i] = std::make_unique<Node>(&world, i);
  world.nodes[0]->written().role = NodeRole::kLeader;
  for (const auto& node : world.nodes) node->Start();
  std::vector<Thread> threads;
  for (int client = 0; client < 3; ++client) threads.emplace_back([&world, client] { RunClient(world, client); });
  threads.emplace_back([&world] { RunTrouble(world); });
  WatchUntilTheEnd(world);
  world.is_over = true;
  for (Thread& thread : threads) thread.join();
  for (const auto& node : world.nodes) node->Give(Node::Order::kEnd);
  for (const auto& node : world.nodes) node->Join();
  SimulationOutcome outcome = std::move(world.outcome);
  const auto& violations = world.invariants.violations();
  outcome.violations.insert(outcome.violations.end(), violations.begin(), violations.end());
  outcome.switches = world.turns.switches();
  for (auto& node : world.nodes) node.reset();
  return outcome;
}

}  // namespace tarn::replication
