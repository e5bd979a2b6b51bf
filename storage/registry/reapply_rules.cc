#include "storage/registry/reapply_rules.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/limits.h"
#include "storage/engine/keys.h"
#include "storage/registry/manifest_summary.h"
#include "storage/registry/package_name.h"
#include "storage/registry/package_state.h"
#include "storage/registry/records.h"
#include "storage/registry/semver.h"

namespace tarn::registry {
namespace {

using engine::EventKind;
using engine::Family;
using engine::Mutation;

constexpr std::string_view kLatest = "latest";

// A key of the record with its three values.
struct Key {
  Family family;
  std::string key;
  std::optional<std::string> before, after, now;

  bool is_done() const { return now == after; }
  bool is_free() const { return now == before; }
};

// For a person. Keys of versions, tokens and counters are bytes that say nothing.
std::string Described(const Key& key, const engine::Event& event) {
  switch (key.family) {
    case Family::kPackage: return "the package " + key.key;
    case Family::kVersion:
    case Family::kTombstone: return event.package + "@" + event.version;
    case Family::kUser: return "the user \"" + key.key + "\"";
    case Family::kToken: return "the token";
    case Family::kOrg: return "the organisation \"" + key.key.substr(0, key.key.find('\0')) + "\"";
    case Family::kGrant: return "who may write " + key.key;
    case Family::kSetting: return "the setting \"" + key.key + "\"";
    case Family::kHook: return "the hook " + key.key;
    default: return "a " + std::string(engine::FamilyName(key.family));
  }
}

std::string JoinedNames(const std::vector<Maintainer>& maintainers) {
  std::string names;
  for (const Maintainer& maintainer : maintainers) names += (names.empty() ? "" : ", ") + maintainer.name;
  return names.empty() ? "nobody" : names;
}

// "after" in the place of `now`, unless somebody else gave it another value than it had before.
template <typename Value>
bool Merge(const Value& before, const Value& after, Value* now) {
  if (after == before || *now == after) return true;
  if (*now != before) return false;
  *now = after;
  return true;
}

// A set as a sorted list: what was added is added, what was removed goes.
void MergeSorted(const std::vector<std::string>& before, const std::vector<std::string>& after,
                 std::vector<std::string>* now) {
  std::set<std::string> merged(now->begin(), now->end());
  for (const std::string& item : before) {
    if (!std::ranges::count(after, item)) merged.erase(item);
  }
  for (const std::string& item : after) {
    if (!std::ranges::count(before, item)) merged.insert(item);
  }
  now->assign(merged.begin(), merged.end());
}

std::optional<std::string> TagOf(const PackageRecord& package, std::string_view tag) {
  const std::string* version = package.FindTag(tag);
  return version == nullptr ? std::nullopt : std::optional(*version);
}

// Where a version that a dist-tag names has its record.
Result<std::string> KeyOfVersion(const std::string& package, const std::string& text) {
  ASSIGN_OR_RETURN(const PackageName name, PackageName::Parse(package));
  const auto version = Version::ParseLoose(text);
  return version.ok() ? VersionKey(name, *version) : OddVersionKey(name, text);
}

class Decider {
 public:
  Decider(const engine::LogRecord& record, const engine::ReadView& now, const BeforeLookup& before,
          const ReapplyStamp& stamp)
      : record_(record), now_(now), before_(before), stamp_(stamp) {}

  Result<ReapplyDecision> Decide() {
    RETURN_IF_ERROR(ReadKeys());
    if (keys_.empty()) return There("it changes nothing");
    if (std::ranges::all_of(keys_, &Key::is_done)) return There("");
    for (const auto check : {&Decider::CheckNumbers, &Decider::CheckActor, &Decider::CheckTokens}) {
      ASSIGN_OR_RETURN(std::optional<ReapplyDecision> decision, (this->*check)());
      if (decision) return *std::move(decision);
    }
    RETURN_IF_ERROR(LeaveOutUnknownSignatures());
    mutation_.event = record_.event;
    mutation_.event.idempotency_key = ReapplyMark(record_.chain_hash);
    if (std::ranges::all_of(keys_, [](const Key& key) { return key.is_done() || key.is_free(); })) return AsItWas();
    return IsAboutPackage() ? JoinPackage() : JoinAccounts();
  }

 private:
  static ReapplyDecision There(std::string why) { return {ReapplyVerdict::kAlreadyThere, std::move(why), {}}; }
  static ReapplyDecision Cannot(std::string why) { return {ReapplyVerdict::kCannot, std::move(why), {}}; }
  ReapplyDecision Done(std::string remark) {
    return {ReapplyVerdict::kReapply, std::move(remark), std::move(mutation_)};
  }

