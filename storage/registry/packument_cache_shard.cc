#include "storage/registry/packument_cache_shard.h"

#include <algorithm>
#include <utility>

#include "storage/base/check.h"

namespace tarn::registry {
namespace {

size_t IndexOf(PackumentForm form) { return static_cast<size_t>(form); }

// Also of a flight that goes on, but has nowhere to land any more: nobody need wait for it.
void End(const FlightPtr& flight) {
  if (flight == nullptr) return;
  flight->is_over = true;
  flight->over.NotifyAll();
}

// Of a gzip body, without the chunks: they are the rope's.
uint64_t OwnBytes(const PackumentBody& gzip) {
  return sizeof(gzip) + gzip.buffers.capacity() * sizeof(SharedBytes) + gzip.buffers.front()->capacity() +
         gzip.buffers.back()->capacity();
}

}  // namespace

PackumentCacheShard::BodyPtr PackumentCacheShard::LookUp(const PackumentKey& key) {
  Entry* entry = FindEntry(key.package, key.base_url);
  if (entry == nullptr || entry->rope == nullptr || !entry->pending.empty()) return nullptr;
  const size_t form = IndexOf(key.form);
  if (key.coding == PackumentCoding::kIdentity) {
    if (entry->identity[form] == nullptr) return nullptr;
    Touch(entry, form);
    ++stats_.hits;
    return entry->identity[form];
  }
  Touch(entry, std::nullopt);
  if (entry->gzip[form] != nullptr) {
    ++stats_.hits;
    return entry->gzip[form];
  }
  ++stats_.assemblies;
  BodyPtr body = entry->rope->AssembleGzip(key.form);
  entry->gzip[form] = body;
  Recharge(entry);
  Evict();  // May drop the entry: not to be used from here on.
  return body;
}

PackumentCacheShard::Work PackumentCacheShard::Begin(const PackumentKey& key) {
  Entry* entry = FindEntry(key.package, key.base_url);
  if (entry == nullptr) entry = AddEntry(key);
  Work work;
  if (entry->rope_flight != nullptr) {
    work.wait_for = entry->rope_flight;
    return work;
  }
  const size_t form = IndexOf(key.form);
  if (entry->rope != nullptr && entry->pending.empty()) {
    CHECK(key.coding == PackumentCoding::kIdentity);  // LookUp makes the others.
    if (entry->identity_flights[form] != nullptr) {
      work.wait_for = entry->identity_flights[form];
      return work;
    }
    work.gzip = entry->gzip[form] ? entry->gzip[form] : entry->rope->AssembleGzip(key.form);
    work.identity_flight = entry->identity_flights[form] = std::make_shared<PackumentFlight>();
    return work;
  }
  work.rope_flight = entry->rope_flight = std::make_shared<PackumentFlight>();
  work.rope = std::move(entry->rope);
  entry->rope = nullptr;
  if (work.rope != nullptr) --stats_.ropes;
  work.changes = std::move(entry->pending);
  entry->pending.clear();
  if (entry->rope_use) uses_.erase(*entry->rope_use);
  entry->rope_use.reset();
  Recharge(entry);
  return work;
}

void PackumentCacheShard::BeginBuild(const PackumentKey& key, const FlightPtr& flight) {
  ++stats_.builds;
  Entry* entry = FindEntry(key.package, key.base_url);
  if (entry == nullptr || entry->rope_flight != flight) return;
  entry->pending.clear();
  Recharge(entry);
}

PackumentCacheShard::Landing PackumentCacheShard::LandRope(const PackumentKey& key, const FlightPtr& flight,
                                                           const RopePtr& rope, Work* next) {
  Entry* entry = FindEntry(key.package, key.base_url);
  if (entry == nullptr || entry->rope_flight != flight) {
    End(flight);
    return Landing::kTooLate;
  }
  if (!entry->pending.empty()) {
    next->changes = std::move(entry->pending);
    entry->pending.clear();
    return Landing::kMoreWork;
  }
  entry->rope = rope;
  ++stats_.ropes;
  entry->rope_flight = nullptr;
  End(flight);
  if (rope->SealNeeded()) unsealed_.insert(entry);

  const size_t form = IndexOf(key.form);
  ++stats_.assemblies;
  next->gzip = entry->gzip[form] = rope->AssembleGzip(key.form);
  if (key.coding == PackumentCoding::kIdentity) {
    next->identity_flight = entry->identity_flights[form] = std::make_shared<PackumentFlight>();
  }
  Touch(entry, std::nullopt);
  Recharge(entry);
  Evict();
  return Landing::kLanded;
}

void PackumentCacheShard::LandIdentity(const PackumentKey& key, const FlightPtr& flight, const BodyPtr& body) {
  End(flight);
  Entry* entry = FindEntry(key.package, key.base_url);
  const size_t form = IndexOf(key.form);
  if (entry == nullptr || entry->identity_flights[form] != flight) return;
  ++stats_.assemblies;
  entry->identity_flights[form] = nullptr;
  entry->identity[form] = body;
  stats_.bytes += body->length;
  Touch(entry, form);
  Evict();
}

void PackumentCacheShard::Crash(const PackumentKey& key, const FlightPtr& flight, const Status& status) {
  Entry* entry = FindEntry(key.package, key.base_url);
  if (entry != nullptr && (entry->rope_flight == flight || entry->identity_flights[IndexOf(key.form)] == flight)) {
    // With changes pending the failure may be out of date: those who wait shall try again.
    if (entry->pending.empty()) flight->status = status;
    Drop(entry);
  }
  End(flight);
}

void PackumentCacheShard::Invalidate(std::string_view package) {
  const auto found = packages_.find(package);
  if (found == packages_.end()) return;
  std::vector<Entry*> entries;
  for (const auto& entry : found->second) entries.push_back(entry.get());
  for (Entry* entry : entries) Drop(entry);
}

bool PackumentCacheShard::Accepts(const Entry& entry, const PendingChange& change) const {
  if (entry.pending.size() >= limits::kPackumentPendingChangesMax) return false;
  uint64_t bytes = change.bytes;
  for (const PendingChange& pending : entry.pending) bytes += pending.bytes;
  if (bytes > limits::kPackumentPendingBytesMax) return false;
  if (!entry.pending.empty()) return entry.pending.back().head->rev == change.previous_rev;
  // In flight: whether it continues the rope is seen when that lands.
  return entry.rope == nullptr || entry.rope->rev() == change.previous_rev;
}

void PackumentCacheShard::Apply(std::string_view package, const PendingChange& change) {
  const auto found = packages_.find(package);
  if (found == packages_.end()) return;
  std::vector<Entry*> entries;
  for (const auto& entry : found->second) entries.push_back(entry.get());
  bool is_accepted = false;
  for (Entry* entry : entries) {
    // A build may have looked at the store between the commit and this call.
    if (entry->rope != nullptr && entry->pending.empty() && entry->rope->rev() == change.head->rev) {
      continue;
    }
    if (!Accepts(*entry, change)) {
      Drop(entry);
      continue;
    }
    is_accepted = true;
    DropBodies(entry);
    entry->pending.push_back(change);
    Recharge(entry);
  }
  if (is_accepted) ++stats_.changes;
  Evict();
}

bool PackumentCacheShard::Holds(std::string_view package) const { return packages_.find(package) != packages_.end(); }

std::optional<PackumentCacheShard::SealTask> PackumentCacheShard::NextSeal() {
  while (!unsealed_.empty()) {
    Entry* entry = *unsealed_.begin();
    unsealed_.erase(unsealed_.begin());
    if (entry->rope == nullptr) continue;  // In flight; put back when it lands.
    std::optional<PackumentRope::SealJob> job = entry->rope->NextSeal();
    if (!job) continue;
    return SealTask{
        .package = entry->package, .base_url = entry->base_url, .rope = entry->rope, .job = std::move(*job)};
  }
  return std::nullopt;
}

void PackumentCacheShard::LandSeal(SealTask task) {
  Entry* entry = FindEntry(task.package, task.base_url);
  if (entry == nullptr || entry->rope != task.rope) return;
  if (entry->rope->Install(std::move(task.job))) {
    ++stats_.seals;
    for (BodyPtr& body : entry->gzip) {  // They hold the old chunk.
      if (body != nullptr) dropped_.bodies.push_back(std::move(body));
      body = nullptr;
    }
    Recharge(entry);
  }
  if (entry->rope->SealNeeded()) unsealed_.insert(entry);
}

PackumentCache::Stats PackumentCacheShard::stats() const { return stats_; }

PackumentCacheShard::Entry* PackumentCacheShard::FindEntry(std::string_view package, std::string_view base_url) {
  const auto found = packages_.find(package);
  if (found == packages_.end()) return nullptr;
  for (const auto& entry : found->second) {
    if (entry->base_url == base_url) return entry.get();
  }
  return nullptr;
}

PackumentCacheShard::Entry* PackumentCacheShard::AddEntry(const PackumentKey& key) {
  const auto found = packages_.find(key.package);
  if (found != packages_.end() && found->second.size() >= limits::kPackumentBaseUrlsMax) {
    Drop(found->second.front().get());
  }
  auto entry = std::make_unique<Entry>();
  entry->package = key.package;
  entry->base_url = key.base_url;
  Entries& entries = packages_[entry->package];
  entries.push_back(std::move(entry));
  return entries.back().get();
}

void PackumentCacheShard::Drop(Entry* entry) {
  DropBodies(entry);
  End(entry->rope_flight);
  if (entry->rope_use) uses_.erase(*entry->rope_use);
  if (entry->rope != nullptr) --stats_.ropes;
  stats_.bytes -= entry->charge;
  unsealed_.erase(entry);
  const auto found = packages_.find(entry->package);
  CHECK(found != packages_.end());
  Entries& entries = found->second;
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& other) { return other.get() == entry; });
  CHECK(at != entries.end());
  dropped_.entries.push_back(std::move(*at));
  entries.erase(at);
  if (entries.empty()) packages_.erase(found);
}

