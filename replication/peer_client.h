#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "replication/frame.h"
#include "storage/base/http_client.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/shipping.h"

namespace tarn::replication {

inline constexpr std::string_view kPathPrefix = "/-/replication/v1/";
inline constexpr uint64_t kSmallRequestMs = 10'000;
inline constexpr uint16_t kCollectedHttpStatus = 410;
inline constexpr std::string_view kBehindHeader = "tarn-behind-bytes";  // In the answer to an acknowledgement.

// What carries requests to the other node, one at a time; as HttpClient.
class PeerLine {
 public:
  virtual ~PeerLine() = default;
  virtual Result<HttpAnswer> Send(const HttpRequest& request) = 0;
  virtual Result<HttpAnswer> Stream(const HttpRequest& request, HttpBodySink& sink) = 0;
  virtual void Cancel() = 0;
};

// How a node reaches another one.
struct PeerOptions {
  std::string url;     // Its registry URL.
  std::string secret;  // What both know.
  TlsFiles tls = {};
  std::function<std::unique_ptr<PeerLine>()> dial = {};  // None: HTTP.
};

// The requests of PROTOCOL.md, one at a time. A refusal of the other side is a Status with its words.
// Threads: one at a time; Cancel from any. Blocks on the network.
class PeerClient {
 public:
  explicit PeerClient(PeerOptions options);

  // Streams the frames of `log`; the sink gets bytes.
  Status StreamLog(const std::string& node_id, Epoch epoch, const engine::JournalHead& from, HttpBodySink& sink);
  // Answers how many bytes of the journal the leader says are missing here.
  Result<uint64_t> SendAck(const Ack& ack);
  // kNotFound: a later record says that the blob is no more (PROTOCOL.md).
  Status FetchBlob(const Digest& digest, HttpBodySink& sink);
  struct Segments {
    std::vector<engine::SegmentListing> segments;
    Lsn lsn;
  };
  Result<Segments> ListSegments();
  // The bytes of a segment from `offset` to `size_bytes`.
  Status FetchSegment(SegmentId id, uint64_t offset, uint64_t size_bytes, HttpBodySink& sink);
  // The chain hash at an LSN; kNotFound when it has no such record.
  Result<Sha256Digest> ChainHashAt(Lsn lsn);
  // Asks a leader for a commit, and sends the bytes of its blobs along: `blobs` are those of the proposal, in its order. Answers
  // with its LSN. kConflict: the state is another one; kCorruption: the bytes are not what their digests say.
  Result<Lsn> Propose(const engine::Proposal& proposal, const std::vector<engine::BlobReader>& blobs);
  // A small document; `path` after the prefix.
  Result<std::string> Get(const std::string& path);
  Result<std::string> Post(const std::string& path, const std::string& body, uint64_t timeout_ms = kSmallRequestMs);
  void Cancel() { line_->Cancel(); }

 private:
  HttpRequest MakeRequest(std::string method, const std::string& path) const;
  Result<HttpAnswer> Send(const HttpRequest& request);

  const PeerOptions options_;
  const std::unique_ptr<PeerLine> line_;
};

// Reads the secret that all nodes of a cluster have, from a file: its first line. kInvalidArgument: too short.
Result<std::string> ReadSecretFile(const std::string& path);

// "lsn=12&chain=…": kInvalidArgument for anything else.
std::string FormatHead(const engine::JournalHead& head);

}  // namespace tarn::replication
