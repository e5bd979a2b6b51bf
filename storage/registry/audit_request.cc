#include "storage/registry/audit_request.h"

#include <deque>
#include <map>
#include <set>

#include "storage/base/trust_limits.h"
#include "storage/registry/json_text.h"

namespace tarn::registry {
namespace {

Status TooManyPackages() {
  return TooLarge("an audit may ask for " + std::to_string(limits::kAuditPackagesMax) + " packages at most");
}

std::vector<JsonMember> MembersOf(std::string_view raw) {
  auto members = SplitJsonObject(raw);
  return members.ok() ? std::move(*members) : std::vector<JsonMember>();
}

// The tree while it is read: who holds whom, and who asks for what.
class TreeReader {
 public:
  Result<AuditTree> Read(std::string_view json) {
    ASSIGN_OR_RETURN(const std::vector<JsonMember> root, ParseJsonObject(json));
    AddNode("", root, AuditNode::kNone);
    // Depth first with a stack of our own; the depth of the text is bounded by its parser.
    while (!unread_.empty()) {
      const auto [dependencies, parent] = unread_.back();
      unread_.pop_back();
      for (const JsonMember& dependency : MembersOf(dependencies)) {
        if (tree_.nodes.size() > limits::kAuditPackagesMax) return TooManyPackages();
        AddNode(dependency.key, MembersOf(dependency.raw_value), parent);
      }
    }
    FindDependents();
    return std::move(tree_);
  }

 private:
  void AddNode(std::string name, const std::vector<JsonMember>& members, size_t parent) {
    const size_t index = tree_.nodes.size();
    AuditNode node;
    node.name = std::move(name);
    node.parent = parent;
    std::string_view requires_text;
    for (const JsonMember& member : members) {
      if (member.key == "version") node.version = TextOfJson(member.raw_value);
      if (member.key == "dev") node.is_dev = member.raw_value == "true";
      if (member.key == "optional") node.is_optional = member.raw_value == "true";
      if (member.key == "bundled") node.is_bundled = member.raw_value == "true";
      if (member.key == "requires") requires_text = member.raw_value;
      if (member.key == "dependencies") unread_.emplace_back(member.raw_value, index);
    }
    if (parent != AuditNode::kNone) held_[{parent, node.name}] = index;
    tree_.nodes.push_back(std::move(node));
    required_.push_back(requires_text);
  }

  // As node looks it up: beside the one who asks, then beside whoever holds that one, up to the root.
  size_t Resolve(size_t from, const std::string& name) const {
    for (size_t holder = from; holder != AuditNode::kNone; holder = tree_.nodes[holder].parent) {
      const auto found = held_.find({holder, name});
      if (found != held_.end()) return found->second;
    }
    return AuditNode::kNone;
  }

  void FindDependents() {
    std::deque<size_t> reached = {0};
    while (!reached.empty()) {
      const size_t index = reached.front();
      reached.pop_front();
      for (const JsonMember& wanted : MembersOf(required_[index])) {
        const size_t found = Resolve(index, wanted.key);
        if (found == AuditNode::kNone || found == index || tree_.nodes[found].dependent != AuditNode::kNone) continue;
        tree_.nodes[found].dependent = index;
        reached.push_back(found);
      }
    }
  }

  AuditTree tree_;
  std::vector<std::pair<std::string_view, size_t>> unread_;  // Raw `dependencies`, and the node that holds them.
  std::vector<std::string_view> required_;                   // Raw `requires` of each node.
  std::map<std::pair<size_t, std::string>, size_t> held_;
};

}  // namespace

Result<std::vector<AuditedPackage>> ReadBulkAudit(std::string_view json) {
  ASSIGN_OR_RETURN(const std::vector<JsonMember> members, ParseJsonObject(json));
  if (members.size() > limits::kAuditPackagesMax) return TooManyPackages();
  std::vector<AuditedPackage> packages;
  packages.reserve(members.size());
  size_t version_count = 0;
  for (const JsonMember& member : members) {
    const auto versions = SplitJsonArray(member.raw_value);
    if (!versions.ok()) return InvalidArgument("the versions of \"" + member.key + "\" are not a list");
    version_count += versions->size();
    if (version_count > limits::kAuditVersionsMax) {
      return TooLarge("an audit may ask for " + std::to_string(limits::kAuditVersionsMax) + " versions at most");
    }
    AuditedPackage& package = packages.emplace_back();
    package.name = member.key;
    for (const std::string_view raw : *versions) {
      if (KindOfJson(raw) != JsonKind::kString) {
        return InvalidArgument("the versions of \"" + member.key + "\" are not all strings");
      }
      package.versions.push_back(TextOfJson(raw));
    }
  }
  return packages;
}

Result<AuditTree> ReadAuditTree(std::string_view json) { return TreeReader().Read(json); }

std::vector<AuditedPackage> AuditTree::Packages() const {
  std::map<std::string, std::set<std::string>> versions;
  for (size_t i = 1; i < nodes.size(); ++i) versions[nodes[i].name].insert(nodes[i].version);
  std::vector<AuditedPackage> packages;
  for (auto& [name, numbers] : versions) packages.push_back({name, {numbers.begin(), numbers.end()}});
  return packages;
}

std::string AuditTree::PathOf(size_t node) const {
  std::string path = nodes[node].name;
  while (true) {
    const size_t above = nodes[node].dependent != AuditNode::kNone ? nodes[node].dependent : nodes[node].parent;
    // The root has no name. Dependents come from a search and parents from a tree, but a path may change from one to the
    // other: what ends it for certain is its length.
    if (above == 0 || above == AuditNode::kNone || path.size() > limits::kAuditPathBytesMax) return path;
    path = nodes[above].name + ">" + path;
    node = above;
  }
}

}  // namespace tarn::registry
