#include "replication/peer_client.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/file_system.h"
#include "storage/base/replication_limits.h"

namespace tarn::replication {
namespace {

constexpr uint64_t kProposalIdleMs = 60'000;              // Its commit waits for the followers of the other side.
constexpr uint64_t kListingBytesMax = 64 * limits::kMiB;  // A line of 40 bytes for each segment.

Status FromAnswer(const HttpAnswer& answer) {
  if (answer.status >= 200 && answer.status < 300) return OkStatus();
  const std::string text = "the other node answered " + std::to_string(answer.status) + ": " +
                           answer.body.substr(0, limits::kReplicationTextBytesMax);
  switch (answer.status) {
    case 401: return Unauthenticated(text);
    case 404: return NotFound(text);
    case 409: return FailedPrecondition(text);
    case 412: return Conflict(text);
    case 422: return Corruption(text);
    default: return Unavailable(text);
  }
}

// Passes bytes on once it is sure that they are what was asked for.
class CheckedSink final : public HttpBodySink {
 public:
  explicit CheckedSink(HttpBodySink& inner) : inner_(inner) {}
  Status Start(const HttpAnswer& head) override {
    if (head.status >= 200 && head.status < 300) return inner_.Start(head);
    is_refused_ = true;
    refusal_.status = head.status;
    return OkStatus();
  }
  Status Piece(std::string_view bytes) override {
    if (!is_refused_) return inner_.Piece(bytes);
    if (refusal_.body.size() < limits::kReplicationTextBytesMax) refusal_.body.append(bytes);
    return OkStatus();
  }
  Status refusal() const { return is_refused_ ? FromAnswer(refusal_) : OkStatus(); }
  int refused_with() const { return is_refused_ ? refusal_.status : 0; }

 private:
  HttpBodySink& inner_;
  bool is_refused_ = false;
  HttpAnswer refusal_;
};

class HttpLine final : public PeerLine {
 public:
  explicit HttpLine(const PeerOptions& options)
      : client_(HttpClient::Options{.user_agent = "tarn-replication", .tls = options.tls}) {}
  Result<HttpAnswer> Send(const HttpRequest& request) override { return client_.Send(request); }
  Result<HttpAnswer> Stream(const HttpRequest& request, HttpBodySink& sink) override {
    return client_.Stream(request, sink);
  }
  void Cancel() override { client_.Cancel(); }

 private:
  HttpClient client_;
};

std::unique_ptr<PeerLine> Dial(const PeerOptions& options) {
  return options.dial ? options.dial() : std::make_unique<HttpLine>(options);
}

Status StreamTo(PeerLine& client, const HttpRequest& request, HttpBodySink& sink) {
  CheckedSink checked(sink);
  RETURN_IF_ERROR(client.Stream(request, checked).status());
  return checked.refusal();
}

Result<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Unavailable("replication: \"" + std::string(text.substr(0, 40)) + "\" is no number");
  }
  return number;
}

std::string_view TakeWord(std::string_view* line) {
  const std::string_view word = line->substr(0, line->find(' '));
  line->remove_prefix(std::min(word.size() + 1, line->size()));
  return word;
}

}  // namespace

PeerClient::PeerClient(PeerOptions options) : options_(std::move(options)), line_(Dial(options_)) {}

HttpRequest PeerClient::MakeRequest(std::string method, const std::string& path) const {
  HttpRequest request;
  request.method = std::move(method);
  std::string base = options_.url;
  while (base.ends_with('/')) base.pop_back();
  request.url = base + std::string(kPathPrefix) + path;
  request.headers = {{"authorization", "Bearer " + options_.secret}};
  request.idle_timeout_ms = limits::kPeerSilentMs;
  return request;
}

Result<HttpAnswer> PeerClient::Send(const HttpRequest& request) {
  ASSIGN_OR_RETURN(HttpAnswer answer, line_->Send(request));
  RETURN_IF_ERROR(FromAnswer(answer));
  return answer;
}

std::string FormatHead(const engine::JournalHead& head) {
  return "lsn=" + std::to_string(head.lsn.value()) + "&chain=" + HexEncode(head.chain_hash.view());
}

Status PeerClient::StreamLog(const std::string& node_id, Epoch epoch, const engine::JournalHead& from,
                             HttpBodySink& sink) {
  HttpRequest request =
      MakeRequest("GET", "log?" + FormatHead(from) + "&node=" + node_id + "&epoch=" + std::to_string(epoch.value()) +
                             "&protocol=" + std::to_string(kProtocolVersion) + "&format=" + std::to_string(kLogFormat));
  request.body_bytes_max = UINT64_MAX;
  return StreamTo(*line_, request, sink);
}

Result<uint64_t> PeerClient::SendAck(const Ack& ack) {
  HttpRequest request = MakeRequest("POST", "ack");
  AppendFrame(ack, &request.body);
  request.total_timeout_ms = limits::kPeerSilentMs;
  ASSIGN_OR_RETURN(const HttpAnswer answer, Send(request));
  const std::string_view behind = answer.Header(kBehindHeader);
  return behind.empty() ? Result<uint64_t>(0) : ParseNumber(behind);
}

Status PeerClient::FetchBlob(const Digest& digest, HttpBodySink& sink) {
  HttpRequest request = MakeRequest("GET", "blob/" + HexEncode(digest.view()));
  request.body_bytes_max = UINT64_MAX;
  CheckedSink checked(sink);
  RETURN_IF_ERROR(line_->Stream(request, checked).status());
  if (checked.refused_with() == kCollectedHttpStatus) return NotFound("the blob has been collected");
  const Status refusal = checked.refusal();
  // That it is not there, and nothing says why, is the leader's damage.
  return refusal.code() == Code::kNotFound ? Unavailable(std::string(refusal.message())) : refusal;
}

