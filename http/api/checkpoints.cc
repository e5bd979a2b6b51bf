#include "http/api/checkpoints.h"

#include "storage/base/logging.h"
#include "storage/registry/json_text.h"

namespace tarn::http {
namespace {

std::string KeyOf(std::string_view user, std::string_view id) { return std::string(user) + '\n' + std::string(id); }

std::string RevOf(uint64_t revision) { return "0-" + std::to_string(revision); }

}  // namespace

Result<std::string> ReplicationCheckpoints::Get(std::string_view user, std::string_view id) {
  MutexLock lock(mutex_);
  const auto found = by_key_.find(KeyOf(user, id));
  if (found == by_key_.end()) return NotFound("missing");
  const Entry& entry = *found->second;
  recent_.splice(recent_.begin(), recent_, found->second);
  return "{\"_id\":" + JsonString("_local/" + std::string(id)) + ",\"_rev\":\"" + RevOf(entry.revision) + "\"" +
         entry.members + "}";
}

Result<std::string> ReplicationCheckpoints::Put(std::string_view user, std::string_view id, std::string_view body) {
  if (id.size() > limits::kReplicationIdBytesMax || body.size() > limits::kReplicationCheckpointBytesMax) {
    return TooLarge("A replication checkpoint has at most " + std::to_string(limits::kReplicationCheckpointBytesMax) +
                    " bytes, and its name " + std::to_string(limits::kReplicationIdBytesMax) + ".");
  }
  ASSIGN_OR_RETURN(const auto members, registry::ParseJsonObject(body));
  Entry entry{.key = KeyOf(user, id), .revision = 1, .members = ""};
  std::string claimed_rev;
  for (const registry::JsonMember& member : members) {
    if (member.key == "_rev") {
      ASSIGN_OR_RETURN(claimed_rev, registry::DecodeJsonString(member.raw_value));
    } else if (member.key != "_id") {
      entry.members += "," + JsonString(member.key) + ":" + std::string(member.raw_value);
    }
  }

  MutexLock lock(mutex_);
  const auto found = by_key_.find(entry.key);
  const std::string current_rev = found == by_key_.end() ? "" : RevOf(found->second->revision);
  // A revision of something that fell out of memory is no conflict: there is nothing to lose.
  if (found != by_key_.end() && claimed_rev != current_rev) {
    return Conflict("Document update conflict: the checkpoint is at revision " + current_rev + ".");
  }
  if (found != by_key_.end()) {
    entry.revision = found->second->revision + 1;
    const auto old = found->second;
    by_key_.erase(found);
    recent_.erase(old);
  } else if (recent_.size() >= most_) {
    by_key_.erase(recent_.back().key);
    recent_.pop_back();
  }
  recent_.push_front(std::move(entry));
  by_key_.emplace(recent_.front().key, recent_.begin());
  return RevOf(recent_.front().revision);
}

}  // namespace tarn::http
