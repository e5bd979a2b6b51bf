#include "http/peer/peer_handler.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "http/api/api.h"
#include "http/api/error_response.h"
#include "http/net/body_stream.h"
#include "replication/proposal_intake.h"
#include "storage/base/bytes.h"
#include "storage/base/logging.h"
#include "storage/base/replication_limits.h"

namespace tarn::http {
namespace {

using replication::Frame;
using replication::FrameReader;
constexpr std::string_view kOperatorPrefix = "/-/operator/replication/";
constexpr uint64_t kAckBytesMax = 16 * limits::kKiB;

Response Text(std::string body) {
  Response response;
  response.AddHeader("content-type", "text/plain; charset=utf-8");
  response.AddHeader("cache-control", "no-store");
  response.SetBody(std::move(body));
  return response;
}

Response Json(std::string body) {
  Response response;
  response.AddHeader("content-type", "application/json");
  response.AddHeader("cache-control", "no-store");
  response.SetBody(std::move(body));
  return response;
}

// Value of a field of "a=b&c=d"; nothing here is percent-encoded.
std::string_view FieldOf(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=') {
      return pair.substr(name.size() + 1);
    }
  }
  return {};
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

Response BadRequest(std::string_view what) { return ErrorResponse(400, "replication: " + std::string(what)); }

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

Result<replication::FollowRequest> ParseFollowRequest(std::string_view query) {
  const auto lsn = ParseNumber<uint64_t>(FieldOf(query, "lsn"));
  const auto epoch = ParseNumber<uint32_t>(FieldOf(query, "epoch"));
  const auto protocol = ParseNumber<uint32_t>(FieldOf(query, "protocol"));
  const auto format = ParseNumber<uint32_t>(FieldOf(query, "format"));
  const std::string_view node = FieldOf(query, "node");
  if (!lsn || !epoch || !protocol || !format || node.empty() || node.size() > limits::kNodeIdBytesMax) {
    return InvalidArgument("log wants lsn, chain, node, epoch, protocol and format");
  }
  replication::FollowRequest request;
  ASSIGN_OR_RETURN(const std::string chain, HexDecode(FieldOf(query, "chain")));
  ASSIGN_OR_RETURN(request.head.chain_hash, Sha256Digest::FromBytes(chain));
  request.node_id = node;
  request.epoch = Epoch(*epoch);
  request.head.lsn = Lsn(*lsn);
  request.protocol = *protocol;
  request.log_format = *format;
  return request;
}

Task<Result<std::string>> ReadSmallBody(BodyReader* reader) {
  std::string body;
  reader->set_limit(kAckBytesMax);
  while (true) {
    const auto piece = co_await reader->Read();
    if (!piece.ok()) co_return piece.status();
    if (piece->empty()) co_return body;
    body.append(*piece);
  }
}

// "There is no such thing", or "I do not know you", may only mean that the news is on its way: a token that was made at the
// leader a moment ago, or an access that was granted there.
bool MayBeStale(const RequestHead& head, const Response& response) {
  if (response.status() == 404) return true;
  const bool is_refused = response.status() == 401 || response.status() == 403;
  return is_refused && !head.Get(KnownHeader::kAuthorization).empty();
}

Response CannotSay(const Status& why) {
  return ErrorResponse(
      503, "This region cannot say whether that exists: " + std::string(why.message()) + ". Try again in a moment.");
}

// As PeerClient tells them apart.
Response CommitRefused(const Status& why) {
  switch (why.code()) {
    case Code::kConflict: return ErrorResponse(412, why.message());
    case Code::kCorruption: return ErrorResponse(422, why.message());
    default: return ErrorResponse(why);
  }
}

// Between begin_write and end_write.
class WriteUnderWay {
 public:
  explicit WriteUnderWay(const std::function<void()>& end) : end_(end) {}
  ~WriteUnderWay() { end_(); }
  WriteUnderWay(const WriteUnderWay&) = delete;
  WriteUnderWay& operator=(const WriteUnderWay&) = delete;