  // Whatever is read decides, and is a precondition of what is decided.
  Result<std::optional<std::string>> Now(Family family, const std::string& key) {
    ASSIGN_OR_RETURN(std::optional<std::string> value, now_.Get(family, key));
    const auto is_this = [&](const engine::Precondition& known) { return known.family == family && known.key == key; };
    if (std::ranges::none_of(mutation_.preconditions, is_this)) {
      mutation_.preconditions.push_back({family, key, value});
    }
    return value;
  }

  // With what the record itself puts there.
  Result<std::optional<std::string>> WillBe(Family family, const std::string& key) {
    for (const Key& own : keys_) {
      if (own.family == family && own.key == key) return own.after;
    }
    return Now(family, key);
  }

  Status ReadKeys() {
    for (const engine::Change& change : record_.changes) {
      if (change.family == Family::kBlob) continue;  // The engine's own: it comes with the bytes.
      Key key{change.family, change.key, {}, change.value, {}};
      ASSIGN_OR_RETURN(key.before, before_(key.family, key.key));
      ASSIGN_OR_RETURN(key.now, Now(key.family, key.key));
      keys_.push_back(std::move(key));
    }
    return OkStatus();
  }

  Key* Find(Family family) {
    const auto found = std::ranges::find(keys_, family, &Key::family);
    return found == keys_.end() ? nullptr : &*found;
  }
  bool IsAboutPackage() { return Find(Family::kPackage) != nullptr; }

  // A number is used once: by whom and for which bytes was decided by whoever leads now.
  Result<std::optional<ReapplyDecision>> CheckNumbers() {
    for (const Key& key : keys_) {
      if (key.family != Family::kVersion || key.before || !key.after) continue;
      ASSIGN_OR_RETURN(const std::optional<std::string> gone, Now(Family::kTombstone, key.key));
      if (gone) {
        return std::optional(Cannot(Described(key, record_.event) +
                                    " was published and unpublished meanwhile; its number is not used again"));
      }
      if (!key.now) continue;
      ASSIGN_OR_RETURN(const VersionRecord ours, Decode<VersionRecord>(*key.after));
      ASSIGN_OR_RETURN(const VersionRecord theirs, Decode<VersionRecord>(*key.now));
      const std::string by = theirs.publisher.name.empty() ? "" : " by " + theirs.publisher.name;
      if (ours.tarball.sha512 != theirs.tarball.sha512) {
        return std::optional(Cannot(ours.version + " was published" + by + " meanwhile, with another tarball"));
      }
      if (ours.manifest != theirs.manifest) {
        return std::optional(
            Cannot(ours.version + " was published" + by + " meanwhile, with the same tarball and another manifest"));
      }
      return std::optional(There("published again" + by + " meanwhile, the same bytes"));
    }
    return std::optional<ReapplyDecision>();
  }

  // Who lost the account meanwhile does nothing here any more.
  Result<std::optional<ReapplyDecision>> CheckActor() {
    const std::string& actor = record_.event.actor;
    if (actor.empty()) return std::optional<ReapplyDecision>();
    const std::string user_key = engine::NameKey(actor);
    const bool is_own =
        std::ranges::any_of(keys_, [&](const Key& key) { return key.family == Family::kUser && key.key == user_key; });
    if (is_own) return std::optional<ReapplyDecision>();
    ASSIGN_OR_RETURN(const std::optional<std::string> before, before_(Family::kUser, user_key));
    if (!before)
      return std::optional<ReapplyDecision>();  // Somebody without an account, by a trusted publisher's right.
    ASSIGN_OR_RETURN(const std::optional<std::string> now, Now(Family::kUser, user_key));
    ASSIGN_OR_RETURN(const bool is_same, IsSameAccount(now, before));
    if (is_same) return std::optional<ReapplyDecision>();
    return std::optional(Cannot("the account of " + actor + " is gone, or is another one by now"));
  }

  // A token is worth what its user's account is.
  Result<std::optional<ReapplyDecision>> CheckTokens() {
    for (const Key& key : keys_) {
      if (key.family != Family::kToken || !key.after || key.is_done()) continue;
      ASSIGN_OR_RETURN(const TokenRecord token, Decode<TokenRecord>(*key.after));
      ASSIGN_OR_RETURN(const auto raw, WillBe(Family::kUser, engine::NameKey(token.user)));  // A login makes both.
      if (raw) {
        ASSIGN_OR_RETURN(const UserRecord user, Decode<UserRecord>(*raw));
        if (!user.is_removed() && user.id == token.user_id) continue;
      }
      return std::optional(Cannot("the token is of the user \"" + token.user + "\", whose account is not there"));
    }
    return std::optional<ReapplyDecision>();
  }

