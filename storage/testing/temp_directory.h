#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "storage/base/check.h"

namespace tarn {

// A new folder under the machine's temporary folder; removed with everything in it. Fresh for each object, never
// inside another one.
class TempDirectory {
 public:
  TempDirectory() {
    path_ = (std::filesystem::temp_directory_path() / "tarn-test-XXXXXX").string();
    CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~TempDirectory() {
    std::error_code error;  // Leaves what it cannot remove; a test must not fail for that.
    std::filesystem::remove_all(path_, error);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace tarn