 private:
  const std::function<void()>& end_;
};

// A follower's stream: one call on a reading thread for each piece, none while there is nothing to say.
class LogStream final : public BodyStream {
 public:
  LogStream(replication::Leader* leader, replication::FollowRequest request, Executor* executor)
      : leader_(leader), session_(leader, std::move(request)), executor_(executor) {}
  ~LogStream() override {
    if (waker_id_ != 0) leader_->RemoveWaker(waker_id_);
  }
  void Start(std::shared_ptr<StreamWaker> waker) override {
    waker_id_ = leader_->AddWaker([waker = std::move(waker)] { waker->Wake(); });
  }
  Task<StreamStep> Next(Mode mode) override {
    if (mode == Mode::kFinish || is_over_) co_return StreamStep::End();
    auto work = [this] { return session_.Next(); };
    auto step = co_await executor_->Run(WorkClass::kIo, std::move(work));
    if (step.code() == Code::kResourceExhausted) {
      co_return StreamStep::Wait(leader_->clock()->MonotonicMs() + limits::kHeartbeatMs);
    }
    if (!step.ok()) {
      Log(LogLevel::kError, "replication: the journal could not be sent", {{"why", step.status().ToString()}});
      co_return StreamStep::Broken();
    }
    is_over_ = step->is_over;
    if (!step->bytes.empty()) co_return StreamStep::Bytes(std::move(step->bytes));
    if (is_over_) co_return StreamStep::End();
    co_return StreamStep::Wait(step->wait_until_ms);
  }

 private:
  replication::Leader* const leader_;
  replication::LeaderSession session_;
  Executor* const executor_;
  uint64_t waker_id_ = 0;
  bool is_over_ = false;
};

// A blob that no entry names any more was collected: whoever follows will read so in a later record.
Response MissingBlob(engine::Store& store, const Digest& digest) {
  const auto view = store.NewReadView();
  if (!view.ok()) return ErrorResponse(view.status());
  const auto entry = (*view)->Get(engine::Family::kBlob, digest.view());
  if (!entry.ok()) return ErrorResponse(entry.status());
  if (entry->has_value()) return ErrorResponse(500, "The bytes of this blob are missing here.");
  return ErrorResponse(replication::kCollectedHttpStatus, "This blob has been collected.");
}

}  // namespace

PeerHandler::PeerHandler(Options options, Api& api, Executor& executor)
    : options_(std::move(options)), api_(api), executor_(executor) {}

bool PeerHandler::TryHandleFast(const RequestHead& head, const Peer& peer, Response* response) {
  if (head.target.find("write=true") != std::string_view::npos) return false;
  if (options_.follower != nullptr && !options_.follower->is_whole()) return false;
  return api_.TryHandleFast(head, peer, response);
}

void PeerHandler::MakeErrorResponse(uint16_t http_status, const Status& reason, Response* response) {
  api_.MakeErrorResponse(http_status, reason, response);
}

void PeerHandler::AppendLoggableTarget(const RequestHead& head, std::string* out) const {
  api_.AppendLoggableTarget(head, out);
}

void PeerHandler::OnRequestDone(const RequestSummary& summary) { api_.OnRequestDone(summary); }

bool PeerHandler::IsOurs(std::string_view shown) const {
  return !options_.secret.empty() && EqualInConstantTime(shown, options_.secret);
}

Task<Response> PeerHandler::Handle(Request request) {
  if (request.head.target.starts_with(replication::kPathPrefix)) co_return co_await ServePeer(request);
  if (request.peer.is_unix_socket && request.head.target.starts_with(kOperatorPrefix)) {
    co_return co_await ServeOperator(request);
  }
  co_return co_await ServeRegistry(request);
}

Task<Response> PeerHandler::ServeOperator(Request request) {
  const auto read = co_await ReadSmallBody(&request.body);
  if (!read.ok()) co_return ErrorResponse(read.status());
  const std::string& body = *read;
  const std::string_view path = request.head.target.substr(kOperatorPrefix.size());
  const bool is_post = request.head.method == Method::kPost;
  auto work = [&]() -> Response {
    if (!is_post && path == "status") return Json(options_.status_json());
    if (!is_post && path == "divergence") return Json(options_.divergence_json());
    Status done = NotFound("no such command");
    // The body is one word of the command line, not JSON: it has no other sender.
    if (is_post && path == "promote") done = options_.promote(body == "accept-loss");
    if (is_post && path == "demote") done = options_.demote(body);
    if (is_post && path == "reapply") {
      auto report = options_.reapply(body == "dry-run");
      if (report.ok()) return Json(*std::move(report));
      done = report.status();
    }
    return done.ok() ? Json("{\"ok\":true}\n")
                     : ErrorResponse(done.code() == Code::kNotFound ? 404 : 409, done.message());
  };
  auto response = co_await executor_.Run(WorkClass::kAdmin, std::move(work));
  if (!response.ok()) co_return ErrorResponse(response.status());
  co_return std::move(*response);
}

