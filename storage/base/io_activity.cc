#include "storage/base/io_activity.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "storage/base/clock.h"

namespace tarn {
namespace {

// Written by the thread that has it, read by whoever asks.
struct alignas(64) Slot {
  std::atomic<bool> is_taken{false};
  std::atomic<uint64_t> began_ms{0};  // 0: nothing is running.
  std::atomic<IoKind> kind{IoKind::kNone};
  std::atomic<int> descriptor{-1};
};

constexpr size_t kSlots = 512;
std::array<Slot, kSlots> slots;

Slot* TakeSlot() {
  for (Slot& slot : slots) {
    bool expected = false;
    if (slot.is_taken.compare_exchange_strong(expected, true)) return &slot;
  }
  return nullptr;
}

// A thread's slot for its life; none when all are taken.
struct Claim {
  ~Claim() {
    if (slot != nullptr) slot->is_taken.store(false);
  }
  Slot* const slot = TakeSlot();
};

Slot* OwnSlot() {
  thread_local Claim claim;
  return claim.slot;
}

uint64_t NowMs() { return std::max<uint64_t>(SystemClock().MonotonicMs(), 1); }

bool Begin(IoKind kind, int descriptor) {
  Slot* const slot = OwnSlot();
  if (slot == nullptr || slot->began_ms.load(std::memory_order_relaxed) != 0) return false;
  slot->kind.store(kind, std::memory_order_relaxed);
  slot->descriptor.store(descriptor, std::memory_order_relaxed);
  slot->began_ms.store(NowMs(), std::memory_order_release);
  return true;
}

}  // namespace

std::string_view IoKindName(IoKind kind) {
  switch (kind) {
    case IoKind::kNone: break;
    case IoKind::kRead: return "read";
    case IoKind::kWrite: return "write";
    case IoKind::kSync: return "sync";
  }
  return "nothing";
}

IoScope::IoScope(IoKind kind, int descriptor) : is_seen_(Begin(kind, descriptor)) {}

IoScope::~IoScope() {
  if (is_seen_) OwnSlot()->began_ms.store(0, std::memory_order_release);
}

std::vector<IoOperation> RunningIo() {
  std::vector<IoOperation> running;
  const uint64_t now_ms = NowMs();
  for (const Slot& slot : slots) {
    const uint64_t began_ms = slot.began_ms.load(std::memory_order_acquire);
    if (began_ms == 0) continue;
    // The call may end and another begin meanwhile: then this is that one's kind with the former's age, once, and young.
    running.push_back({slot.kind.load(std::memory_order_relaxed), slot.descriptor.load(std::memory_order_relaxed),
                       now_ms - std::min(now_ms, began_ms)});
  }
  std::ranges::sort(running, std::ranges::greater(), &IoOperation::age_ms);
  return running;
}

}  // namespace tarn
