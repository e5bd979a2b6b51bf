#include "storage/registry/packument_updates.h"

#include <utility>

namespace tarn::registry {

PackumentUpdates::Announcement::Announcement(Announcement&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), rev_(std::move(other.rev_)) {}

PackumentUpdates::Announcement& PackumentUpdates::Announcement::operator=(Announcement&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(rev_, other.rev_);
  return *this;
}

PackumentUpdates::Announcement::~Announcement() {
  if (owner_ != nullptr) static_cast<void>(owner_->Take(rev_));  // Gone already when the commit succeeded.
}

PackumentUpdates::Announcement PackumentUpdates::Announce(Update update) {
  Announcement announcement;
  announcement.owner_ = this;
  announcement.rev_ = update.head.rev;
  MutexLock lock(mutex_);
  announced_.insert_or_assign(announcement.rev_, std::move(update));
  return announcement;
}

std::optional<PackumentUpdates::Update> PackumentUpdates::Take(const std::string& rev) {
  MutexLock lock(mutex_);
  auto node = announced_.extract(rev);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

void PackumentUpdates::Applied(std::string_view package, const std::string& rev) {
  const std::optional<Update> update = Take(rev);
  if (!update || update->head.name != package) {
    cache_->Invalidate(package);
  } else if (update->added) {
    cache_->ApplyPublish(package, update->previous_rev, *update->added, update->head);
  } else {
    cache_->ApplyHead(package, update->previous_rev, update->head);
  }
}

}  // namespace tarn::registry
