#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/file_system.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
#include "storage/engine/log.h"
#include "storage/engine/store.h"

// What replication sees of a store, beyond what everybody does.
//
// The role of a store is fixed while it is open (StoreOptions::role). A leader makes records; a follower takes those of
// its leader, byte for byte, so that equal LSNs have equal chain hashes and equal state hashes on all nodes. To change the
// role, close the store and open it again.
namespace tarn::engine {

// How far the journal of this node is: everything up to `lsn` is on stable storage here, its blobs too.
struct JournalHead {
  Lsn lsn;
  Epoch epoch{1};
  Sha256Digest chain_hash;  // All zero before the first record.
};

// How far the state is that readers see. Never past the journal's head.
struct VisibleHead {
  Lsn lsn;
  Epoch epoch{1};
  Sha256Digest chain_hash;
  std::array<uint64_t, 2> state_hash{};
};

// Who decides when a record that is in the journal may be seen and acknowledged, and who sends it on. Set when the store is
// opened; without one, at once.
class CommitShipper {
 public:
  virtual ~CommitShipper() = default;
  // The journal has grown. On its thread: wake the senders, no more.
  virtual void Journaled(const JournalHead& head) = 0;
  // Returns when the records up to `last` may become visible: a leader's are where the acknowledgement mode wants them,
  // a follower's are committed by its leader. An error ends this store's work: the callers of Commit are answered with it,
  // nothing further becomes visible, and what is in the journal is decided by whoever opens the store again.
  // Blocks the state stage's thread, for as long as it takes. Whoever closes the store ends the wait first.
  [[nodiscard]] virtual Status WaitMayApply(Lsn last) = 0;
  // Readers see it. On the state stage's thread: be quick.
  virtual void Visible(const VisibleHead& head) = 0;
};

// A segment file as a copy of this store needs it.
struct SegmentListing {
  SegmentId id;
  uint64_t size_bytes = 0;  // Of the segment that grows: up to the end of a synced group.
};

// Threads: any.
class Shipping {
 public:
  virtual ~Shipping() = default;

  virtual JournalHead journaled() const = 0;
  virtual VisibleHead visible() const = 0;
  // Any record of the journal, visible or not. kNotFound past journaled().
  [[nodiscard]] virtual Result<RawRecord> ReadRaw(Lsn lsn) = 0;
  // What the journal holds behind this record, blobs included: about as many bytes as whoever has it still lacks. 0 at its end.
  // kNotFound past the end.
  [[nodiscard]] virtual Result<uint64_t> BytesBehind(Lsn lsn) = 0;
  // The bytes of any blob that a record of the journal refers to.
  [[nodiscard]] virtual Result<BlobReader> OpenBlob(const Digest& digest) = 0;

  // Takes the next record of the leader: `record` must continue the journal, and each blob it refers to is in `blobs`,
  // in the journal, in a record on its way, or in `collected`: a later record says that it is no more (collect.h), and until
  // that is here too it is missed. `done` is called once, when the record is visible or was refused:
  //   kCorruption           it does not continue what is here: LSN, epoch, or a chain hash that is not what its bytes give
  //   kFailedPrecondition   this store leads; or a blob is missing (named); or the record is of a newer format
  //   kResourceExhausted    too many on their way: wait for some
  // and as for Store::CommitAsync.
  using FollowCallback = std::function<void(Status)>;
  virtual void Follow(RawRecord record, std::vector<std::shared_ptr<StagedBlob>> blobs, std::set<Digest> collected,
                      FollowCallback done) = 0;

  // Whether every record up to the visible one, and every blob, has its place in a segment that is there and long enough.
  // Reads the indexes, not the bytes. kCorruption: what is missing, and where.
  [[nodiscard]] virtual Status CheckPlaces() = 0;
  // Writes a damaged blob again where it stands: `fetch` gives its bytes in order, to the function that it is called with.
  // Proved by its digest afterwards (kCorruption), and served again from then on. kNotFound: no such blob, or its segment is
  // gone as a whole.
  using BlobPieceSink = std::function<Status(std::string_view)>;
  [[nodiscard]] virtual Status MendBlob(const Digest& digest,
                                        const std::function<Status(const BlobPieceSink&)>& fetch) = 0;

  // Copied to an empty data directory, these bytes are a store with every record up to journaled(), as it was before the
  // call: the state is rebuilt from them when it is opened, and every checksum and the chain are checked by that.
  // Below the listed size segments are not written again; a sweep (collect.h) replaces and removes some, but not while they
  // are asked for here.
  virtual std::vector<SegmentListing> ListSegments() const = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<const File>> OpenSegment(SegmentId id) = 0;
};

// The blobs a record refers to. kCorruption, kFailedPrecondition (a newer format) as for reading the journal.
Result<std::vector<BlobInfo>> BlobsOf(const RawRecord& record);

// A commit that another node asks its leader for: a mutation, and the blobs that it brings, which travel apart from it.
struct Proposal {
  Mutation mutation;  // Without blobs.
  std::vector<BlobInfo> blobs;
};
// As bytes (replication/PROTOCOL.md). kInvalidArgument: more than two records may hold.
Result<std::string> EncodeProposal(const Proposal& proposal);
// Nothing of the bytes is trusted. kCorruption: not a proposal; kFailedPrecondition: of a newer format.
Result<Proposal> DecodeProposal(std::string_view bytes);

}  // namespace tarn::engine