  static Result<bool> IsSameAccount(const std::optional<std::string>& now, const std::optional<std::string>& before) {
    if (!now) return false;
    ASSIGN_OR_RETURN(const UserRecord user, Decode<UserRecord>(*now));
    ASSIGN_OR_RETURN(const UserRecord old, Decode<UserRecord>(*before));
    return !user.is_removed() && user.id == old.id;
  }

  // Both leaders may have announced a key of their own. Who would verify with a key that is not in the list would be told that
  // the version is forged; so it goes without, and is signed when a server that signs is started.
  Status LeaveOutUnknownSignatures() {
    const std::string setting = engine::NameKey(kSigningKeysSetting);
    std::erase_if(
        keys_, [&](const Key& key) { return key.family == Family::kSetting && key.key == setting && !key.is_free(); });
    if (IsChanged(Family::kSetting, setting)) return OkStatus();  // It brings its key with it.
    SigningKeysRecord known;
    bool is_read = false;
    bool is_left_out = false;
    for (Key& key : keys_) {
      if (key.family != Family::kVersion || !key.after || key.is_done()) continue;
      ASSIGN_OR_RETURN(VersionRecord version, Decode<VersionRecord>(*key.after));
      if (version.signatures.empty()) continue;
      if (!std::exchange(is_read, true)) {
        ASSIGN_OR_RETURN(const std::optional<std::string> raw, Now(Family::kSetting, setting));
        if (raw) {
          ASSIGN_OR_RETURN(known, Decode<SigningKeysRecord>(*raw));
        }
      }
      const auto is_unknown = [&](const Signature& signature) { return known.Find(signature.keyid) == nullptr; };
      if (std::erase_if(version.signatures, is_unknown) == 0) continue;
      key.after = Encode(version);
      is_left_out = true;
    }
    if (!is_left_out) return OkStatus();
    remark_ = "without its signature, whose key is not known here";
    if (!known.old_versions_signed) return OkStatus();
    known.old_versions_signed = false;
    mutation_.changes.push_back({Family::kSetting, setting, Encode(known)});
    return OkStatus();
  }
  bool IsChanged(Family family, const std::string& name) {
    return std::ranges::any_of(
        keys_, [&](const Key& key) { return key.family == family && key.key == name && !key.is_done(); });
  }

  ReapplyDecision AsItWas() {
    for (const Key& key : keys_) {
      if (!key.is_done()) mutation_.changes.push_back({key.family, key.key, key.after});
    }
    return Done(remark_);
  }

  // The first key, other than those of `family`, that somebody else has changed.
  const Key* FindTaken(Family family) {
    const auto taken = std::ranges::find_if(
        keys_, [&](const Key& key) { return key.family != family && !key.is_done() && !key.is_free(); });
    return taken == keys_.end() ? nullptr : &*taken;
  }
  ReapplyDecision Taken(const Key& key) const {
    return Cannot(Described(key, record_.event) + (key.before ? " was changed" : " was made") + " meanwhile");
  }

  // Two lists of users grow side by side: their counts add up.
  Result<ReapplyDecision> JoinAccounts() {
    const std::string counts = engine::NameKey(kAccountsSetting);
    for (Key& key : keys_) {
      const bool is_counts = key.family == Family::kSetting && key.key == counts;
      if (key.is_done() || key.is_free() || !is_counts) continue;
      if (!key.after || !key.now) return Taken(key);
      AccountsRecord before;
      if (key.before) {
        ASSIGN_OR_RETURN(before, Decode<AccountsRecord>(*key.before));
      }
      ASSIGN_OR_RETURN(const AccountsRecord after, Decode<AccountsRecord>(*key.after));
      ASSIGN_OR_RETURN(AccountsRecord now, Decode<AccountsRecord>(*key.now));
      now.user_count += after.user_count - before.user_count;
      now.admin_count += after.admin_count - before.admin_count;
      key.before = key.now;
      key.after = Encode(now);
    }
    if (const Key* taken = FindTaken(Family::kPackage)) return Taken(*taken);
    return AsItWas();
  }

