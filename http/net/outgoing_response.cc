#include "http/net/outgoing_response.h"

#include <algorithm>
#include <charconv>

#include "storage/base/check.h"

namespace tarn::http {

void OutgoingResponse::Add(std::string_view bytes) {
  if (bytes.empty()) return;
  pieces_.push_back({const_cast<char*>(bytes.data()), bytes.size()});  // iovec serves reading too, hence not const.
}

void OutgoingResponse::Start(const Response& response, std::string_view stamp, Body body) {
  pieces_.clear();
  first_ = 0;
  head_.clear();
  if (response.prepared_head().empty()) {
    AppendHead(response, &head_);
    Add(head_);
    head_bytes_ = head_.size();
  } else {
    Add(response.prepared_head());
    Add(response.header_lines());
    head_bytes_ = response.prepared_head().size() + response.header_lines().size();
  }
  stamp_piece_ = pieces_.size();
  Add(stamp);
  head_bytes_ += stamp.size();
  if (body == Body::kOmit || !MayHaveBody(response.status())) return;
  if (response.body_type() == Response::BodyType::kText) Add(response.text());
  for (const SharedBytes& piece : response.shared_pieces()) Add(piece.bytes);
}

void OutgoingResponse::StartPart(const std::vector<SharedBytes>& pieces, Framing framing) {
  pieces_.clear();
  first_ = 0;
  size_t size = 0;
  for (const SharedBytes& piece : pieces) size += piece.bytes.size();
  if (size == 0) return;  // A chunk of none would end the body.
  head_.clear();
  if (framing == Framing::kChunk) {
    char number[16];
    const auto [end, error] = std::to_chars(number, number + sizeof(number), size, 16);
    head_.append(number, static_cast<size_t>(end - number)).append("\r\n");
    Add(head_);
  }
  for (const SharedBytes& piece : pieces) Add(piece.bytes);
  if (framing == Framing::kChunk) Add("\r\n");
  stamp_piece_ = pieces_.size();
}

void OutgoingResponse::StartEnd() {
  pieces_.clear();
  first_ = 0;
  Add("0\r\n\r\n");
  stamp_piece_ = pieces_.size();
}

std::span<const iovec> OutgoingResponse::pending() const {
  return {pieces_.data() + first_, std::min(pieces_.size() - first_, kPiecesMax)};
}

void OutgoingResponse::Consume(size_t bytes) {
  while (bytes > 0) {
    CHECK(first_ < pieces_.size());
    iovec& piece = pieces_[first_];
    const size_t taken = std::min(bytes, piece.iov_len);
    piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
    piece.iov_len -= taken;
    bytes -= taken;
    if (piece.iov_len == 0) ++first_;
  }
}

void OutgoingResponse::KeepStamp() {
  if (first_ > stamp_piece_ || done()) return;
  iovec& piece = pieces_[stamp_piece_];
  if (piece.iov_base == stamp_.data()) return;
  stamp_.assign(static_cast<const char*>(piece.iov_base), piece.iov_len);
  piece.iov_base = stamp_.data();
}

}  // namespace tarn::http
