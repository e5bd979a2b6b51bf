#include "migrate/couch_file/header.h"

#include "migrate/couch_file/term.h"
#include "storage/base/bytes.h"
#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

constexpr uint8_t kHeaderMarker = 1;
// Elements of the header's tuple that every disk version has: up to the limit of revisions.
constexpr uint32_t kElementsMin = 11;

// `nil`, or {Position, Reduction} and perhaps a size.
Status ReadRoot(TermReader* terms, std::optional<TreeRoot>* root) {
  ASSIGN_OR_RETURN(const std::string_view bytes, terms->TakeTerm());
  TermReader reader(bytes);
  Token token;
  RETURN_IF_ERROR(reader.Next(&token));
  if (token.kind == TermKind::kAtom && token.bytes == "nil") return OkStatus();
  if (token.kind != TermKind::kTuple || token.count < 2) return Corruption("a tree in the header is no tuple");
  root->emplace();
  ASSIGN_OR_RETURN((*root)->position, reader.ReadUnsigned());
  // By id the reduction is {Live, Deleted, …}; by sequence it is a number.
  if (!reader.ReadTupleOfAtLeast(2).ok()) return OkStatus();
  const auto live = reader.ReadUnsigned();
  const auto deleted = live.ok() ? reader.ReadUnsigned() : live;
  if (!deleted.ok()) return OkStatus();
  (*root)->documents = *live;
  (*root)->deleted = *deleted;
  return OkStatus();
}

Status ReadHeaderTerm(std::string_view bytes, Header* header) {
  std::string unpacked;
  ASSIGN_OR_RETURN(const std::string_view term, UnpackTerm(bytes, limits::kCouchHeaderBytesMax, &unpacked));
  TermReader reader(term);
  ASSIGN_OR_RETURN(const uint32_t count, reader.ReadTupleOfAtLeast(2));
  Token name;
  RETURN_IF_ERROR(reader.Next(&name));
  if (name.kind != TermKind::kAtom || name.bytes != "db_header") {
    return Corruption("the header is not a database's (view indexes look alike, but hold no documents)");
  }
  ASSIGN_OR_RETURN(header->disk_version, reader.ReadUnsigned());
  if (header->disk_version < kDiskVersionMin || header->disk_version > kDiskVersionMax) {
    return FailedPrecondition("the file has disk version " + std::to_string(header->disk_version) + "; versions " +
                              std::to_string(kDiskVersionMin) + " (CouchDB 0.10) to " +
                              std::to_string(kDiskVersionMax) + " (CouchDB 3) are read");
  }
  if (count < kElementsMin) return Corruption("the header has too few elements");
  ASSIGN_OR_RETURN(header->update_seq, reader.ReadUnsigned());
  RETURN_IF_ERROR(reader.Skip());  // Unused.
  RETURN_IF_ERROR(ReadRoot(&reader, &header->by_id));
  RETURN_IF_ERROR(ReadRoot(&reader, &header->by_seq));
  for (int skipped = 0; skipped < 3; ++skipped) RETURN_IF_ERROR(reader.Skip());  // Local documents, two of purges.
  Token security;
  RETURN_IF_ERROR(reader.Next(&security));
  if (security.kind == TermKind::kInteger && security.integer > 0) {
    header->security_position = static_cast<uint64_t>(security.integer);
  }
  return OkStatus();
}

// The header that begins in the block at `position`, which has a header's marker.
Status ReadHeaderAt(BlockFile* file, uint64_t position, Header* header) {
  *header = Header();
  header->position = position;
  header->end = position + 1;
  char length_bytes[4];
  RETURN_IF_ERROR(file->Read(&header->end, sizeof(length_bytes), length_bytes));
  const uint32_t length = __builtin_bswap32(LoadLittleEndian<uint32_t>(length_bytes));
  if (length <= kChecksumBytes || length > limits::kCouchHeaderBytesMax) return Corruption("its length is impossible");
  if (length > file->PayloadBytesFrom(header->end)) return Corruption("it is torn: the file ends within it");
  std::string bytes(length, '\0');
  RETURN_IF_ERROR(file->Read(&header->end, length, bytes.data()));
  const std::string_view term = std::string_view(bytes).substr(kChecksumBytes);
  if (!ChecksumMatches(term, std::string_view(bytes).substr(0, kChecksumBytes))) {
    return Corruption("its checksum is wrong");
  }
  return ReadHeaderTerm(term, header);
}

}  // namespace

Result<Header> FindHeader(BlockFile* file, FindingSink* findings) {
  if (file->size() == 0) return Corruption("the file is empty");
  Header header;
  for (uint64_t position = (file->size() - 1) / kBlockBytes * kBlockBytes;; position -= kBlockBytes) {
    const auto marker = file->Marker(position);
    if (!marker.ok()) findings->OnFinding({position, {}, std::string(marker.status().message()), Severity::kWarning});
    if (marker.ok() && *marker == kHeaderMarker) {
      const Status status = ReadHeaderAt(file, position, &header);
      if (status.ok()) break;
      if (status.code() == Code::kFailedPrecondition) return status;
      findings->OnFinding(
          {position, {}, "a header is passed over: " + std::string(status.message()), Severity::kWarning});
    }
    if (position == 0) {
      return Corruption("there is no whole CouchDB database header in the file: it is something else, or too damaged");
    }
  }
  if (header.end < file->size()) {
    findings->OnFinding({header.end,
                         {},
                         std::to_string(file->size() - header.end) +
                             " bytes behind the last whole header belong to no commit and are left out",
                         Severity::kNote});
  }
  return header;
}

}  // namespace tarn::couch_file
