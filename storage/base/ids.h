#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/result.h"

namespace tarn {

// A number that cannot be mistaken for another kind of number. Construction and value() are explicit.
template <typename Tag, typename Rep = uint64_t>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;
  constexpr StrongId Next() const { return StrongId(value_ + 1); }

 private:
  Rep value_ = 0;
};

// Our log sequence number: one per commit record, from 1, no gaps. 0 means "nothing yet".
using Lsn = StrongId<struct LsnTag>;
// Leadership generation; (epoch, LSN) orders everything. The first epoch is 1.
using Epoch = StrongId<struct EpochTag, uint32_t>;
// A segment file of this node. Never reused; local to the node.
using SegmentId = StrongId<struct SegmentIdTag>;

// Fixed-size bytes that name something by its content.
template <typename Tag, size_t kBytes>
class FixedBytes {
 public:
  static constexpr size_t kSize = kBytes;

  FixedBytes() = default;
  explicit FixedBytes(const std::array<uint8_t, kBytes>& bytes) : bytes_(bytes) {}
  // `bytes` must be exactly kSize long, otherwise kInvalidArgument.
  static Result<FixedBytes> FromBytes(std::string_view bytes) {
    if (bytes.size() != kBytes) {
      return InvalidArgument("digest of " + std::to_string(bytes.size()) + " bytes, expected " +
                             std::to_string(kBytes));
    }
    FixedBytes result;
    std::memcpy(result.bytes_.data(), bytes.data(), kBytes);
    return result;
  }

  const std::array<uint8_t, kBytes>& bytes() const { return bytes_; }
  std::array<uint8_t, kBytes>& mutable_bytes() { return bytes_; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  auto operator<=>(const FixedBytes&) const = default;

 private:
  std::array<uint8_t, kBytes> bytes_{};
};

// SHA-512 of a blob: its address, and npm's `integrity`.
using Digest = FixedBytes<struct DigestTag, 64>;
// SHA-1 of a blob: npm's legacy `shasum`, an alias only.
using Sha1Digest = FixedBytes<struct Sha1Tag, 20>;
// SHA-256: chain hashes and hashed tokens.
using Sha256Digest = FixedBytes<struct Sha256Tag, 32>;

// Digests are uniformly distributed already: the first eight bytes are the hash.
struct DigestHash {
  size_t operator()(const Digest& digest) const {
    size_t h;
    std::memcpy(&h, digest.bytes().data(), sizeof(h));
    return h;
  }
};

}  // namespace tarn
