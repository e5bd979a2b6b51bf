#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "storage/base/file_system.h"

namespace tarn::couch_file {

// Bytes as a file, to be read.
class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}

  using File::WriteAt;
  Status WriteAt(uint64_t, std::span<const iovec>) override { return IoError("a file to be read"); }
  Status ReadAt(uint64_t offset, size_t size, std::string* out) const override {
    out->clear();
    if (offset < bytes_.size()) out->assign(bytes_, static_cast<size_t>(offset), size);
    return OkStatus();
  }
  Status Sync() override { return OkStatus(); }
  Status Truncate(uint64_t) override { return IoError("a file to be read"); }
  Result<uint64_t> Size() const override { return uint64_t{bytes_.size()}; }
  int descriptor() const override { return -1; }

 private:
  const std::string bytes_;
};

}  // namespace tarn::couch_file
