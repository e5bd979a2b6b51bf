#include "http/api/followers.h"

namespace tarn::http {

std::unique_ptr<Followers::Place> Followers::Enter() {
  MutexLock lock(mutex_);
  if (places_.size() >= most_) return nullptr;
  auto place = std::make_unique<Place>(this);
  places_.emplace(place.get(), nullptr);
  return place;
}

void Followers::Attach(const Place* place, std::shared_ptr<StreamWaker> waker) {
  MutexLock lock(mutex_);
  places_.at(place) = std::move(waker);
}

void Followers::Leave(const Place* place) {
  MutexLock lock(mutex_);
  places_.erase(place);
}

void Followers::Notify() {
  MutexLock lock(mutex_);
  for (const auto& [place, waker] : places_) {
    if (waker != nullptr) waker->Wake();
  }
}

size_t Followers::count() const {
  MutexLock lock(mutex_);
  return places_.size();
}

}  // namespace tarn::http
