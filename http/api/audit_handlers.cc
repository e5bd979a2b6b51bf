#include <array>
#include <map>

#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "storage/base/logging.h"
#include "storage/base/trust_limits.h"
#include "storage/registry/audit_request.h"

namespace tarn::http {
namespace {

using registry::Advisory;
using registry::AuditTree;
using registry::PackageAdvisories;
using registry::Severity;

std::string Strings(const std::vector<std::string>& texts) {
  std::string json = "[";
  for (const std::string& text : texts) json += (json.size() > 1 ? "," : "") + JsonString(text);
  return json + "]";
}

std::string Cvss(const Advisory& advisory) {
  const std::string score = std::to_string(advisory.cvss_tenths / 10) + "." + std::to_string(advisory.cvss_tenths % 10);
  return "{\"score\":" + score +
         ",\"vectorString\":" + (advisory.cvss_vector.empty() ? "null" : JsonString(advisory.cvss_vector)) + "}";
}

// What both forms of the answer say of an advisory.
std::string CommonMembers(const Advisory& advisory, const std::string& package) {
  return "\"id\":" + std::to_string(registry::AdvisoryNumber(advisory.id, package)) +
         ",\"url\":" + JsonString(advisory.url) + ",\"title\":" + JsonString(advisory.title) +
         ",\"severity\":" + JsonString(registry::SeverityName(advisory.severity)) +
         ",\"vulnerable_versions\":" + JsonString(registry::VulnerableVersions(advisory)) +
         ",\"cwe\":" + Strings(advisory.cwes) + ",\"cvss\":" + Cvss(advisory);
}

// The answer to npm 6 and to pnpm up to 10: a report about a tree (contract 12.2, X3).
class TreeReport {
 public:
  TreeReport(const AuditTree& tree, const std::vector<PackageAdvisories>& packages) : tree_(tree) {
    for (const PackageAdvisories& package : packages) nodes_[package.name];
    for (size_t i = 1; i < tree.nodes.size(); ++i) {
      const auto place = nodes_.find(tree.nodes[i].name);
      if (place != nodes_.end()) place->second.push_back(i);
    }
    for (const PackageAdvisories& package : packages) {
      Finding finding;
      for (const Advisory& advisory : package.advisories) Report(advisory, package.name, &finding);
      found_.emplace_back(package.name, std::move(finding));
    }
  }

  std::string Format() const {
    std::string actions;
    std::string advisories;
    for (const auto& [name, finding] : found_) {
      if (finding.advisories.empty()) continue;
      if (!advisories.empty()) advisories += ',';
      advisories += finding.advisories;
      // Which update would help is for the client to find out: what it may install depends on more than is sent here.
      if (!actions.empty()) actions += ',';
      actions += "{\"action\":\"review\",\"module\":" + JsonString(name) + ",\"resolves\":[" + finding.resolves + "]}";
    }
    return "{\"actions\":[" + actions + "],\"advisories\":{" + advisories +
           "},\"muted\":[],\"metadata\":" + Metadata() + "}";
  }

 private:
  // Of one package, as JSON.
  struct Finding {
    std::string advisories;
    std::string resolves;
  };

  void Report(const Advisory& advisory, const std::string& name, Finding* finding) {
    const std::string number = std::to_string(registry::AdvisoryNumber(advisory.id, name));
    std::string findings;
    for (const size_t i : nodes_.at(name)) {
      const registry::AuditNode& node = tree_.nodes[i];
      if (path_count_ == limits::kAuditFindingsMax || !registry::Affects(advisory, node.version)) continue;
      ++path_count_;
      ++vulnerabilities_[static_cast<size_t>(advisory.severity) - 1];
      const std::string path = JsonString(tree_.PathOf(i));
      const std::string flags = Flags(node);
      findings += (findings.empty() ? "" : ",") + ("{\"version\":" + JsonString(node.version)) + ",\"paths\":[" + path +
                  "]," + flags + "}";
      finding->resolves +=
          (finding->resolves.empty() ? "" : ",") + ("{\"id\":" + number) + ",\"path\":" + path + "," + flags + "}";
    }
    if (findings.empty()) return;
    finding->advisories += (finding->advisories.empty() ? "\"" : ",\"") + number + "\":{\"findings\":[" + findings +
                           "]," + CommonMembers(advisory, name) + "," + ReportMembers(advisory, name) + "}";
  }

