#include <charconv>
#include <string_view>

#include "replication/testing/simulated_node.h"
#include "storage/base/bytes.h"
#include "storage/base/check.h"

namespace tarn::replication::simulation {
namespace {

std::string_view FieldOf(std::string_view query, const std::string& name) {
  const size_t at = query.find(name + "=");
  if (at == std::string_view::npos) return {};
  query.remove_prefix(at + name.size() + 1);
  return query.substr(0, query.find('&'));
}

uint64_t NumberOf(std::string_view text) {
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

HttpAnswer Answer(const Status& status, std::string body) {
  HttpAnswer answer;
  answer.status = status.ok() ? 200 : status.code() == Code::kNotFound ? 404 : 409;
  if (status.code() == Code::kUnavailable || status.code() == Code::kIoError) answer.status = 503;
  answer.body = status.ok() ? std::move(body) : status.ToString();
  return answer;
}

// --- what a node answers: http/peer without the sockets ---

Result<std::string> ReadSegment(engine::Shipping& shipping, std::string_view path) {
  ASSIGN_OR_RETURN(const auto file, shipping.OpenSegment(SegmentId(NumberOf(path.substr(0, path.find('?'))))));
  const uint64_t from = NumberOf(FieldOf(path, "from"));
  std::string bytes;
  RETURN_IF_ERROR(file->ReadAt(from, NumberOf(FieldOf(path, "to")) - from, &bytes));
  return bytes;
}

Result<std::string> ReadBlobBytes(engine::Shipping& shipping, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string bytes, HexDecode(name));
  ASSIGN_OR_RETURN(const Digest digest, Digest::FromBytes(bytes));
  ASSIGN_OR_RETURN(const engine::BlobReader reader, shipping.OpenBlob(digest));
  std::string out;
  RETURN_IF_ERROR(reader.file->ReadAt(reader.offset_bytes, reader.info.size_bytes, &out));
  return out;
}

Result<std::string> ReadChain(engine::Shipping& shipping, Lsn lsn) {
  ASSIGN_OR_RETURN(const engine::RawRecord record, shipping.ReadRaw(lsn));
  return HexEncode(record.chain_hash.view()) + "\n";
}

std::string ListOf(engine::Shipping& shipping) {
  std::string body = std::to_string(shipping.journaled().lsn.value()) + "\n";
  for (const engine::SegmentListing& segment : shipping.ListSegments()) {
    body += std::to_string(segment.id.value()) + " " + std::to_string(segment.size_bytes) + "\n";
  }
  return body;
}

HttpAnswer TakeAck(World* world, Life* life, const std::string& body) {
  FrameReader reader;
  reader.Push(body);
  auto frame = reader.Next();
  CHECK(frame.ok() && frame->has_value());
  Ack ack = std::get<Ack>(**frame);
  if (world->options.acks_ahead && life->leader != nullptr && ack.durable < life->store->shipping()->journaled().lsn) {
    ack.durable = ack.durable.Next();
  }
  if (life->leader == nullptr) return Answer(FailedPrecondition("this node does not lead"), "");
  return Answer(life->leader->Note(ack).status(), "");
}

HttpAnswer Serve(World* world, Life* life, const HttpRequest& request, std::string_view path) {
  engine::Shipping& shipping = *life->store->shipping();
  if (path == "ack") return TakeAck(world, life, request.body);
  if (path == "segments") return Answer({}, ListOf(shipping));
  Result<std::string> read = NotFound("no such path");
  if (path.starts_with("segment/")) read = ReadSegment(shipping, path.substr(8));
  if (path.starts_with("blob/")) read = ReadBlobBytes(shipping, path.substr(5));
  if (path.starts_with("chain?")) read = ReadChain(shipping, Lsn(NumberOf(FieldOf(path, "lsn"))));
  return read.ok() ? Answer({}, *read) : Answer(read.status(), "");
}

// --- the network ---

class SimulatedLine final : public PeerLine {
 public:
  SimulatedLine(World* world, size_t from, size_t to) : world_(*world), from_(from), to_(to) {}
  void Cancel() override { is_cancelled_ = true; }

  Result<HttpAnswer> Send(const HttpRequest& request) override {
    RETURN_IF_ERROR(Travel());
    if (world_.Chance(60)) return Unavailable("the question was lost");
    const int times = world_.Chance(50) ? 2 : 1;  // Somebody on the way sends it again.
    Result<HttpAnswer> answer = Unavailable("connection refused");
    for (int i = 0; i < times; ++i) {
      const Node::Use use(world_.nodes[to_].get());
      if (use.life() != nullptr) answer = Serve(&world_, use.life(), request, PathOf(request));
    }
    RETURN_IF_ERROR(Travel());
    if (world_.Chance(60)) return Unavailable("the answer was lost");
    return answer;
  }

