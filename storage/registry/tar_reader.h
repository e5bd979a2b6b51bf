#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/result.h"
#include "storage/registry/tarball_inspector.h"

namespace tarn::registry {

// The tar half of TarballInspector: the uncompressed archive, in pieces of any size.
// Errors and rules: tarball_inspector.h. Threads: one at a time.
class TarReader {
 public:
  explicit TarReader(const TarballInspector::Limits& limits) : limits_(limits) {}

  Status Append(std::string_view bytes);
  // Once, after the last byte.
  Result<TarballReport> Finish();

 private:
  static constexpr size_t kBlockBytes = 512;

  enum class State : uint8_t {
    kHeader,   // Collecting a header block.
    kBody,     // Within an entry's bytes.
    kPadding,  // Up to the next block.
    kEnd,      // After the end-of-archive mark.
  };
  // What becomes of the bytes of the current entry.
  enum class Body : uint8_t { kSkip, kPackageJson, kPax, kGlobalPax, kLongName, kLongLink };

  Status TakeHeader();
  bool ChecksumIsRight() const;
  Result<uint64_t> NumberField(size_t offset, size_t size, std::string_view what) const;
  std::string_view TextField(size_t offset, size_t size) const;
  std::string HeaderPath() const;
  Status BeginMeta(Body body, uint64_t size);
  Status BeginEntry(char type, uint64_t size);
  Status BeginFile(uint64_t size);
  void BeginBody(Body body, uint64_t size);
  Status EndBody();
  Status TakePax(bool is_global);
  Status TakePaxRecord(std::string_view key, std::string_view value, bool is_global);
  Status Bad(std::string_view what) const;

  const TarballInspector::Limits limits_;
  TarballReport report_;
  bool has_package_json_ = false;

  State state_ = State::kHeader;
  std::array<char, kBlockBytes> header_;
  size_t header_bytes_ = 0;  // Collected of it.
  uint64_t offset_ = 0;      // Bytes taken from the archive.
  bool saw_zero_block_ = false;

  Body body_ = Body::kSkip;
  uint64_t body_left_ = 0;
  size_t padding_left_ = 0;
  std::string path_;  // Of the current entry.
  std::string meta_;  // A pax header or long name: at most limits::kTarballMetaEntryBytesMax.
  // What meta entries say about the next entry.
  std::optional<std::string> next_path_;
  std::optional<uint64_t> next_size_;
};

}  // namespace tarn::registry
