#pragma once

#include <cstdint>
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
inline constexpr std::string_view kBehindHeader = "tarn-behind-bytes";  // In the answer to an acknowledgement.

// How a node reaches another one.
struct PeerOptions {
  std::string url;     // Its registry URL.
  std::string secret;  // What both know.
  std::string ca_file;
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
  // A small document; `path` after the prefix.
  Result<std::string> Get(const std::string& path);
  Result<std::string> Post(const std::string& path, const std::string& body, uint64_t timeout_ms = kSmallRequestMs);
  void Cancel() { client_.Cancel(); }

 private:
  HttpRequest MakeRequest(std::string method, const std::string& path) const;
  Result<HttpAnswer> Send(const HttpRequest& request);

  const PeerOptions options_;
  HttpClient client_;
};

// Reads the secret that all nodes of a cluster have, from a file: its first line. kInvalidArgument: too short.
Result<std::string> ReadSecretFile(const std::string& path);

// "lsn=12&chain=…": kInvalidArgument for anything else.
std::string FormatHead(const engine::JournalHead& head);

}  // namespace tarn::replication
