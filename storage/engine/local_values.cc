#include "storage/engine/local_values.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/check.h"

namespace tarn::engine {
namespace {

// Takes fixed-size fields from the front of a payload whose whole size was checked before.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Integer() {
    return LoadLittleEndian<T>(Take(sizeof(T)).data());
  }
  template <typename T>
  T Digest() {
    T digest;
    const std::string_view bytes = Take(T::kSize);
    std::copy(bytes.begin(), bytes.end(), digest.mutable_bytes().begin());
    return digest;
  }

 private:
  std::string_view Take(size_t size) {
    CHECK(rest_.size() >= size);
    const std::string_view field = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return field;
  }
  std::string_view rest_;
};

constexpr size_t kAppliedStateBytes = 8 + 4 + 32 + 16 + 16;
constexpr size_t kLogEntryBytes = 8 + 8 + 32;
constexpr size_t kLocationBytes = 8 + 8 + 8 + 20;

Status CheckSize(std::string_view payload, size_t expected, std::string_view what) {
  if (payload.size() == expected) return OkStatus();
  return Corruption(std::string(what) + " of " + std::to_string(payload.size()) + " bytes, expected " +
                    std::to_string(expected));
}

}  // namespace

std::string EncodeAppliedState(const AppliedState& state) {
  std::string out;
  AppendLittleEndian(&out, state.lsn.value());
  AppendLittleEndian(&out, state.epoch.value());
  out += state.chain_hash.view();
  for (const uint64_t word : state.state_hash.words()) AppendLittleEndian(&out, word);
  AppendLittleEndian(&out, state.tail.segment.value());
  AppendLittleEndian(&out, state.tail.offset_bytes);
  return out;
}

Result<AppliedState> ParseAppliedState(std::string_view payload) {
  RETURN_IF_ERROR(CheckSize(payload, kAppliedStateBytes, "applied state"));
  FieldReader fields(payload);
  AppliedState state;
  state.lsn = Lsn(fields.Integer<uint64_t>());
  state.epoch = Epoch(fields.Integer<uint32_t>());
  state.chain_hash = fields.Digest<Sha256Digest>();
  std::array<uint64_t, 2> words;
  for (uint64_t& word : words) word = fields.Integer<uint64_t>();
  state.state_hash = StateHash(words);
  state.tail.segment = SegmentId(fields.Integer<uint64_t>());
  state.tail.offset_bytes = fields.Integer<uint64_t>();
  return state;
}

std::string EncodeFormat(uint32_t format) {
  std::string out;
  AppendLittleEndian(&out, format);
  return out;
}

Result<uint32_t> ParseFormat(std::string_view payload) {
  RETURN_IF_ERROR(CheckSize(payload, sizeof(uint32_t), "format"));
  return LoadLittleEndian<uint32_t>(payload.data());
}

std::string EncodeLogEntry(const LogEntry& entry) {
  std::string out;
  AppendLittleEndian(&out, entry.position.segment.value());
  AppendLittleEndian(&out, entry.position.offset_bytes);
  out += entry.chain_hash.view();
  return out;
}

Result<LogEntry> ParseLogEntry(std::string_view payload) {
  RETURN_IF_ERROR(CheckSize(payload, kLogEntryBytes, "log entry"));
  FieldReader fields(payload);
  LogEntry entry;
  entry.position.segment = SegmentId(fields.Integer<uint64_t>());
  entry.position.offset_bytes = fields.Integer<uint64_t>();
  entry.chain_hash = fields.Digest<Sha256Digest>();
  return entry;
}

std::string EncodeLocation(const Location& location) {
  std::string out;
  AppendLittleEndian(&out, location.segment.value());
  AppendLittleEndian(&out, location.payload_offset_bytes);
  AppendLittleEndian(&out, location.info.size_bytes);
  out += location.info.sha1.view();
  return out;
}

Result<Location> ParseLocation(const Digest& digest, std::string_view payload) {
  RETURN_IF_ERROR(CheckSize(payload, kLocationBytes, "location"));
  FieldReader fields(payload);
  Location location;
  location.segment = SegmentId(fields.Integer<uint64_t>());
  location.payload_offset_bytes = fields.Integer<uint64_t>();
  location.info.sha512 = digest;
  location.info.size_bytes = fields.Integer<uint64_t>();
  location.info.sha1 = fields.Digest<Sha1Digest>();
  return location;
}

}  // namespace tarn::engine