  Result<HttpAnswer> Stream(const HttpRequest& request, HttpBodySink& sink) override {
    const std::string path = PathOf(request);
    if (path.starts_with("log?")) return StreamLog(path, sink);
    ASSIGN_OR_RETURN(HttpAnswer answer, Send(request));
    const std::string body = std::exchange(answer.body, "");
    RETURN_IF_ERROR(sink.Start(answer));
    RETURN_IF_ERROR(Deliver(body, sink));
    return answer;
  }

 private:
  static std::string PathOf(const HttpRequest& request) {
    const size_t at = request.url.find(kPathPrefix);
    CHECK(at != std::string::npos);
    return request.url.substr(at + kPathPrefix.size());
  }
  Status MayGoOn() const {
    if (is_cancelled_) return Cancelled("cancelled");
    return world_.nodes[from_]->is_dead() ? Unavailable("no power") : OkStatus();
  }
  // A way through the network; where there is none, until somebody's patience is at its end.
  Status Travel() {
    world_.Delay();
    for (uint64_t waited_ms = 0; world_.IsCut(from_, to_); waited_ms += kTickMs) {
      RETURN_IF_ERROR(MayGoOn());
      if (waited_ms >= limits::kPeerSilentMs) return DeadlineExceeded("silence");
      world_.turns.SleepMs(kTickMs);
    }
    return MayGoOn();
  }
  // In pieces of any size; the connection may break anywhere.
  Status Deliver(std::string_view bytes, HttpBodySink& sink) {
    while (!bytes.empty()) {
      RETURN_IF_ERROR(Travel());
      const size_t size = world_.dice.Below(3) != 0 ? bytes.size() : 1 + world_.dice.Below(bytes.size());
      if (world_.Chance(100)) {
        (void)sink.Piece(bytes.substr(0, 1 + world_.dice.Below(size)));
        return Unavailable("connection reset");
      }
      RETURN_IF_ERROR(sink.Piece(bytes.substr(0, size)));
      bytes.remove_prefix(size);
    }
    return OkStatus();
  }

  Result<HttpAnswer> StreamLog(const std::string& path, HttpBodySink& sink) {
    RETURN_IF_ERROR(Travel());
    FollowRequest request;
    ASSIGN_OR_RETURN(const std::string chain, HexDecode(FieldOf(path, "chain")));
    ASSIGN_OR_RETURN(request.head.chain_hash, Sha256Digest::FromBytes(chain));
    request.head.lsn = Lsn(NumberOf(FieldOf(path, "lsn")));
    request.node_id = FieldOf(path, "node");
    request.epoch = Epoch(static_cast<uint32_t>(NumberOf(FieldOf(path, "epoch"))));
    request.protocol = static_cast<uint32_t>(NumberOf(FieldOf(path, "protocol")));
    request.log_format = static_cast<uint32_t>(NumberOf(FieldOf(path, "format")));
    HttpAnswer answer;
    answer.status = 200;
    std::unique_ptr<LeaderSession> session;
    const Leader* of = nullptr;
    while (true) {
      LeaderSession::Step step;
      {
        const Node::Use use(world_.nodes[to_].get());
        if (use.life() == nullptr) return Unavailable("connection reset");
        if (use.life()->leader == nullptr) return Answer(FailedPrecondition("this node does not lead"), "");
        if (session == nullptr) {
          of = use.life()->leader.get();
          session = std::make_unique<LeaderSession>(use.life()->leader.get(), request);
          RETURN_IF_ERROR(sink.Start(answer));
        }
        if (use.life()->leader.get() != of) return Unavailable("connection reset");
        ASSIGN_OR_RETURN(step, session->Next());
      }
      RETURN_IF_ERROR(Deliver(WithoutSkipped(step.bytes), sink));
      if (step.is_over) return answer;
      world_.turns.SleepMs(10);
      RETURN_IF_ERROR(MayGoOn());
    }
  }

  std::string WithoutSkipped(const std::string& bytes) const {
    if (world_.options.skip_record == 0) return bytes;
    FrameReader reader;
    reader.Push(bytes);
    std::string out;
    while (true) {
      auto frame = reader.Next();
      CHECK(frame.ok());
      if (!frame->has_value()) return out;
      const auto* record = std::get_if<engine::RawRecord>(&**frame);
      if (record == nullptr || record->lsn.value() != world_.options.skip_record) AppendFrame(**frame, &out);
    }
  }

  World& world_;
  const size_t from_;
  const size_t to_;
  bool is_cancelled_ = false;
};

}  // namespace

std::unique_ptr<PeerLine> DialSimulated(World* world, size_t from, size_t to) {
  return std::make_unique<SimulatedLine>(world, from, to);
}

}  // namespace tarn::replication::simulation
