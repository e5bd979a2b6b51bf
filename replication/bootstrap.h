#pragma once

#include <functional>
#include <memory>
#include <string>

#include "replication/peer_client.h"
#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/store.h"

// What a follower does before its store is opened.
namespace tarn::replication {

struct Bootstrap {
  bool copied = false;  // A new node: the segments were copied.
  uint64_t bytes_copied = 0;
  uint64_t records_set_aside = 0;  // An old leader: records that its new leader does not have.
  std::string aside;               // Where they are.
};

// Makes the data directory one that can follow the leader, whatever it was:
//   empty       the leader's segments are copied, several at a time; a copy that was interrupted goes on where it was
//   ahead, or   of another history: the last common record is looked for, and what is behind it is set aside
//   in line     nothing
//   damaged     what is there is kept aside in `directory`/damaged-1, -2, …, and the leader's segments are copied. A copy that
//               proves damaged when it is first opened (the power went while it was made) is dropped, and made again
// A whole copy that FetchCopy has made is put in its place first.
// `is_stopping` ends it with kCancelled. kUnavailable: the leader cannot be reached (an existing directory is then left as
// it is, and may be opened).
// `observer` derives what is re-applied while the store is opened for a look; `lock` is the caller's, or none. Both as in
// StoreOptions.
Result<Bootstrap> PrepareToFollow(const std::string& directory, const PeerOptions& leader,
                                  engine::CommitObserver* observer, const std::shared_ptr<engine::DirectoryLock>& lock,
                                  const std::function<bool()>& is_stopping);

// Copies the leader's segments beside a store that may be open meanwhile; PrepareToFollow puts them in its place, and what was
// there before into `directory`/replaced-1, -2, … . Goes on where an earlier call was interrupted.
Status FetchCopy(const std::string& directory, const PeerOptions& leader, const std::function<bool()>& is_stopping);

// Old stores that a copy has replaced: whole folders, and whether there are any.
bool HasReplaced(const std::string& directory);
Status RemoveReplaced(const std::string& directory);

}  // namespace tarn::replication
