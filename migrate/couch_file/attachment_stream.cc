#include "migrate/couch_file/attachment_stream.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <string>

#include "storage/base/check.h"
#include "storage/base/couch_file_limits.h"
#include "storage/base/md5_stream.h"

namespace tarn::couch_file {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // RFC 1952, the largest window.

// What CouchDB compressed, piece by piece. Members may follow one another (RFC 1952, section 2.2).
class Gunzip {
 public:
  explicit Gunzip(uint64_t bytes_max) : left_(bytes_max), buffer_(limits::kCouchPieceBytes, '\0') {
    CHECK(inflateInit2(&stream_, kGzipWindowBits) == Z_OK);  // Fails for lack of memory only.
  }
  ~Gunzip() { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  Status Append(std::string_view bytes, const std::function<Status(std::string_view)>& append, Status* damage) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (damage->ok()) {
      if (ended_) {
        if (stream_.avail_in == 0) return OkStatus();
        CHECK(inflateReset(&stream_) == Z_OK);
        ended_ = false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      const size_t produced = buffer_.size() - stream_.avail_out;
      if (code == Z_BUF_ERROR) return OkStatus();  // Everything is used up.
      if (code != Z_OK && code != Z_STREAM_END) *damage = Corruption("it does not decompress");
      if (produced > left_) *damage = Corruption("it decompresses to more bytes than the document says");
      if (!damage->ok()) return OkStatus();
      left_ -= produced;
      if (produced > 0) RETURN_IF_ERROR(append(std::string_view(buffer_).substr(0, produced)));
      ended_ = code == Z_STREAM_END;
    }
    return OkStatus();
  }

  // After the last byte.
  Status Finish() const {
    if (!ended_) return Corruption("its compressed bytes end too early");
    return left_ == 0 ? OkStatus() : Corruption("it decompresses to fewer bytes than the document says");
  }

 private:
  z_stream stream_{};
  bool ended_ = false;
  uint64_t left_;
  std::string buffer_;
};

class Stream {
 public:
  Stream(BlockFile* file, const Attachment& attachment, AttachmentForm form, StoredDigest md5,
         const std::function<Status(std::string_view)>& append, Status* damage)
      : file_(file),
        attachment_(attachment),
        compares_md5_(md5 == StoredDigest::kCompare && !attachment.md5.empty()),
        append_(append),
        damage_(damage) {
    if (attachment.gzip && form == AttachmentForm::kIdentity) {
      gunzip_ = std::make_unique<Gunzip>(attachment.identity_bytes);
    }
  }

  Status Run() {
    for (const StreamPiece& piece : attachment_.pieces) {
      RETURN_IF_ERROR(RunPiece(piece));
      if (!damage_->ok()) return OkStatus();
    }
    if (done_ != attachment_.stored_bytes) {
      *damage_ = Corruption("it has " + std::to_string(done_) + " bytes, but the document says " +
                            std::to_string(attachment_.stored_bytes));
    } else if (compares_md5_ && md5_.Finish() != attachment_.md5) {
      *damage_ = Corruption("its MD5 is not the one in the document");
    } else if (gunzip_ != nullptr && attachment_.stored_bytes > 0) {
      *damage_ = gunzip_->Finish();
    }
    return OkStatus();
  }

 private:
  Status RunPiece(const StreamPiece& piece) {
    const auto head = file_->ReadChunkHead(piece.position);
    if (!head.ok()) {
      *damage_ = head.status();
      return OkStatus();
    }
    if (piece.bytes.has_value() && *piece.bytes != head->data_bytes) {
      *damage_ = Corruption("its piece at offset " + std::to_string(piece.position) + " has " +
                            std::to_string(head->data_bytes) + " bytes, but the document says " +
                            std::to_string(*piece.bytes));
      return OkStatus();
    }
    if (head->data_bytes > attachment_.stored_bytes - done_) {
      *damage_ = Corruption("its pieces have more bytes than the document says");
      return OkStatus();
    }
    uint64_t position = head->data_position;
    for (size_t left = head->data_bytes; left > 0 && damage_->ok();) {
      const size_t count = std::min<size_t>(left, limits::kCouchPieceBytes);
      buffer_.resize(count);
      *damage_ = file_->Read(&position, count, buffer_.data());
      if (!damage_->ok()) return OkStatus();
      left -= count;
      done_ += count;
      if (compares_md5_) md5_.Update(buffer_);
      RETURN_IF_ERROR(gunzip_ != nullptr ? gunzip_->Append(buffer_, append_, damage_) : append_(buffer_));
    }
    return OkStatus();
  }

  BlockFile* const file_;
  const Attachment& attachment_;
  const bool compares_md5_;
  const std::function<Status(std::string_view)>& append_;
  Status* const damage_;
  std::unique_ptr<Gunzip> gunzip_;
  Md5Stream md5_;
  std::string buffer_;
  uint64_t done_ = 0;
};

}  // namespace

Status StreamAttachment(BlockFile* file, const Attachment& attachment, AttachmentForm form, StoredDigest md5,
                        const std::function<Status(std::string_view)>& append, Status* damage) {
  *damage = OkStatus();
  return Stream(file, attachment, form, md5, append, damage).Run();
}

}  // namespace tarn::couch_file
