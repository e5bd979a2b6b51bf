#include "storage/registry/guess_brake.h"

#include <algorithm>

namespace tarn::registry {
namespace {

// A NUL cannot be part of a user name, so the pair is unambiguous.
std::string PairOf(std::string_view user, const GuessSource& source) {
  std::string pair(user);
  pair += '\0';
  pair += source.text;
  return pair;
}

}  // namespace

GuessSource GuessSource::Of(const PeerAddress& address) {
  if (!address.ip) return {};
  // A household or office has a /64 of IPv6, and one address of it today is another tomorrow.
  const bool is_mapped_v4 =
      std::all_of(address.ip->begin(), address.ip->begin() + 10, [](uint8_t b) { return b == 0; });
  const size_t size = is_mapped_v4 ? 16 : 8;
  return {"address " + std::string(address.ip->begin(), address.ip->begin() + static_cast<ptrdiff_t>(size)), false};
}

GuessSource GuessSource::Of(const Principal& principal) {
  if (!principal.token) return {};
  return {"token " + std::string(principal.token->view()), true};
}

std::string GuessBrake::KeyOf(std::string_view user, const GuessSource& source) {
  std::string pair = PairOf(user, source);
  return source.is_proven || familiar_.contains(pair) ? pair : std::string(user);
}

uint64_t GuessBrake::SecondsToWait(std::string_view user, const GuessSource& source) {
  MutexLock lock(mutex_);
  const auto entry = failures_.find(KeyOf(user, source));
  const uint64_t now_ms = clock_->MonotonicMs();
  if (entry == failures_.end() || entry->second.blocked_until_ms <= now_ms) return 0;
  return (entry->second.blocked_until_ms - now_ms + 999) / 1000;
}

void GuessBrake::Note(std::string_view user, const GuessSource& source, Guess guess) {
  MutexLock lock(mutex_);
  const std::string key = KeyOf(user, source);
  if (guess == Guess::kRight) {
    failures_.erase(key);
    if (source.text.empty() || source.is_proven) return;
    if (familiar_.size() >= limits::kFamiliarSourcesMax) familiar_.clear();
    familiar_.insert(PairOf(user, source));
    return;
  }
  const uint64_t now_ms = clock_->MonotonicMs();
  if (failures_.size() >= limits::kLoginFailuresTrackedMax) {
    std::erase_if(failures_, [&](const auto& entry) { return entry.second.blocked_until_ms <= now_ms; });
    if (failures_.size() >= limits::kLoginFailuresTrackedMax) failures_.clear();
  }
  Failures& failures = failures_[key];
  ++failures.count;
  if (failures.count < limits::kLoginFailuresFree) return;
  const uint32_t doublings = std::min<uint32_t>(failures.count - limits::kLoginFailuresFree, 20);
  failures.blocked_until_ms = now_ms + std::min<uint64_t>(limits::kLoginDelayMsMin << doublings, delay_ms_max_);
}

}  // namespace tarn::registry
