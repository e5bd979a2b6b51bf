#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace tarn::http {

// Bytes received and not yet dealt with. What view() points to stays where it is through Consume and Commit, and moves only
// in MakeRoom and Append, which are for the time between requests or before a head is complete.
class InputBuffer {
 public:
  explicit InputBuffer(size_t capacity) : capacity_(capacity), data_(new char[capacity]) {}

  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  size_t capacity() const { return capacity_; }

  std::span<char> free() { return {data_.get() + end_, capacity_ - end_}; }
  void Commit(size_t bytes) { end_ += bytes; }
  void Consume(size_t bytes) { begin_ += bytes; }
  void Clear() { begin_ = end_ = 0; }

  // At least `bytes` of free(): moves the content to the front, then grows.
  void MakeRoom(size_t bytes) {
    if (free().size() >= bytes) return;
    const size_t size = end_ - begin_;
    if (capacity_ - size >= bytes) {
      std::memmove(data_.get(), data_.get() + begin_, size);
    } else {
      capacity_ = std::max(2 * capacity_, size + bytes);
      std::unique_ptr<char[]> larger(new char[capacity_]);
      std::memcpy(larger.get(), data_.get() + begin_, size);
      data_ = std::move(larger);
    }
    begin_ = 0;
    end_ = size;
  }

  void Append(std::string_view bytes) {
    MakeRoom(bytes.size());
    std::memcpy(data_.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }

 private:
  size_t capacity_;
  std::unique_ptr<char[]> data_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace tarn::http