void PackumentCacheShard::DropBodies(Entry* entry) {
  for (size_t form = 0; form < entry->gzip.size(); ++form) {
    if (entry->gzip[form] != nullptr) dropped_.bodies.push_back(std::move(entry->gzip[form]));
    entry->gzip[form] = nullptr;
    End(entry->identity_flights[form]);
    entry->identity_flights[form] = nullptr;
    DropIdentity(entry, form);
  }
}

void PackumentCacheShard::DropIdentity(Entry* entry, size_t form) {
  if (entry->identity[form] == nullptr) return;
  stats_.bytes -= entry->identity[form]->length;
  dropped_.bodies.push_back(std::move(entry->identity[form]));
  entry->identity[form] = nullptr;
  uses_.erase(*entry->identity_uses[form]);
  entry->identity_uses[form].reset();
}

void PackumentCacheShard::Touch(Entry* entry, std::optional<size_t> identity_form) {
  if (identity_form) {
    MoveToFront({.entry = entry, .identity_form = identity_form}, &entry->identity_uses[*identity_form]);
  }
  MoveToFront({.entry = entry, .identity_form = std::nullopt}, &entry->rope_use);
}

void PackumentCacheShard::MoveToFront(Use use, std::optional<Uses::iterator>* place) {
  if (*place) {
    uses_.splice(uses_.begin(), uses_, **place);
  } else {
    uses_.push_front(use);
    *place = uses_.begin();
  }
}

void PackumentCacheShard::Recharge(Entry* entry) {
  uint64_t charge = sizeof(Entry) + entry->package.capacity() + entry->base_url.capacity();
  if (entry->rope != nullptr) charge += entry->rope->memory_bytes();
  for (const PendingChange& change : entry->pending) charge += change.bytes;
  for (const BodyPtr& body : entry->gzip) {
    if (body != nullptr) charge += OwnBytes(*body);
  }
  stats_.bytes += charge - entry->charge;
  entry->charge = charge;
}

void PackumentCacheShard::Evict() {
  while (stats_.bytes > bytes_max_ && !uses_.empty()) {
    const Use last = uses_.back();
    ++stats_.evictions;
    if (last.identity_form) {
      DropIdentity(last.entry, *last.identity_form);
    } else {
      Drop(last.entry);
    }
  }
}

}  // namespace tarn::registry
