#include "replication/testing/simulated_node.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "replication/bootstrap.h"
#include "storage/base/check.h"

namespace tarn::replication::simulation {

PeerOptions Node::LeaderOptions() {
  PeerOptions options;
  options.url = "http://" + std::string(kNames[written_.leader]) + "/";
  options.secret = "a secret that all of them have";
  options.dial = [world = world_, from = index_, to = written_.leader] { return DialSimulated(world, from, to); };
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
        PrepareToFollow(directory_, LeaderOptions(), nullptr, nullptr, [this] { return is_stopping() || is_dead_; });
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

}  // namespace tarn::replication::simulation
