#pragma once

#include <cstdint>

#include "storage/base/check.h"

namespace tarn::http {

class DeadlineList;

// One deadline of one owner, moved by a store. A core looks at all of its deadlines on a coarse tick: with one timer per
// connection each request would cost two changes of a timer heap (about 1.2 µs), so the timer is late by up to a tick
// instead. Threads: one core.
class Deadline {
 public:
  Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  virtual ~Deadline() { CHECK(list_ == nullptr); }

  // Monotonic milliseconds; replaces the one before.
  void Arm(uint64_t at_ms) { at_ms_ = at_ms; }
  void Disarm() { at_ms_ = UINT64_MAX; }
  uint64_t at_ms() const { return at_ms_; }

 protected:
  // Disarmed by now; may arm again. Must not destroy any Deadline of the same list.
  virtual void OnDeadline(uint64_t now_ms) = 0;

 private:
  friend class DeadlineList;

  uint64_t at_ms_ = UINT64_MAX;
  DeadlineList* list_ = nullptr;
  Deadline* next_ = nullptr;
  Deadline* previous_ = nullptr;
};

// The deadlines of one core. Holds no ownership.
class DeadlineList {
 public:
  DeadlineList() = default;
  DeadlineList(const DeadlineList&) = delete;
  DeadlineList& operator=(const DeadlineList&) = delete;
  ~DeadlineList() { CHECK(first_ == nullptr); }

  bool empty() const { return first_ == nullptr; }

  void Add(Deadline* deadline) {
    CHECK(deadline->list_ == nullptr);
    deadline->list_ = this;
    deadline->next_ = first_;
    deadline->previous_ = nullptr;
    if (first_ != nullptr) first_->previous_ = deadline;
    first_ = deadline;
  }

  void Remove(Deadline* deadline) {
    CHECK(deadline->list_ == this);
    (deadline->previous_ == nullptr ? first_ : deadline->previous_->next_) = deadline->next_;
    if (deadline->next_ != nullptr) deadline->next_->previous_ = deadline->previous_;
    deadline->list_ = nullptr;
  }

  void Expire(uint64_t now_ms) {
    for (Deadline* deadline = first_; deadline != nullptr; deadline = deadline->next_) {
      if (deadline->at_ms_ > now_ms) continue;
      deadline->Disarm();
      deadline->OnDeadline(now_ms);
    }
  }

 private:
  Deadline* first_ = nullptr;
};

}  // namespace tarn::http