  Result<ReapplyDecision> JoinPackage() {
    Key& key = *Find(Family::kPackage);
    if (const Key* taken = FindTaken(Family::kPackage)) return Taken(*taken);
    if (!key.after || !key.now) return Cannot("the package was changed meanwhile");
    PackageRecord before;
    if (key.before) {
      ASSIGN_OR_RETURN(before, Decode<PackageRecord>(*key.before));
    }
    ASSIGN_OR_RETURN(const PackageRecord after, Decode<PackageRecord>(*key.after));
    ASSIGN_OR_RETURN(PackageRecord next, Decode<PackageRecord>(*key.now));
    if (auto refusal = RefuseToJoin(key, before, next)) return *std::move(refusal);
    ASSIGN_OR_RETURN(std::optional<ReapplyDecision> conflict, JoinFields(key, before, after, &next));
    if (conflict) return *std::move(conflict);
    RETURN_IF_ERROR(JoinVersions(&next));
    if (next.version_count > limits::kVersionsPerPackageMax) return Cannot("the package has too many versions");
    RETURN_IF_ERROR(RefreshSummary(before, after, &next));
    next.Advance(stamp_.rev_hash, stamp_.now_ms);
    key.before = key.now;
    key.after = Encode(next);
    return AsItWas();
  }

  std::optional<ReapplyDecision> RefuseToJoin(const Key& key, const PackageRecord& before, const PackageRecord& now) {
    const EventKind kind = record_.event.kind;
    const std::string& name = record_.event.package;
    const std::string& actor = record_.event.actor;
    switch (kind) {
      case EventKind::kPublishVersion:
      case EventKind::kSetDistTags:
      case EventKind::kDeprecate:
      case EventKind::kSetOwners:
      case EventKind::kSetAccess:
      case EventKind::kStar: break;
      case EventKind::kUnpublishVersion:
      case EventKind::kUnpublishPackage:
        return Cannot(name + " was changed meanwhile; whether it is still to be unpublished is for a person to say");
      default: return Cannot("the package " + name + " was changed meanwhile");
    }
    if (now.unpublished) return Cannot("the package " + name + " was unpublished meanwhile");
    if (kind == EventKind::kStar) return std::nullopt;
    if (!key.before && (actor.empty() || !now.IsMaintainer(actor))) {
      return Cannot("the package " + name + " was made meanwhile, and belongs to " + JoinedNames(now.maintainers));
    }
    const bool has_other_owners = key.before && now.maintainers != before.maintainers;
    if (has_other_owners && !now.IsMaintainer(actor)) {
      return Cannot("the package " + name + " was given to others meanwhile: " + JoinedNames(now.maintainers));
    }
    return std::nullopt;
  }

  // What the record changed of the package itself. A package that both have made stays as it is, but for the tags.
  Result<std::optional<ReapplyDecision>> JoinFields(const Key& key, const PackageRecord& before,
                                                    const PackageRecord& after, PackageRecord* next) {
    const bool is_publish = record_.event.kind == EventKind::kPublishVersion;
    const auto conflict = [](const std::string& what) { return std::optional(Cannot(what + " meanwhile")); };
    if (key.before) {
      if (!Merge(before.access, after.access, &next->access)) return conflict("its access was changed");
      if (!Merge(before.maintainers, after.maintainers, &next->maintainers)) return conflict("its owners were changed");
      if (!Merge(before.requires_second_factor, after.requires_second_factor, &next->requires_second_factor) ||
          !Merge(before.automation_bypasses_second_factor, after.automation_bypasses_second_factor,
                 &next->automation_bypasses_second_factor)) {
        return conflict("its rule for publishing was changed");
      }
      MergeSorted(before.stars, after.stars, &next->stars);
      if (after.unpublished != before.unpublished && !is_publish) return conflict("the package was changed");
    }
    for (const std::string& tag : ChangedTags(before, after)) {
      const std::optional<std::string> wanted = TagOf(after, tag);
      const std::optional<std::string> now = TagOf(*next, tag);
      if (now == wanted) continue;
      if (now != TagOf(before, tag)) {
        const std::string where = now ? "is at " + *now : "is gone";
        if (!is_publish) return conflict("the dist-tag " + tag + " " + where + ", moved");
        remark_ += (remark_.empty() ? "" : "; ") + ("the dist-tag " + tag + " stays: it " + where + " meanwhile");
        continue;
      }
      if (!wanted) {
        next->RemoveTag(tag);
        continue;
      }
      ASSIGN_OR_RETURN(const bool is_live, IsLive(*wanted));
      if (!is_live)
        return std::optional(
            Cannot("the dist-tag " + tag + " names " + *wanted + ", which is not here as it was there"));
      next->SetTag(tag, *wanted);
    }
    if (next->dist_tags.size() > limits::kDistTagsPerPackageMax) return std::optional(Cannot("too many dist-tags"));
    return std::optional<ReapplyDecision>();
  }

