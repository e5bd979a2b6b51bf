#include "migrate/import/user_import.h"

#include <map>

#include "storage/base/clock.h"
#include "storage/base/limits.h"
#include "storage/registry/couch_hash.h"
#include "storage/registry/htpasswd.h"
#include "storage/registry/json_text.h"
#include "storage/registry/package_name.h"

namespace tarn::migrate {
namespace {

constexpr std::string_view kUserPrefix = "org.couchdb.user:";

void Find(UserReport* report, std::string what) {
  report->findings.push_back({FindingKind::kBadUser, report->name, {}, std::move(what), Finding::Severity::kWarning});
}

// One line of a profile, or nothing.
std::string ProfileText(std::string text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return {};
  }
  return text.size() <= limits::kProfileFieldBytesMax ? text : std::string();
}

struct PasswordFields {
  std::string scheme, prf, iterations, salt, derived, sha;
};

// The hash as we keep it; empty, with a finding, when there is none that can be used.
std::string HashOf(const PasswordFields& fields, UserReport* report) {
  const std::string& hex = fields.scheme == "pbkdf2" ? fields.derived : fields.sha;
  if (hex.empty()) {
    Find(report, "has no password: nobody can log in with it until one is set");
    return {};
  }
  auto hash = registry::MakeCouchHash(fields.scheme, fields.prf, fields.iterations, fields.salt, hex);
  if (hash.ok()) return std::move(*hash);
  Find(report, "has " + std::string(hash.status().message()) + ": nobody can log in until a password is set");
  return {};
}

}  // namespace

std::string_view StateName(UserReport::State state) {
  switch (state) {
    case UserReport::State::kImported: return "imported";
    case UserReport::State::kUnchanged: return "unchanged";
    case UserReport::State::kExists: return "exists";
    case UserReport::State::kDeleted: return "deleted";
    case UserReport::State::kRefused: return "refused";
  }
  return "imported";
}

bool UserImport::IsUser(std::string_view id) { return id.starts_with(kUserPrefix); }

Status UserImport::Take(const DocumentEnd& document) {
  UserReport report;
  report.name = document.id.substr(kUserPrefix.size());
  if (document.is_deleted) {
    report.state = UserReport::State::kDeleted;
    return Report(std::move(report));
  }
  const auto members = registry::SplitJsonObjectWithRepeats(document.body.empty() ? std::string_view("{}")
                                                                                  : std::string_view(document.body));
  if (!members.ok()) {
    report.state = UserReport::State::kRefused;
    Find(&report, "cannot be read: " + std::string(members.status().message()));
    return Report(std::move(report));
  }
  registry::LegacyUser user;
  user.name = report.name;
  PasswordFields password;
  for (const registry::JsonMember& member : *members) {
    const std::string text = registry::TextOfJson(member.raw_value);
    if (member.key == "email") user.email = text;
    if (member.key == "password_scheme") password.scheme = text;
    if (member.key == "pbkdf2_prf") password.prf = text;
    if (member.key == "iterations") password.iterations = member.raw_value;
    if (member.key == "salt") password.salt = text;
    if (member.key == "derived_key") password.derived = text;
    if (member.key == "password_sha") password.sha = text;
    if (member.key == "fullname") user.profile.full_name = ProfileText(text);
    if (member.key == "homepage") user.profile.homepage = ProfileText(text);
    if (member.key == "github") user.profile.github = ProfileText(text);
    if (member.key == "twitter") user.profile.twitter = ProfileText(text);
    if (member.key == "freenode") user.profile.freenode = ProfileText(text);
    if (member.key == "date") {
      const auto created_ms = ParseIsoTime(text);
      if (created_ms.ok()) user.created_ms = *created_ms;
    }
  }
  user.password_hash = HashOf(password, &report);
  if (!user.email.empty() && !registry::ValidateEmail(user.email).ok()) {
    Find(&report, "has an address that is none: left out");
    user.email.clear();
  }
  return Put(user, std::move(report));
}

Status UserImport::TakeHtpasswd(std::string_view text) {
  const registry::Htpasswd passwords = registry::ParseHtpasswd(text);
  const std::map<std::string, std::string> in_order(passwords.hashes.begin(), passwords.hashes.end());
  for (const auto& [name, hash] : in_order) {
    registry::LegacyUser user;
    user.name = name;
    user.password_hash = hash;
    RETURN_IF_ERROR(Put(user, {name, UserReport::State::kImported, {}}));
  }
  for (const std::string& problem : passwords.problems) {
    UserReport report{"htpasswd", UserReport::State::kRefused, {}};
    Find(&report, problem);
    RETURN_IF_ERROR(Report(std::move(report)));
  }
  return OkStatus();
}

Status UserImport::Put(const registry::LegacyUser& user, UserReport report) {
  if (target_ == nullptr) return Report(std::move(report));
  const auto outcome = target_->Put(user);
  if (outcome.code() == Code::kInvalidArgument) {
    report.state = UserReport::State::kRefused;
    Find(&report, "not imported: " + std::string(outcome.status().message()));
    return Report(std::move(report));
  }
  RETURN_IF_ERROR(outcome.status());
  if (*outcome == registry::LegacyUsers::Outcome::kUnchanged) report.state = UserReport::State::kUnchanged;
  if (*outcome == registry::LegacyUsers::Outcome::kExists) {
    report.state = UserReport::State::kExists;
    report.findings.push_back({FindingKind::kUserExists,
                               report.name,
                               {},
                               "an account of this name is here already, with a password of its own: left as it is",
                               Finding::Severity::kNote});
  }
  return Report(std::move(report));
}

Status UserImport::Report(UserReport report) {
  switch (report.state) {
    case UserReport::State::kImported: ++counts_.imported; break;
    case UserReport::State::kUnchanged: ++counts_.unchanged; break;
    case UserReport::State::kExists: ++counts_.exists; break;
    case UserReport::State::kDeleted: ++counts_.deleted; break;
    case UserReport::State::kRefused: ++counts_.refused; break;
  }
  for (const Finding& finding : report.findings) {
    if (finding.severity == Finding::Severity::kWarning) ++counts_.warnings;
  }
  listener_->User(report);
  return OkStatus();
}

}  // namespace tarn::migrate