Task<Response> PeerHandler::ServeRegistry(Request request) {
  const bool is_read = request.head.method == Method::kGet || request.head.method == Method::kHead;
  if (options_.follower != nullptr) {
    if (api_.WantsLeader(request.head, request.peer)) co_return co_await options_.forwarder->Forward(request);
    // What is not whole is not served from: the leader answers until it is.
    const bool is_whole = options_.follower->is_whole() || request.peer.is_unix_socket;
    if (!is_whole && api_.ReadsStore(request.head, request.peer)) {
      co_return co_await options_.forwarder->Forward(request);
    }
    const Lsn before = options_.store->last_lsn();
    Response response = co_await api_.Handle(request);
    if (!is_read || !MayBeStale(request.head, response) || request.peer.is_unix_socket) co_return response;
    // The leader may know it: "no" is said only by a node that has everything the leader had after the question came.
    const Status caught_up = co_await options_.forwarder->CatchUp();
    if (!caught_up.ok()) co_return CannotSay(caught_up);
    // Nothing new has come: the answer stands, and a wrong password is not counted twice.
    if (options_.store->last_lsn() == before) co_return response;
    co_return co_await api_.Handle(request);
  }
  const std::string_view shown = request.head.Get("tarn-forwarded");
  Peer peer = request.peer;
  peer.is_trusted_proxy = !shown.empty() && IsOurs(shown);
  const Request seen{request.head, peer, request.body, request.id};
  if (!api_.WantsLeader(request.head, request.peer)) {
    Response response = co_await api_.Handle(seen);
    if (!MayBeStale(request.head, response) || request.peer.is_unix_socket) co_return response;
    // Asked behind the answer: a process that stood still may have been succeeded while it made it.
    const Status leads = options_.leader->MayAnswer();
    if (!leads.ok()) co_return CannotSay(leads);
    co_return response;
  }
  const Status begun = options_.begin_write();
  if (!begun.ok()) co_return ErrorResponse(begun);
  const WriteUnderWay under_way(options_.end_write);
  Response response = co_await api_.Handle(seen);
  if (!is_read) response.AddHeader("tarn-lsn", std::to_string(options_.store->last_lsn().value()));
  co_return response;
}

Task<Response> PeerHandler::ServePeer(Request request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view authorization = request.head.Get(KnownHeader::kAuthorization);
  if (!authorization.starts_with(kScheme) || !IsOurs(authorization.substr(kScheme.size()))) {
    co_return ErrorResponse(401, "The replication secret is wrong: all nodes of a cluster have the same one.");
  }
  std::string_view path = request.head.target.substr(replication::kPathPrefix.size());
  const std::string_view query = path.substr(std::min(path.find('?'), path.size()));
  path.remove_suffix(query.size());
  const std::string_view fields = query.empty() ? query : query.substr(1);
  if (request.head.method == Method::kPost && path == "ack") co_return co_await ServeAck(request);
  if (request.head.method == Method::kPost && path == "fence") co_return co_await ServeFence(request);
  if (request.head.method == Method::kPost && path == "hand-over") co_return co_await ServeHandOver(request);
  if (request.head.method == Method::kPost && path == "commit") co_return co_await ServeCommit(request);
  if (request.head.method == Method::kPost && path == "take-over") co_return co_await ServeTakeOver(request);
  if (request.head.method != Method::kGet) co_return ErrorResponse(405, "This path does not have that method.");
  if (path == "log") co_return ServeLog(fields);
  if (path == "lsn") co_return ServeLsn(fields);
  auto work = [this, path, fields] { return ServeRead(path, fields); };
  auto response = co_await executor_.Run(WorkClass::kIo, std::move(work));
  if (!response.ok()) co_return ErrorResponse(response.status());
  co_return std::move(*response);
}

