#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch_file/block_file.h"
#include "migrate/couch_file/json_writer.h"
#include "migrate/couch_file/term.h"

namespace tarn::couch_file {

// One piece of an attachment's stored bytes: a chunk without checksum.
struct StreamPiece {
  uint64_t position = 0;
  std::optional<uint64_t> bytes;  // As the document says; files of the first releases do not.
};

struct Attachment {
  std::string name;
  std::string content_type;
  std::string md5;  // Of the stored bytes: 16 bytes, or empty where CouchDB did not write it.
  bool gzip = false;
  uint64_t stored_bytes = 0;
  uint64_t identity_bytes = 0;  // Decoded. Equal to stored_bytes unless gzip.
  std::vector<StreamPiece> pieces;
};

// The stored form of one revision: its body and its attachments' places. Holds its buffers, for one after another.
class Summary {
 public:
  Summary() = default;
  Summary(const Summary&) = delete;
  Summary& operator=(const Summary&) = delete;

  // Errors: as BlockFile::ReadChunk and UnpackTerm. The checksum covers all of it.
  Status Read(BlockFile* file, uint64_t position);

  // Bytes in the file of what was read.
  uint64_t stored_bytes() const { return chunk_.size(); }
  // True if the body is an object without members.
  bool body_is_empty() const;
  // Replaces `out` by the body's JSON text; see AppendJsonObject.
  Status WriteBody(std::string_view first_members, std::string* out, JsonNotes* notes) const;
  // An attachment that cannot be read is handed to `on_bad` and left out.
  Status ReadAttachments(std::vector<Attachment>* attachments, const std::function<void(const Status&)>& on_bad) const;

 private:
  std::string chunk_;
  std::string unpacked_body_;
  std::string unpacked_attachments_;
  TermReader body_;
  TermReader attachments_;
};

}  // namespace tarn::couch_file
