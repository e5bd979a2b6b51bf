#include "replication/frame.h"

#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/checksum.h"
#include "storage/base/replication_limits.h"

namespace tarn::replication {
namespace {

// Sent since protocol 1: never renumbered.
enum class FrameType : uint8_t { kHello = 1, kRecord = 2, kCommit = 3, kHeartbeat = 4, kRefused = 5, kAck = 6 };
constexpr uint8_t kFrameVersion = 1;
// length of the body[4] type[1] version[1] zero[2] xxh3-64 of the eight bytes before and the body[8]
constexpr size_t kHeaderBytes = 16;

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}
  template <typename T>
  void Number(T value) {
    AppendLittleEndian(out_, value);
  }
  void Text(std::string_view text) {
    Number(static_cast<uint16_t>(text.size()));
    out_->append(text);
  }
  template <typename Bytes>
  void Fixed(const Bytes& bytes) {
    out_->append(bytes.view());
  }
  void Hash(const std::array<uint64_t, 2>& hash) {
    Number(hash[0]);
    Number(hash[1]);
  }
  void Head(const engine::VisibleHead& head) {
    Number(head.lsn.value());
    Number(head.epoch.value());
    Fixed(head.chain_hash);
    Hash(head.state_hash);
  }
  void Rest(std::string_view bytes) { out_->append(bytes); }

 private:
  std::string* const out_;
};

// Reads fields one after the other; after the first that is not there everything is zero, and Done says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T Number() {
    const std::string_view raw = Take(sizeof(T));
    return raw.empty() ? T{} : LoadLittleEndian<T>(raw.data());
  }
  std::string Text(size_t bytes_max) {
    const size_t size = Number<uint16_t>();
    if (size > bytes_max) is_good_ = false;
    return std::string(Take(size));
  }
  template <typename Bytes>
  Bytes Fixed() {
    const auto bytes = Bytes::FromBytes(Take(Bytes::kSize));
    return bytes.ok() ? *bytes : Bytes();
  }
  std::array<uint64_t, 2> Hash() {
    const auto low = Number<uint64_t>();
    return {low, Number<uint64_t>()};
  }
  engine::VisibleHead Head() {
    engine::VisibleHead head;
    head.lsn = Lsn(Number<uint64_t>());
    head.epoch = Epoch(Number<uint32_t>());
    head.chain_hash = Fixed<Sha256Digest>();
    head.state_hash = Hash();
    return head;
  }
  std::string Rest() { return std::string(std::exchange(bytes_, {})); }
  bool Done() const { return is_good_ && bytes_.empty(); }

 private:
  std::string_view Take(size_t size) {
    if (!is_good_ || size > bytes_.size()) {
      is_good_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view bytes_;
  bool is_good_ = true;
};

std::string_view Cut(std::string_view text, size_t bytes_max) { return text.substr(0, bytes_max); }

FrameType Write(const Hello& hello, Writer out) {
  out.Number(hello.protocol);
  out.Number(hello.log_format);
  out.Text(Cut(hello.node_id, limits::kNodeIdBytesMax));
  out.Head(hello.committed);
  return FrameType::kHello;
}
FrameType Write(const engine::RawRecord& record, Writer out) {
  out.Number(record.lsn.value());
  out.Number(record.epoch.value());
  out.Number(record.time_ms);
  out.Fixed(record.previous_chain_hash);
  out.Fixed(record.chain_hash);
  out.Rest(record.payload);
  return FrameType::kRecord;
}
FrameType Write(const Commit& commit, Writer out) {
  out.Head(commit.head);
  return FrameType::kCommit;
}
FrameType Write(const Heartbeat& heartbeat, Writer out) {
  out.Number(heartbeat.journaled.value());
  out.Number(heartbeat.committed.value());
  out.Number(heartbeat.time_ms);
  out.Number(static_cast<uint8_t>(heartbeat.is_in_sync));
  return FrameType::kHeartbeat;
}
FrameType Write(const Refused& refused, Writer out) {
  out.Number(static_cast<uint8_t>(refused.why));
  out.Text(Cut(refused.text, limits::kReplicationTextBytesMax));
  return FrameType::kRefused;
}
FrameType Write(const Ack& ack, Writer out) {
  out.Text(Cut(ack.node_id, limits::kNodeIdBytesMax));
  out.Text(Cut(ack.url, limits::kReplicationTextBytesMax));
  out.Number(ack.epoch.value());
  out.Number(ack.durable.value());
  out.Number(ack.applied.value());
  out.Hash(ack.state_hash);
  out.Text(Cut(ack.error, limits::kReplicationTextBytesMax));
  return FrameType::kAck;
}

Hello ReadHello(Reader* in) {
  Hello hello;
  hello.protocol = in->Number<uint32_t>();
  hello.log_format = in->Number<uint32_t>();
  hello.node_id = in->Text(limits::kNodeIdBytesMax);
  hello.committed = in->Head();
  return hello;
}
engine::RawRecord ReadRecord(Reader* in) {
  engine::RawRecord record;
  record.lsn = Lsn(in->Number<uint64_t>());
  record.epoch = Epoch(in->Number<uint32_t>());
  record.time_ms = in->Number<uint64_t>();
  record.previous_chain_hash = in->Fixed<Sha256Digest>();
  record.chain_hash = in->Fixed<Sha256Digest>();
  record.payload = in->Rest();
  return record;
}
Heartbeat ReadHeartbeat(Reader* in) {
  Heartbeat heartbeat;
  heartbeat.journaled = Lsn(in->Number<uint64_t>());
  heartbeat.committed = Lsn(in->Number<uint64_t>());
  heartbeat.time_ms = in->Number<uint64_t>();
  heartbeat.is_in_sync = in->Number<uint8_t>() != 0;
  return heartbeat;
}
Refused ReadRefused(Reader* in) {
  Refused refused;
  const auto why = in->Number<uint8_t>();
  const bool is_known = why >= 1 && why <= static_cast<uint8_t>(Refused::Why::kOther);
  refused.why = is_known ? static_cast<Refused::Why>(why) : Refused::Why::kOther;
  refused.text = in->Text(limits::kReplicationTextBytesMax);
  return refused;
}
Ack ReadAck(Reader* in) {
  Ack ack;
  ack.node_id = in->Text(limits::kNodeIdBytesMax);
  ack.url = in->Text(limits::kReplicationTextBytesMax);
  ack.epoch = Epoch(in->Number<uint32_t>());
  ack.durable = Lsn(in->Number<uint64_t>());
  ack.applied = Lsn(in->Number<uint64_t>());
  ack.state_hash = in->Hash();
  ack.error = in->Text(limits::kReplicationTextBytesMax);
  return ack;
}

Result<Frame> ParseBody(FrameType type, std::string_view body) {
  Reader in(body);
  Frame frame;
  switch (type) {
    case FrameType::kHello: frame = ReadHello(&in); break;
    case FrameType::kRecord: frame = ReadRecord(&in); break;
    case FrameType::kCommit: frame = Commit{in.Head()}; break;
    case FrameType::kHeartbeat: frame = ReadHeartbeat(&in); break;
    case FrameType::kRefused: frame = ReadRefused(&in); break;
    case FrameType::kAck: frame = ReadAck(&in); break;
    default: return Corruption("replication: frame of unknown type " + std::to_string(static_cast<int>(type)));
  }
  if (!in.Done()) return Corruption("replication: a frame has another length than its fields");
  return frame;
}

}  // namespace