Result<PeerClient::Segments> PeerClient::ListSegments() {
  HttpRequest request = MakeRequest("GET", "segments");
  request.body_bytes_max = kListingBytesMax;
  ASSIGN_OR_RETURN(const HttpAnswer answer, Send(request));
  Segments listing;
  std::string_view rest = answer.body;
  bool is_first = true;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    ASSIGN_OR_RETURN(const uint64_t first, ParseNumber(TakeWord(&line)));
    if (std::exchange(is_first, false)) {
      listing.lsn = Lsn(first);
      continue;
    }
    ASSIGN_OR_RETURN(const uint64_t size_bytes, ParseNumber(TakeWord(&line)));
    listing.segments.push_back({SegmentId(first), size_bytes});
  }
  if (is_first) return Unavailable("replication: the list of segments is empty");
  return listing;
}

Status PeerClient::FetchSegment(SegmentId id, uint64_t offset, uint64_t size_bytes, HttpBodySink& sink) {
  if (offset >= size_bytes) return OkStatus();
  HttpRequest request = MakeRequest("GET", "segment/" + std::to_string(id.value()) + "?from=" + std::to_string(offset) +
                                               "&to=" + std::to_string(size_bytes));
  request.body_bytes_max = UINT64_MAX;
  return StreamTo(*line_, request, sink);
}

Result<Sha256Digest> PeerClient::ChainHashAt(Lsn lsn) {
  ASSIGN_OR_RETURN(const std::string text, Get("chain?lsn=" + std::to_string(lsn.value())));
  ASSIGN_OR_RETURN(const std::string bytes, HexDecode(text.substr(0, text.find('\n'))));
  return Sha256Digest::FromBytes(bytes);
}

namespace {

constexpr size_t kPieceBytes = 256 * limits::kKiB;

// A proposal and its blobs, piece by piece.
class ProposalSource {
 public:
  ProposalSource(std::string head, const std::vector<engine::BlobReader>& blobs)
      : head_(std::move(head)), blobs_(blobs) {}
  uint64_t size_bytes() const {
    uint64_t bytes = head_.size();
    for (const engine::BlobReader& blob : blobs_) bytes += blob.info.size_bytes;
    return bytes;
  }
  Result<std::string_view> Next() {
    if (!std::exchange(is_begun_, true)) return std::string_view(head_);
    while (at_ < blobs_.size() && offset_ == blobs_[at_].info.size_bytes) {
      ++at_;
      offset_ = 0;
    }
    if (at_ == blobs_.size()) return std::string_view();
    const engine::BlobReader& blob = blobs_[at_];
    const uint64_t size = std::min<uint64_t>(kPieceBytes, blob.info.size_bytes - offset_);
    piece_.clear();
    RETURN_IF_ERROR(blob.file->ReadAt(blob.offset_bytes + offset_, size, &piece_));
    if (piece_.size() != size) return Corruption("a blob that ends early");
    offset_ += size;
    return std::string_view(piece_);
  }

 private:
  const std::string head_;
  const std::vector<engine::BlobReader>& blobs_;
  bool is_begun_ = false;
  size_t at_ = 0;
  uint64_t offset_ = 0;
  std::string piece_;
};

}  // namespace

Result<Lsn> PeerClient::Propose(const engine::Proposal& proposal, const std::vector<engine::BlobReader>& blobs) {
  ASSIGN_OR_RETURN(const std::string bytes, engine::EncodeProposal(proposal));
  std::string head;
  AppendLittleEndian(&head, uint64_t{bytes.size()});
  head += bytes;
  ProposalSource source(std::move(head), blobs);
  HttpRequest request = MakeRequest("POST", "commit");
  request.body_source = [&source] { return source.Next(); };
  request.body_bytes = source.size_bytes();
  request.idle_timeout_ms = kProposalIdleMs;
  ASSIGN_OR_RETURN(const HttpAnswer answer, Send(request));
  ASSIGN_OR_RETURN(const uint64_t lsn, ParseNumber(answer.body));
  return Lsn(lsn);
}

Result<std::string> PeerClient::Get(const std::string& path) {
  HttpRequest request = MakeRequest("GET", path);
  request.total_timeout_ms = kSmallRequestMs;
  ASSIGN_OR_RETURN(HttpAnswer answer, Send(request));
  return std::move(answer.body);
}

Result<std::string> PeerClient::Post(const std::string& path, const std::string& body, uint64_t timeout_ms) {
  HttpRequest request = MakeRequest("POST", path);
  request.body = body;
  request.total_timeout_ms = timeout_ms;
  request.idle_timeout_ms = timeout_ms;
  ASSIGN_OR_RETURN(HttpAnswer answer, Send(request));
  return std::move(answer.body);
}

Result<std::string> ReadSecretFile(const std::string& path) {
  const auto file = PosixFileSystem().OpenReadOnly(path);
  if (!file.ok()) return file.status().WithContext("the replication secret");
  std::string text;
  RETURN_IF_ERROR((*file)->ReadAt(0, limits::kReplicationTextBytesMax, &text));
  text.resize(std::min(text.size(), text.find_first_of("\r\n")));
  if (text.size() < limits::kReplicationSecretBytesMin) {
    return InvalidArgument(path + ": a replication secret has at least " +
                           std::to_string(limits::kReplicationSecretBytesMin) +
                           " characters on the first line; make one with: openssl rand -hex 32");
  }
  return text;
}

}  // namespace tarn::replication
