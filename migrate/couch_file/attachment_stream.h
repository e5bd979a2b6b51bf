#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "migrate/couch_file/block_file.h"
#include "migrate/couch_file/summary.h"

namespace tarn::couch_file {

enum class AttachmentForm : uint8_t {
  kIdentity,  // What CouchDB compressed is decompressed.
  kStored,    // As it is in the file.
};

// CouchDB's MD5 of the stored bytes costs as much as all other digests together: it is not compared where a SHA-1 of the
// document's own says that they are right.
enum class StoredDigest : uint8_t { kCompare, kIgnore };

// Hands the attachment's bytes to `append` in pieces of at most limits::kCouchPieceBytes, and only after the last one
// can say whether they were right: their number, the MD5 of the stored bytes where there is one, and for kIdentity that
// they decompress to the number of bytes that the document says, which bounds what comes out.
//
// Returns what `append` answered if that was an error, and nothing more is handed over then. `*damage` says what is wrong
// with the bytes; if it is an error, what was handed over must not be used.
// Memory: a piece or two, whatever the attachment's size.
Status StreamAttachment(BlockFile* file, const Attachment& attachment, AttachmentForm form, StoredDigest md5,
                        const std::function<Status(std::string_view)>& append, Status* damage);

}  // namespace tarn::couch_file
