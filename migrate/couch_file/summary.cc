#include "migrate/couch_file/summary.h"

#include "storage/base/couch_file_limits.h"

namespace tarn::couch_file {
namespace {

// What an old attachment's encoding is where a newer one has an atom.
constexpr std::string_view kGzip = "gzip";
constexpr std::string_view kIdentity = "identity";

Status ReadPieces(TermReader* terms, std::vector<StreamPiece>* pieces) {
  ASSIGN_OR_RETURN(const std::string_view list, terms->TakeTerm());
  TermReader reader(list);
  Token token;
  RETURN_IF_ERROR(reader.Next(&token));
  if (token.kind == TermKind::kAtom && token.bytes == "nil") return OkStatus();  // No bytes.
  reader = TermReader(list);
  ASSIGN_OR_RETURN(const uint32_t count, reader.ReadList());
  pieces->reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    StreamPiece piece;
    RETURN_IF_ERROR(reader.Next(&token));
    if (token.kind == TermKind::kInteger && token.integer >= 0) {
      piece.position = static_cast<uint64_t>(token.integer);
    } else if (token.kind == TermKind::kTuple && token.count == 2) {
      ASSIGN_OR_RETURN(piece.position, reader.ReadUnsigned());
      ASSIGN_OR_RETURN(piece.bytes, reader.ReadUnsigned());
    } else {
      return Corruption("an attachment's place is no position");
    }
    pieces->push_back(piece);
  }
  return reader.ReadListEnd(count);
}

Status ReadEncoding(TermReader* terms, bool* gzip) {
  Token token;
  RETURN_IF_ERROR(terms->Next(&token));
  // Booleans in files of CouchDB 0.11 and 1.0.
  *gzip = token.bytes == kGzip || token.bytes == "true";
  if (token.kind == TermKind::kAtom && (*gzip || token.bytes == kIdentity || token.bytes == "false")) return OkStatus();
  return Corruption("an attachment of an unknown encoding");
}

Status ReadText(TermReader* terms, std::string* text) {
  ASSIGN_OR_RETURN(const std::string_view bytes, terms->ReadBinary());
  text->assign(bytes);
  return OkStatus();
}

Status ReadMd5(TermReader* terms, std::string* md5) {
  RETURN_IF_ERROR(ReadText(terms, md5));
  if (md5->size() != 16 && !md5->empty()) return Corruption("an attachment's MD5 has not 16 bytes");
  return OkStatus();
}

// {Name, Type, Stream, StoredLength, IdentityLength, RevPos, Md5, Encoding}, the first element being next.
Status ReadEight(TermReader* terms, Attachment* attachment) {
  RETURN_IF_ERROR(ReadText(terms, &attachment->name));
  RETURN_IF_ERROR(ReadText(terms, &attachment->content_type));
  RETURN_IF_ERROR(ReadPieces(terms, &attachment->pieces));
  ASSIGN_OR_RETURN(attachment->stored_bytes, terms->ReadUnsigned());
  ASSIGN_OR_RETURN(attachment->identity_bytes, terms->ReadUnsigned());
  RETURN_IF_ERROR(terms->Skip());
  RETURN_IF_ERROR(ReadMd5(terms, &attachment->md5));
  return ReadEncoding(terms, &attachment->gzip);
}

// {Name, Type, Stream, Length, RevPos, Md5}, likewise: before CouchDB compressed any.
Status ReadSix(TermReader* terms, Attachment* attachment) {
  RETURN_IF_ERROR(ReadText(terms, &attachment->name));
  RETURN_IF_ERROR(ReadText(terms, &attachment->content_type));
  RETURN_IF_ERROR(ReadPieces(terms, &attachment->pieces));
  ASSIGN_OR_RETURN(attachment->stored_bytes, terms->ReadUnsigned());
  attachment->identity_bytes = attachment->stored_bytes;
  RETURN_IF_ERROR(terms->Skip());
  return ReadMd5(terms, &attachment->md5);
}

// {EightTuple, Properties}, or the oldest form: {Name, {Type, Stream, Length}}.
Status ReadTwo(TermReader* terms, Attachment* attachment) {
  if (!terms->NextIsBinary()) {
    RETURN_IF_ERROR(terms->ReadTuple(8));
    return ReadEight(terms, attachment);
  }
  RETURN_IF_ERROR(ReadText(terms, &attachment->name));
  RETURN_IF_ERROR(terms->ReadTuple(3));
  RETURN_IF_ERROR(ReadText(terms, &attachment->content_type));
  RETURN_IF_ERROR(ReadPieces(terms, &attachment->pieces));
  ASSIGN_OR_RETURN(attachment->stored_bytes, terms->ReadUnsigned());
  attachment->identity_bytes = attachment->stored_bytes;
  return OkStatus();
}

Status ReadAttachment(std::string_view term, Attachment* attachment) {
  TermReader reader(term);
  Token token;
  RETURN_IF_ERROR(reader.Next(&token));
  if (token.kind != TermKind::kTuple) return Corruption("an attachment is no tuple");
  switch (token.count) {
    case 8: return ReadEight(&reader, attachment);
    case 6: return ReadSix(&reader, attachment);
    case 2: return ReadTwo(&reader, attachment);
    default: return Corruption("an attachment of " + std::to_string(token.count) + " elements");
  }
}

// The next element of a summary: since CouchDB 1.2 a binary that holds a stored term, before that the term itself.
Status ReadPart(TermReader* terms, std::string* unpacked, TermReader* part) {
  if (!terms->NextIsBinary()) {
    ASSIGN_OR_RETURN(const std::string_view term, terms->TakeTerm());
    *part = TermReader(term);
    return OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string_view stored, terms->ReadBinary());
  ASSIGN_OR_RETURN(const std::string_view term, UnpackTerm(stored, limits::kCouchDocumentBytesMax, unpacked));
  *part = TermReader(term);
  return OkStatus();
}

}  // namespace