// Whoever asks a leader says by it that something is not there.
Response PeerHandler::ServeLsn(std::string_view query) {
  const std::string lsn = std::to_string(options_.store->last_lsn().value());
  if (FieldOf(query, "of") != "leader") return Text(lsn);
  if (options_.leader == nullptr) return ErrorResponse(409, "This node does not lead.");
  const Status leads = options_.leader->MayAnswer();
  return leads.ok() ? Text(lsn) : ErrorResponse(503, leads.message());
}

Task<Response> PeerHandler::ServeAck(Request request) {
  FrameReader reader;
  request.body.set_limit(kAckBytesMax);
  while (true) {
    const auto piece = co_await request.body.Read();
    if (!piece.ok()) co_return ErrorResponse(piece.status());
    if (piece->empty()) break;
    reader.Push(*piece);
  }
  auto frame = reader.Next();
  if (!frame.ok()) co_return ErrorResponse(frame.status());
  const auto* ack = frame->has_value() ? std::get_if<replication::Ack>(&**frame) : nullptr;
  if (ack == nullptr || !reader.is_empty()) co_return BadRequest("one acknowledgement was expected");
  if (options_.leader == nullptr) co_return ErrorResponse(409, "This node does not lead.");
  const auto noted = options_.leader->Note(*ack);
  if (noted.code() == Code::kFailedPrecondition) co_return ErrorResponse(409, noted.status().message());
  if (!noted.ok()) co_return ErrorResponse(noted.status());
  Response response;
  response.set_status(204);
  response.AddHeader(replication::kBehindHeader, std::to_string(*noted));
  co_return response;
}

Task<Response> PeerHandler::ServeFence(Request request) {
  const auto body = co_await ReadSmallBody(&request.body);
  if (!body.ok()) co_return ErrorResponse(body.status());
  const auto epoch = ParseNumber<uint32_t>(*body);
  if (!epoch) co_return BadRequest("an epoch was expected");
  options_.fence(Epoch(*epoch));
  co_return Text("ok");
}

// As the operator's `tarn demote`, asked by the follower that is to lead.
Task<Response> PeerHandler::ServeHandOver(Request request) {
  const auto url = co_await ReadSmallBody(&request.body);
  if (!url.ok()) co_return ErrorResponse(url.status());
  auto work = [this, &url] { return options_.demote(*url); };
  const Status demoted = co_await executor_.Run(WorkClass::kAdmin, std::move(work));
  if (!demoted.ok()) co_return ErrorResponse(409, demoted.message());
  co_return Text("ok");
}

Task<Response> PeerHandler::ServeTakeOver(Request request) {
  const auto body = co_await ReadSmallBody(&request.body);
  if (!body.ok()) co_return ErrorResponse(body.status());
  const auto epoch = ParseNumber<uint32_t>(*body);
  if (!epoch) co_return BadRequest("an epoch was expected");
  if (options_.follower == nullptr || !options_.take_over) co_return ErrorResponse(409, "This node does not follow.");
  auto work = [this, epoch] { return options_.take_over(Epoch(*epoch)); };
  const Status taken = co_await executor_.Run(WorkClass::kAdmin, std::move(work));
  if (!taken.ok()) co_return ErrorResponse(409, taken.message());
  co_return Text("ok");
}

// What a node has decided from the state that both have, and only this one may write.
Task<Response> PeerHandler::ServeCommit(Request request) {
  if (options_.leader == nullptr) co_return ErrorResponse(409, "This node does not lead.");
  const Status begun = options_.begin_write();
  if (!begun.ok()) co_return ErrorResponse(begun);
  const WriteUnderWay under_way(options_.end_write);
  replication::ProposalIntake intake(options_.store);
  request.body.set_limit(UINT64_MAX);  // Its blobs go to disk as they come.
  while (true) {
    const auto piece = co_await request.body.Read();
    if (!piece.ok()) co_return ErrorResponse(piece.status());
    if (piece->empty()) break;
    auto consume = [&intake, &piece] { return intake.Consume(*piece); };
    const Status consumed = co_await executor_.Run(WorkClass::kWrite, std::move(consume));
    if (!consumed.ok()) co_return CommitRefused(consumed);
  }
  auto finish = [&intake] { return intake.Finish(); };
  const auto committed = co_await executor_.Run(WorkClass::kWrite, std::move(finish));
  if (!committed.ok()) co_return CommitRefused(committed.status());
  co_return Text(std::to_string(committed->lsn.value()));
}

