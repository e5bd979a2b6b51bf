#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::http {

class BodyStream;

// Counts the answers of status 200 to GET that were sent whole. Owners: whoever reads it, and each answer on its way.
using SentCounter = std::atomic<uint64_t>;

// Bytes that someone else owns. The owners are a cache and every answer that is being sent: the last one frees them.
struct SharedBytes {
  std::shared_ptr<const void> owner;
  std::string_view bytes;
};
// The usual case: owns `text`.
SharedBytes ShareString(std::string text);

// A part of a file, sent by sendfile. `owner` keeps the descriptor open; its offset is not used, so any number of answers
// may share it.
struct FileRange {
  std::shared_ptr<const void> owner;
  int fd = -1;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// One answer. The connection adds what is its own: Date, X-Request-Id, Connection, and Content-Length unless the head was
// prepared. It sends no body to HEAD, 204 and 304, so handlers treat HEAD as GET.
//
// Either set_status + AddHeader, or UsePreparedHead; then at most one kind of body.
// Threads: as a value; movable only.
class Response {
 public:
  enum class BodyType : uint8_t { kNone, kText, kShared, kFile, kStream };

  Response();
  ~Response();
  Response(Response&&) noexcept;
  Response& operator=(Response&&) noexcept;
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;

  // As new, but keeps its memory.
  void Clear();

  // --- head ---
  void set_status(uint16_t status) { status_ = status; }
  uint16_t status() const { return status_; }
  // Names in lower case by convention. Control bytes in the value are sent as spaces, so no value can split the answer.
  // Never Date, X-Request-Id, Connection, Content-Length or Transfer-Encoding.
  void AddHeader(std::string_view name, std::string_view value);
  // A head made once by SerializeHead for an answer that is sent many times: status line, fields, Content-Length, without the
  // final empty line. Fields added by AddHeader follow it. `head.bytes` must match the body that is set.
  void UsePreparedHead(uint16_t status, SharedBytes head);

  // --- body ---
  void SetBody(std::string body);
  // Several pieces are sent one after the other.
  void AddSharedBody(SharedBytes piece);
  void SetFileBody(FileRange range);
  // Of unknown length: body_stream.h. Not with a prepared head.
  void SetStreamBody(std::unique_ptr<BodyStream> stream);

  void CountWhenSent(std::shared_ptr<SentCounter> counter) { sent_counter_ = std::move(counter); }
  SentCounter* sent_counter() const { return sent_counter_.get(); }

  // The connection ends after this answer ("connection: close").
  void set_close_connection() { close_connection_ = true; }
  bool close_connection() const { return close_connection_; }
  // Handed back in RequestSummary, for the handler's own counters.
  void set_metrics_class(uint8_t value) { metrics_class_ = value; }
  uint8_t metrics_class() const { return metrics_class_; }

  // --- for the connection and for tests ---
  std::string_view prepared_head() const { return prepared_head_.bytes; }
  std::string_view header_lines() const { return header_lines_; }  // "name: value\r\n"…
  // Value of a header added by AddHeader, or in the prepared head; name in lower case. Empty if absent.
  std::string_view FindHeader(std::string_view name) const;
  BodyType body_type() const { return body_type_; }
  uint64_t body_bytes() const { return body_bytes_; }
  std::string_view text() const { return text_; }
  const std::vector<SharedBytes>& shared_pieces() const { return shared_; }
  const FileRange& file() const { return file_; }
  BodyStream* stream() const { return stream_.get(); }
  // The stream is of no more use: it lets go of what it holds.
  void DropStream();

 private:
  uint16_t status_ = 200;
  BodyType body_type_ = BodyType::kNone;
  bool close_connection_ = false;
  uint8_t metrics_class_ = 0;
  uint64_t body_bytes_ = 0;
  SharedBytes prepared_head_;
  std::string header_lines_;
  std::string text_;
  std::vector<SharedBytes> shared_;
  FileRange file_;
  std::unique_ptr<BodyStream> stream_;
  std::shared_ptr<SentCounter> sent_counter_;
};

// "HTTP/1.1 200 OK\r\n", the fields, "content-length: …\r\n": what UsePreparedHead takes.
std::string SerializeHead(const Response& response);
void AppendHead(const Response& response, std::string* out);

// False for 1xx, 204 and 304, which have neither a body nor a Content-Length.
constexpr bool MayHaveBody(uint16_t status) { return status >= 200 && status != 204 && status != 304; }

// "OK", "Not Found"; "Unknown" for a code that has no registered phrase.
std::string_view ReasonPhrase(uint16_t status);

}  // namespace tarn::http
