#include "replication/node_file.h"

#include <charconv>
#include <memory>
#include <string_view>

#include "storage/base/file_system.h"
#include "storage/base/replication_limits.h"
#include "storage/base/uuid.h"

namespace tarn::replication {
namespace {

constexpr char kName[] = "/replication";
constexpr size_t kFileBytesMax = 64 * limits::kKiB;

Status Damaged(const std::string& path, std::string_view line) {
  return Corruption(path + ": cannot read the line \"" + std::string(line) + "\"; repair it, or remove the file of a " +
                    "node that is to begin anew");
}

Status ReadLine(std::string_view key, std::string_view value, NodeFile* node, bool* is_known) {
  *is_known = true;
  if (key == "node") {
    node->node_id = value;
  } else if (key == "role") {
    node->role = value == "follower" ? NodeRole::kFollower : NodeRole::kLeader;
  } else if (key == "leader") {
    node->leader_url = value;
  } else if (key == "fenced") {
    node->is_fenced = value == "yes";
  } else if (key == "fence") {
    node->fence_url = value;
  } else if (key == "configured") {
    node->configured = value;
  } else if (key == "epoch") {
    uint32_t epoch = 0;
    *is_known = std::from_chars(value.data(), value.data() + value.size(), epoch).ec == std::errc();
    node->epoch = Epoch(epoch);
  } else if (key == "in_sync") {
    node->in_sync.emplace_back(value);
  } else {
    *is_known = false;
  }
  return OkStatus();
}

}  // namespace

Result<NodeFile> NodeFile::Load(const std::string& directory, Random* random) {
  NodeFile node;
  const std::string path = directory + kName;
  const auto file = PosixFileSystem().OpenReadOnly(path);
  if (file.code() == Code::kNotFound) {
    node.node_id = MakeUuid(random);
    node.is_new = true;
    return node;
  }
  RETURN_IF_ERROR(file.status());
  std::string text;
  RETURN_IF_ERROR((*file)->ReadAt(0, kFileBytesMax, &text));
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const size_t space = line.find(' ');
    bool is_known = false;
    if (space != std::string_view::npos) {
      RETURN_IF_ERROR(ReadLine(line.substr(0, space), line.substr(space + 1), &node, &is_known));
    }
    if (!is_known) return Damaged(path, line);
  }
  if (node.node_id.empty()) return Damaged(path, "node");
  return node;
}

Status NodeFile::Save(const std::string& directory) const {
  std::string text = "node " + node_id + "\nrole " + (role == NodeRole::kLeader ? "leader" : "follower") + "\nepoch " +
                     std::to_string(epoch.value()) + "\n";
  if (!leader_url.empty()) text += "leader " + leader_url + "\n";
  if (is_fenced) text += "fenced yes\n";
  if (!fence_url.empty()) text += "fence " + fence_url + "\n";
  if (!configured.empty()) text += "configured " + configured + "\n";
  for (const std::string& member : in_sync) text += "in_sync " + member + "\n";
  FileSystem& files = PosixFileSystem();
  const std::string path = directory + kName;
  const std::string part = path + ".part";
  if (const Status removed = files.Remove(part); !removed.ok() && removed.code() != Code::kNotFound) return removed;
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.Create(part));
    RETURN_IF_ERROR(file->WriteAt(0, text));
    RETURN_IF_ERROR(file->Sync());
  }
  RETURN_IF_ERROR(files.Rename(part, path));
  return files.SyncDirectory(directory);
}

}  // namespace tarn::replication