void AppendFrame(const Frame& frame, std::string* out) {
  const size_t begin = out->size();
  out->append(kHeaderBytes, '\0');
  const FrameType type = std::visit([out](const auto& value) { return Write(value, Writer(out)); }, frame);
  char* const header = out->data() + begin;
  const size_t body_bytes = out->size() - begin - kHeaderBytes;
  StoreLittleEndian(header, static_cast<uint32_t>(body_bytes));
  header[4] = static_cast<char>(type);
  header[5] = static_cast<char>(kFrameVersion);
  Checksum64Stream sum;
  sum.Update({header, 8});
  sum.Update({header + kHeaderBytes, body_bytes});
  StoreLittleEndian(header + 8, sum.Sum());
}

void FrameReader::Push(std::string_view bytes) {
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_.append(bytes);
}

Result<std::optional<Frame>> FrameReader::Next() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  if (rest.size() < kHeaderBytes) return std::optional<Frame>();
  const auto body_bytes = LoadLittleEndian<uint32_t>(rest.data());
  const auto type = static_cast<FrameType>(rest[4]);
  const auto version = static_cast<uint8_t>(rest[5]);
  if (body_bytes > limits::kFrameBytesMax) {
    return Corruption("replication: a frame claims " + std::to_string(body_bytes) + " bytes");
  }
  if (version > kFrameVersion) {
    return FailedPrecondition("replication: a frame of version " + std::to_string(version) +
                              ", this program knows version " + std::to_string(kFrameVersion) + "; upgrade it");
  }
  if (rest.size() - kHeaderBytes < body_bytes) return std::optional<Frame>();
  Checksum64Stream sum;
  sum.Update(rest.substr(0, 8));
  sum.Update(rest.substr(kHeaderBytes, body_bytes));
  if (sum.Sum() != LoadLittleEndian<uint64_t>(rest.data() + 8)) {
    return Corruption("replication: a frame was damaged on its way");
  }
  ASSIGN_OR_RETURN(Frame frame, ParseBody(type, rest.substr(kHeaderBytes, body_bytes)));
  at_ += kHeaderBytes + body_bytes;
  return std::optional<Frame>(std::move(frame));
}

}  // namespace tarn::replication
