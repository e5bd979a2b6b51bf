#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/base/ids.h"
#include "storage/base/result.h"
#include "storage/engine/blob_store.h"
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

// The same with the blobs. Threads: one at a time; its readers may outlive it.
class SetAsideRecords {
 public:
  // kCorruption: damaged, with file and offset.
  static Result<std::unique_ptr<SetAsideRecords>> Open(const std::string& aside);
  virtual ~SetAsideRecords() = default;
  virtual Status Read(const std::function<Status(const LogRecord&)>& visit) = 0;
  // A blob that came with one of these records. kNotFound: it came with an earlier one, and was stored but once. Its bytes
  // are not checked here: whoever stores them anew does.
  virtual Result<BlobReader> OpenBlob(const Digest& digest) = 0;
};

}  // namespace tarn::engine
