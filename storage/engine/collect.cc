#include "storage/engine/collect.h"

#include <optional>

#include "storage/engine/keys.h"
#include "storage/engine/local_store.h"
#include "storage/engine/local_values.h"

namespace tarn::engine {

Result<SweepReport> SweepDeadBlobs(Store& store, const SweepOptions& options) {
  auto* local = dynamic_cast<LocalStore*>(&store);
  if (local == nullptr) return FailedPrecondition("not a store on disk");
  SegmentStore::Sweep sweep;
  sweep.last = local->last_lsn();
  sweep.dead_percent = options.dead_percent;
  sweep.dry_run = options.dry_run;
  sweep.is_stopping = options.is_stopping ? options.is_stopping : [] { return false; };
  sweep.may_remove = [local] { return local->MaySweep(); };
  sweep.has_room = [local](uint64_t bytes) { return local->CheckRoom(bytes); };
  // A place that no row names never comes back: rows are written for new groups only.
  sweep.is_live = [local, &options](const Location& location) -> Result<bool> {
    if (options.condemned != nullptr && options.condemned->contains(location.info.sha512)) return false;
    ASSIGN_OR_RETURN(const std::optional<std::string> row,
                     local->rocks().Get(Family::kLocation, DigestKey(location.info.sha512)));
    return row.has_value() && *row == EncodeLocation(location);
  };
  return local->segments().SweepDead(sweep);
}

}  // namespace tarn::engine