  static std::set<std::string> ChangedTags(const PackageRecord& before, const PackageRecord& after) {
    std::set<std::string> changed;
    for (const auto* package : {&before, &after}) {
      for (const auto& [tag, version] : package->dist_tags) {
        if (TagOf(before, tag) != TagOf(after, tag)) changed.insert(tag);
      }
    }
    return changed;
  }

  // The version's record as it will be, nothing when there is none.
  Result<std::optional<VersionRecord>> FindVersion(const std::string& text) {
    ASSIGN_OR_RETURN(const std::string key, KeyOfVersion(record_.event.package, text));
    ASSIGN_OR_RETURN(const std::optional<std::string> raw, WillBe(Family::kVersion, key));
    if (!raw) return std::optional<VersionRecord>();
    ASSIGN_OR_RETURN(VersionRecord record, Decode<VersionRecord>(*raw));
    return std::optional(std::move(record));
  }
  // Whether the version is there, and is the one that the record meant: the number alone may be somebody else's.
  Result<bool> IsLive(const std::string& text) {
    ASSIGN_OR_RETURN(const std::optional<VersionRecord> now, FindVersion(text));
    if (!now) return false;
    ASSIGN_OR_RETURN(const std::string key, KeyOfVersion(record_.event.package, text));
    const auto is_own = [&](const Key& own) { return own.family == Family::kVersion && own.key == key; };
    if (std::ranges::any_of(keys_, is_own)) return true;
    ASSIGN_OR_RETURN(const std::optional<std::string> raw, before_(Family::kVersion, key));
    if (!raw) return false;
    ASSIGN_OR_RETURN(const VersionRecord meant, Decode<VersionRecord>(*raw));
    return meant.tarball.sha512 == now->tarball.sha512 && meant.manifest == now->manifest;
  }

  // New versions stand behind those that came meanwhile.
  Status JoinVersions(PackageRecord* next) {
    for (Key& key : keys_) {
      if (key.family != Family::kVersion || key.before || !key.after || key.is_done()) continue;
      ASSIGN_OR_RETURN(VersionRecord version, Decode<VersionRecord>(*key.after));
      version.ordinal = next->next_ordinal++;
      ++next->version_count;
      key.after = Encode(version);
    }
    return OkStatus();
  }

  // The summary tells of the version that `latest` names, and of nothing else.
  Status RefreshSummary(const PackageRecord& before, const PackageRecord& after, PackageRecord* next) {
    const std::string* latest = next->FindTag(kLatest);
    const bool is_touched = before.latest != after.latest || TagOf(before, kLatest) != TagOf(after, kLatest);
    if (latest == nullptr || !is_touched) return OkStatus();
    ASSIGN_OR_RETURN(const std::optional<VersionRecord> version, FindVersion(*latest));
    if (!version) return Corruption("latest names " + *latest + ", which is not there");
    ASSIGN_OR_RETURN(next->latest, Summarise(*version));
    return OkStatus();
  }

  const engine::LogRecord& record_;
  const engine::ReadView& now_;
  const BeforeLookup& before_;
  const ReapplyStamp stamp_;
  std::vector<Key> keys_;
  Mutation mutation_;
  std::string remark_;
};

}  // namespace

Result<ReapplyDecision> DecideReapply(const engine::LogRecord& record, const engine::ReadView& now,
                                      const BeforeLookup& before, const ReapplyStamp& stamp) {
  return Decider(record, now, before, stamp).Decide();
}

Result<std::vector<std::pair<Family, std::string>>> KeysBefore(const engine::LogRecord& record) {
  std::vector<std::pair<Family, std::string>> keys;
  if (!record.event.actor.empty()) keys.emplace_back(Family::kUser, engine::NameKey(record.event.actor));
  for (const engine::Change& change : record.changes) {
    if (change.family == Family::kBlob) continue;
    keys.emplace_back(change.family, change.key);
    if (change.family != Family::kPackage || !change.value) continue;
    ASSIGN_OR_RETURN(const PackageRecord package, Decode<PackageRecord>(*change.value));
    for (const auto& [tag, version] : package.dist_tags) {
      ASSIGN_OR_RETURN(std::string key, KeyOfVersion(change.key, version));
      keys.emplace_back(Family::kVersion, std::move(key));
    }
  }
  return keys;
}

std::string ReapplyMark(const Sha256Digest& chain_hash) { return "reapply:" + HexEncode(chain_hash.view()); }

}  // namespace tarn::registry
