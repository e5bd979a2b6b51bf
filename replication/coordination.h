#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/result.h"

namespace tarn::replication {

// A node as the others know it.
struct Member {
  std::string node_id;  // Letters, digits, '-': no spaces.
  std::string url;      // Where the others reach it.
  bool operator==(const Member&) const = default;
};

// What is agreed about a cluster, at one moment.
struct ClusterView {
  Epoch epoch;                       // Of the last leader that was ever elected; 0 before the first.
  std::optional<Member> leader;      // Nobody: its lease ran out, or it gave it back.
  std::vector<std::string> in_sync;  // Node ids, sorted. Who holds every acknowledged write, the leader included.
  // What a campaign names so that it fails when this view is no longer true.
  int64_t epoch_revision = 0;
  int64_t in_sync_revision = 0;  // 0: the set was never written.
};

// The right to lead, as long as it is kept alive. A fencing token: every later claim names it.
struct Leadership {
  Epoch epoch;
  int64_t lease = 0;
  int64_t revision = 0;  // That of the claim; no other leader's has the same.
};

// Who leads and who may lead next, kept where a majority of sites agrees on it.
//
// The rules it holds, whoever asks and however late a message comes:
//   - at most one leadership is valid at a time, and each has an epoch higher than all before it;
//   - only a member of the in-sync set becomes leader; but the first leader of a cluster founds the set;
//   - only the valid leader changes the set.
// So a leader that has every member of the set acknowledge each write, or removes the member first, loses nothing at a
// failover, whatever any clock says.
//
// After kUnavailable or kDeadlineExceeded a change may have happened or not: read, and ask again.
// Threads: any. Blocks on the network.
class Coordination {
 public:
  virtual ~Coordination() = default;

  [[nodiscard]] virtual Result<ClusterView> Read() = 0;

  // Becomes the leader of epoch `view.epoch` + 1, if nothing has changed since `view`.
  //   kNo    kPermissionDenied when the candidate is not in the set.
  //   kYes   writes the set, of the candidate alone; kFailedPrecondition when there is one already.
  // kConflict: somebody leads, or was quicker.
  enum class Founding : uint8_t { kNo, kYes };
  [[nodiscard]] virtual Result<Leadership> Campaign(const Member& candidate, const ClusterView& view,
                                                    Founding founding) = 0;
  // Renews the lease for its whole length. kNotFound: it is over.
  [[nodiscard]] virtual Status KeepAlive(const Leadership& leadership) = 0;
  // Replaces the set. kConflict: this leadership is over, and nothing was changed.
  [[nodiscard]] virtual Status SetInSync(const Leadership& leadership, const std::vector<std::string>& in_sync) = 0;
  // Gives the leadership back, so that nobody has to wait for the lease to run out.
  [[nodiscard]] virtual Status Resign(const Leadership& leadership) = 0;
};

}  // namespace tarn::replication
