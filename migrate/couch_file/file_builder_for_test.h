#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "migrate/couch_file/block_file.h"
#include "storage/base/bytes.h"
#include "storage/base/checksum.h"
#include "storage/base/digest.h"

// Writes what CouchDB would write, and what it never would. For tests and the seeds of fuzz targets.
namespace tarn::couch_file::build {

inline std::string Big(uint64_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) out.push_back(static_cast<char>(value >> (8 * bytes)));
  return out;
}

// --- Terms, without the version byte ---
inline std::string Nil() { return "j"; }
inline std::string Atom(std::string_view name) { return "d" + Big(name.size(), 2) + std::string(name); }
inline std::string Binary(std::string_view bytes) { return "m" + Big(bytes.size(), 4) + std::string(bytes); }
inline std::string Integer(uint64_t value) {
  if (value < 256) return "a" + Big(value, 1);
  if (value <= 0x7FFF'FFFF) return "b" + Big(value, 4);
  std::string bytes;
  for (; value > 0; value >>= 8) bytes.push_back(static_cast<char>(value));
  return "n" + Big(bytes.size(), 1) + std::string(1, '\0') + bytes;
}
inline std::string Tuple(const std::vector<std::string>& elements) {
  std::string out = "h" + Big(elements.size(), 1);
  for (const std::string& element : elements) out += element;
  return out;
}
inline std::string List(const std::vector<std::string>& elements) {
  if (elements.empty()) return Nil();
  std::string out = "l" + Big(elements.size(), 4);
  for (const std::string& element : elements) out += element;
  return out + Nil();
}
inline std::string Object(const std::vector<std::string>& pairs) { return Tuple({List(pairs)}); }
inline std::string Pair(std::string_view key, const std::string& value) { return Tuple({Binary(key), value}); }
inline std::string Stored(const std::string& term) { return "\x83" + term; }

enum class Checksum { kNone, kMd5, kXxh3 };

inline std::string ChecksumOf(std::string_view data, Checksum kind) {
  if (kind == Checksum::kNone) return "";
  if (kind == Checksum::kMd5) return Md5(data);
  const auto words = Checksum128(data);
  return Big(words[1], 8) + Big(words[0], 8);
}

struct Att {
  std::string name;
  std::string content;  // Stored bytes.
  std::string md5;      // Empty: computed.
  size_t piece_bytes = 8192;
  bool gzip = false;
  uint64_t identity_bytes = 0;  // 0: as stored.
};

struct Rev {
  uint64_t generation = 1;
  std::string id = std::string(16, 'r');
  bool deleted = false;
  std::string body = Object({});
  std::vector<Att> attachments;
};

struct Doc {
  std::string id;
  std::vector<Rev> leaves;
};

class FileBuilder {
 public:
  explicit FileBuilder(Checksum checksum = Checksum::kXxh3, uint64_t disk_version = 8)
      : checksum_(checksum), disk_version_(disk_version) {}

  const std::string& bytes() const { return bytes_; }
  std::string* mutable_bytes() { return &bytes_; }

  void Payload(std::string_view data) {
    for (const char byte : data) {
      if (bytes_.size() % kBlockBytes == 0) bytes_.push_back('\0');
      bytes_.push_back(byte);
    }
  }
  // The place of the chunk.
  uint64_t Chunk(std::string_view data, Checksum checksum = Checksum::kNone) {
    const uint64_t position = bytes_.size();
    const uint64_t flag = checksum == Checksum::kNone ? 0 : 0x8000'0000;
    Payload(Big(data.size() | flag, 4));
    Payload(ChecksumOf(data, checksum));
    Payload(data);
    return position;
  }
  uint64_t Leaf(const std::vector<std::string>& rows) { return Chunk(Stored(Tuple({Atom("kv_node"), List(rows)}))); }
  uint64_t Inner(const std::vector<std::pair<std::string, uint64_t>>& children) {
    std::vector<std::string> rows;
    rows.reserve(children.size());
    for (const auto& [key, position] : children)
      rows.push_back(Tuple({key, Tuple({Integer(position), Nil(), Integer(1)})}));
    return Chunk(Stored(Tuple({Atom("kp_node"), List(rows)})));
  }

  std::string Attachment(const Att& att) {
    std::vector<std::string> pieces;
    for (size_t begin = 0; begin < att.content.size(); begin += att.piece_bytes) {
      const std::string_view piece = std::string_view(att.content).substr(begin, att.piece_bytes);
      pieces.push_back(Tuple({Integer(Chunk(piece)), Integer(piece.size())}));
    }
    return Tuple({Binary(att.name), Binary("application/octet-stream"), List(pieces), Integer(att.content.size()),
                  Integer(att.identity_bytes != 0 ? att.identity_bytes : att.content.size()), Integer(1),
                  Binary(att.md5.empty() ? Md5(att.content) : att.md5), Atom(att.gzip ? "gzip" : "identity")});
  }
  uint64_t Summary(const std::string& body, const std::string& attachments) {
    const bool binaries = disk_version_ >= 6;
    return Chunk(
        Stored(binaries ? Tuple({Binary(Stored(body)), Binary(Stored(attachments))}) : Tuple({body, attachments})),
        checksum_);
  }
  // The rows of both trees.
  void Add(const Doc& doc) {
    std::vector<std::string> trees;
    bool deleted = true;
    for (const Rev& rev : doc.leaves) {
      std::vector<std::string> attachments;
      for (const Att& att : rev.attachments) attachments.push_back(Attachment(att));
      const uint64_t position = Summary(rev.body, List(attachments));
      trees.push_back(
          Tuple({Integer(rev.generation),
                 Tuple({Binary(rev.id), Tuple({Integer(rev.deleted), Integer(position), Integer(1), Nil(), Nil()}),
                        Nil()})}));
      deleted = deleted && rev.deleted;
    }
    ++(deleted ? deleted_ : live_);
    AddRow(doc.id, Integer(deleted), List(trees));
  }
  void AddRow(const std::string& id, const std::string& deleted, const std::string& trees) {
    const std::string seq = Integer(by_seq_rows_.size() + 1);
    by_id_rows_.push_back({id, Tuple({Binary(id), Tuple({seq, deleted, Nil(), trees})})});
    by_seq_rows_.push_back(Tuple({seq, Tuple({Binary(id), deleted, Nil(), trees})}));
  }
  // Both trees of what was added, `rows_per_leaf` rows in each leaf, and the header. The documents must be in order.
  void Commit(size_t rows_per_leaf = 100) {
    std::vector<std::pair<std::string, uint64_t>> children;
    for (size_t begin = 0; begin < by_id_rows_.size(); begin += rows_per_leaf) {
      std::vector<std::string> rows;
      for (size_t i = begin; i < std::min(by_id_rows_.size(), begin + rows_per_leaf); ++i)
        rows.push_back(by_id_rows_[i].second);
      children.emplace_back(Binary(by_id_rows_[std::min(by_id_rows_.size(), begin + rows_per_leaf) - 1].first),
                            Leaf(rows));
      leaf_positions.push_back(children.back().second);
    }
    const uint64_t by_id = children.size() == 1 ? children[0].second : Inner(children);
    const uint64_t by_seq = Leaf(by_seq_rows_);
    Header(Tuple({Integer(by_id), Tuple({Integer(live_), Integer(deleted_), Nil()}), Integer(1)}),
           Tuple({Integer(by_seq), Integer(by_seq_rows_.size()), Integer(1)}));
  }
  std::string HeaderTerm(const std::string& by_id, const std::string& by_seq,
                         const std::string& security = Atom("nil")) const {
    return Stored(Tuple({Atom("db_header"), Integer(disk_version_), Integer(by_seq_rows_.size()), Integer(0), by_id,
                         by_seq, Atom("nil"), Atom("nil"), Atom("nil"), security, Integer(1000)}));
  }
  void Header(const std::string& by_id, const std::string& by_seq) { RawHeader(HeaderTerm(by_id, by_seq)); }
  // The place of the header.
  uint64_t RawHeader(const std::string& term) {
    while (bytes_.size() % kBlockBytes != 0) bytes_.push_back('\0');
    const uint64_t position = bytes_.size();
    bytes_.push_back('\1');
    const Checksum kind = checksum_ == Checksum::kNone ? Checksum::kMd5 : checksum_;
    Payload(Big(term.size() + kChecksumBytes, 4) + ChecksumOf(term, kind) + term);
    return position;
  }

  std::vector<uint64_t> leaf_positions;  // Of the by-id tree.

 private:
  const Checksum checksum_;
  const uint64_t disk_version_;
  std::string bytes_;
  std::vector<std::pair<std::string, std::string>> by_id_rows_;
  std::vector<std::string> by_seq_rows_;
  uint64_t live_ = 0;
  uint64_t deleted_ = 0;
};

}  // namespace tarn::couch_file::build