Response PeerHandler::ServeLog(std::string_view query) {
  if (options_.leader == nullptr) return ErrorResponse(409, "This node does not lead.");
  auto request = ParseFollowRequest(query);
  if (!request.ok()) return BadRequest(request.status().message());
  Response response;
  response.AddHeader("content-type", "application/vnd.tarn.replication");
  response.AddHeader("cache-control", "no-store");
  response.SetStreamBody(std::make_unique<LogStream>(options_.leader, *std::move(request), &executor_));
  return response;
}

Response PeerHandler::ServeRead(std::string_view path, std::string_view query) {
  if (path == "segments") return ServeSegments();
  if (path == "chain") return ServeChain(query);
  if (path == "status") return Text(options_.status_json ? options_.status_json() : "{}");
  if (path.starts_with("blob/")) return ServeBlob(path.substr(5));
  if (path.starts_with("segment/")) return ServeSegment(path.substr(8), query);
  return ErrorResponse(404, "Not found");
}

Response PeerHandler::ServeBlob(std::string_view name) {
  const auto bytes = HexDecode(name);
  if (!bytes.ok()) return BadRequest(bytes.status().message());
  const auto digest = Digest::FromBytes(*bytes);
  if (!digest.ok()) return BadRequest(digest.status().message());
  auto reader = options_.store->shipping()->OpenBlob(*digest);
  if (reader.code() == Code::kNotFound) return MissingBlob(*options_.store, *digest);
  if (!reader.ok()) return ErrorResponse(reader.status());
  Response response;
  response.AddHeader("content-type", "application/octet-stream");
  const int descriptor = reader->descriptor();
  FileRange range;
  range.owner = reader->file;
  range.fd = descriptor;
  range.offset = reader->offset_bytes;
  range.length = reader->info.size_bytes;
  response.SetFileBody(std::move(range));
  return response;
}

Response PeerHandler::ServeSegments() {
  engine::Shipping& shipping = *options_.store->shipping();
  // The list first: it then has at least what the head says.
  const engine::JournalHead head = shipping.journaled();
  std::string body = std::to_string(head.lsn.value()) + "\n";
  for (const engine::SegmentListing& segment : shipping.ListSegments()) {
    body += std::to_string(segment.id.value()) + " " + std::to_string(segment.size_bytes) + "\n";
  }
  return Text(std::move(body));
}

Response PeerHandler::ServeSegment(std::string_view name, std::string_view query) {
  const auto id = ParseNumber<uint64_t>(name);
  const auto from = ParseNumber<uint64_t>(FieldOf(query, "from"));
  const auto to = ParseNumber<uint64_t>(FieldOf(query, "to"));
  if (!id || !from || !to || *from > *to) return BadRequest("segment wants from and to");
  auto file = options_.store->shipping()->OpenSegment(SegmentId(*id));
  if (!file.ok()) return ErrorResponse(file.status());
  const auto size = (*file)->Size();
  if (!size.ok()) return ErrorResponse(size.status());
  if (*to > *size) return BadRequest("the segment is shorter");
  Response response;
  response.AddHeader("content-type", "application/octet-stream");
  const int descriptor = (*file)->descriptor();
  FileRange range;
  range.owner = *file;
  range.fd = descriptor;
  range.offset = *from;
  range.length = *to - *from;
  response.SetFileBody(std::move(range));
  return response;
}

Response PeerHandler::ServeChain(std::string_view query) {
  const auto lsn = ParseNumber<uint64_t>(FieldOf(query, "lsn"));
  if (!lsn) return BadRequest("chain wants lsn");
  const auto record = options_.store->shipping()->ReadRaw(Lsn(*lsn));
  if (!record.ok()) return ErrorResponse(record.status());
  return Text(HexEncode(record->chain_hash.view()) + "\n");
}

}  // namespace tarn::http