Status Summary::Read(BlockFile* file, uint64_t position) {
  body_ = attachments_ = TermReader();
  RETURN_IF_ERROR(file->ReadChunk(position, limits::kCouchDocumentBytesMax, &chunk_));
  std::string unpacked;  // The outer term is never compressed; if it is, the copy costs little.
  ASSIGN_OR_RETURN(std::string_view term, UnpackTerm(chunk_, limits::kCouchDocumentBytesMax, &unpacked));
  if (!unpacked.empty()) {
    chunk_ = std::move(unpacked);
    term = chunk_;
    if (static_cast<unsigned char>(term[0]) == 131) term.remove_prefix(1);
  }
  TermReader reader(term);
  RETURN_IF_ERROR(reader.ReadTuple(2));
  RETURN_IF_ERROR(ReadPart(&reader, &unpacked_body_, &body_));
  return ReadPart(&reader, &unpacked_attachments_, &attachments_);
}

bool Summary::body_is_empty() const {
  TermReader body = body_;
  if (!body.ReadTuple(1).ok()) return false;
  const auto count = body.ReadList();
  return count.ok() && *count == 0;
}

Status Summary::WriteBody(std::string_view first_members, std::string* out, JsonNotes* notes) const {
  TermReader body = body_;
  out->clear();
  return AppendJsonObject(&body, ObjectShape::kWrapped, first_members, limits::kCouchJsonBytesMax, out, notes);
}

Status Summary::ReadAttachments(std::vector<Attachment>* attachments,
                                const std::function<void(const Status&)>& on_bad) const {
  attachments->clear();
  TermReader reader = attachments_;
  ASSIGN_OR_RETURN(const uint32_t count, reader.ReadList());
  if (count > limits::kCouchAttachmentsMax) return TooLarge("a document with more attachments than are read");
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const std::string_view term, reader.TakeTerm());
    Attachment attachment;
    if (const Status read = ReadAttachment(term, &attachment); !read.ok()) {
      on_bad(read);
      continue;
    }
    attachments->push_back(std::move(attachment));
  }
  return reader.ReadListEnd(count);
}

}  // namespace tarn::couch_file