  static std::string Flags(const registry::AuditNode& node) {
    const auto word = [](bool flag) { return flag ? "true" : "false"; };
    return std::string("\"dev\":") + word(node.is_dev) + ",\"optional\":" + word(node.is_optional) +
           ",\"bundled\":" + word(node.is_bundled);
  }

  // What only this form says.
  static std::string ReportMembers(const Advisory& advisory, const std::string& name) {
    std::vector<std::string> cves;
    for (const std::string& alias : advisory.aliases) {
      if (alias.starts_with("CVE-")) cves.push_back(alias);
    }
    const std::string patched = registry::PatchedVersions(advisory);
    const std::string advice =
        patched == "<0.0.0" ? "No version is known to be free of it." : "Upgrade to a version in " + patched + ".";
    std::string json = "\"module_name\":" + JsonString(name) + ",\"patched_versions\":" + JsonString(patched);
    json += ",\"created\":" + JsonString(FormatIsoTime(advisory.published_ms));
    json += ",\"updated\":" + JsonString(FormatIsoTime(advisory.modified_ms)) + ",\"deleted\":null";
    json += ",\"cves\":" + Strings(cves) + ",\"overview\":" + JsonString(advisory.title);
    json += ",\"recommendation\":" + JsonString(advice) + ",\"references\":" + JsonString(advisory.url);
    if (advisory.id.starts_with("GHSA-")) json += ",\"github_advisory_id\":" + JsonString(advisory.id);
    json += ",\"found_by\":{\"name\":\"\"},\"reported_by\":{\"name\":\"\"}";
    return json + ",\"access\":\"public\",\"metadata\":null";
  }

  std::string Metadata() const {
    size_t dev = 0;
    size_t optional = 0;
    for (size_t i = 1; i < tree_.nodes.size(); ++i) {
      if (tree_.nodes[i].is_dev)
        ++dev;
      else if (tree_.nodes[i].is_optional)
        ++optional;
    }
    const size_t total = tree_.nodes.size() - 1;
    std::string json = "{\"vulnerabilities\":{";
    for (size_t i = 0; i < registry::kSeverityCount; ++i) {
      const auto severity = static_cast<Severity>(i + 1);
      json += (i > 0 ? ",\"" : "\"") + std::string(registry::SeverityName(severity)) +
              "\":" + std::to_string(vulnerabilities_[i]);
    }
    json += "},\"dependencies\":" + std::to_string(total - dev - optional);
    json += ",\"devDependencies\":" + std::to_string(dev) + ",\"optionalDependencies\":" + std::to_string(optional);
    return json + ",\"totalDependencies\":" + std::to_string(total) + "}";
  }

  const AuditTree& tree_;
  std::map<std::string, std::vector<size_t>> nodes_;  // By name, of what is vulnerable.
  std::vector<std::pair<std::string, Finding>> found_;
  std::array<uint64_t, registry::kSeverityCount> vulnerabilities_{};
  size_t path_count_ = 0;
};

}  // namespace

Response HandleBulkAudit(const Services& services, const Call& call) {
  const auto packages = registry::ReadBulkAudit(call.body);
  if (!packages.ok()) return ErrorResponse(packages.status());
  const auto found = services.registry.Audit(call.principal, *packages);
  if (!found.ok()) return ErrorResponse(found.status());
  std::string body = "{";
  for (const PackageAdvisories& package : *found) {
    if (body.size() > 1) body += ',';
    body += JsonString(package.name) + ":[";
    for (size_t i = 0; i < package.advisories.size(); ++i) {
      body += (i > 0 ? ",{" : "{") + CommonMembers(package.advisories[i], package.name) + "}";
    }
    body += ']';
  }
  return PrivateJsonResponse(200, body + "}");
}

Response HandleTreeAudit(const Services& services, const Call& call) {
  const auto tree = registry::ReadAuditTree(call.body);
  if (!tree.ok()) return ErrorResponse(tree.status());
  const auto found = services.registry.Audit(call.principal, tree->Packages());
  if (!found.ok()) return ErrorResponse(found.status());
  return PrivateJsonResponse(200, TreeReport(*tree, *found).Format());
}

}  // namespace tarn::http
