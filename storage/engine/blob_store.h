#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/file_system.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"

namespace tarn::engine {

// What identifies a blob to everybody: its address, its legacy alias and its size.
struct BlobInfo {
  Digest sha512;
  Sha1Digest sha1;
  uint64_t size_bytes = 0;
};

// Bytes that have arrived completely and belong to nobody yet. Either in memory (at most
// limits::kSharedBlobBytesMax, counted in the upload budget) or durable in a solo segment that no reader can find.
// Handed to Store::Commit within a Mutation; destroyed without that, it leaves nothing behind.
// Ownership: move-only. Threads: one at a time.
class StagedBlob {
 public:
  virtual ~StagedBlob() = default;
  virtual const BlobInfo& info() const = 0;
};

// One blob on its way in: hashes while it buffers or streams. Never holds more than limits::kSharedBlobBytesMax.
//   Append   bytes in order, pieces of any size. kOutOfSpace (the disk is below its reserve), kIoError.
//   Finish   once, after the last Append: the blob's bytes are in memory or on stable storage.
// Destroyed before Finish: nothing remains that a reader could meet.
// Threads: one at a time. Blocks on hashing and disk: never on a core thread.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  [[nodiscard]] virtual Status Append(std::string_view bytes) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<StagedBlob>> Finish() = 0;
};

// Where a stored blob's bytes are: [offset, offset + size) of an open file, ready for sendfile. Keeps the file open, so
// the range stays readable even when the segment is removed meanwhile.
// Ownership: a value; copies share the file. Threads: any.
struct BlobReader {
  std::shared_ptr<const File> file;
  uint64_t offset_bytes = 0;
  BlobInfo info;

  int descriptor() const { return file->descriptor(); }
};

// Immutable bytes by content address. The door between the registry and whatever holds the bytes; segments implement it
// (segment_store.h), an object store can.
// Threads: any.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<BlobWriter>> NewWriter() = 0;
  // kNotFound: no committed blob has this address. kCorruption: it is known to be damaged and will not be served.
  [[nodiscard]] virtual Result<BlobReader> Open(const Digest& digest) = 0;
  // Reads all of it and checks the block checksums, and with `deep` the SHA-512. kCorruption names file and offset.
  enum class Depth : uint8_t { kChecksums, kDigest };
  [[nodiscard]] virtual Status Verify(const Digest& digest, Depth depth) = 0;
};

}  // namespace tarn::engine
