#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/log.h"

// A journal that has gone another way than its leader's: an old leader that comes back with records which nobody took.
namespace tarn::engine {

class DirectoryLock;

struct TruncatedJournal {
  uint64_t records_set_aside = 0;
  Lsn kept;           // The last record that is left; at most the one asked for, for groups are cut off whole.
  std::string aside;  // Where they are; empty when there were none.
};

// Cuts every record after `keep` off the journal in `directory`, and puts them with their blobs into the new folder
// `aside` first, or, when other records have been set aside there, into `aside`-2, -3, … : a node may leave the same record
// behind more than once. The state is removed: it is rebuilt from what is left when the store is opened. Nobody has the
// store open; `lock` is the caller's of the directory, or none, and it is taken here. After a crash at any point, call it again with the same arguments.
// kFailedPrecondition: a process has the directory. kCorruption: the journal is damaged; nothing was changed.
// kResourceExhausted: too many folders (limits::kSetAsideMax); nothing was changed.
Result<TruncatedJournal> TruncateJournal(const std::string& directory, Lsn keep, const std::string& aside,
                                         std::shared_ptr<DirectoryLock> lock = nullptr);

// What was set aside: its records in order.
Status ReadSetAside(const std::string& aside, const std::function<Status(const LogRecord&)>& visit);

}  // namespace tarn::engine
