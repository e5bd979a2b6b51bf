#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "http/api/testing/api_fixture.h"
#include "http/api/testing/route_walk_rows.h"
#include "http/net/body_stream.h"
#include "storage/registry/organisations.h"
#include "storage/registry/passwords.h"
#include "storage/registry/staged_versions.h"
#include "storage/registry/totp.h"

namespace tarn::http {

// Somebody, with the credentials they show and what these allow with @acme/hidden.
struct WalkCaller {
  std::string name;
  std::string user;  // Empty: nobody.
  Headers headers = {};
  std::string address = "127.0.0.1";
  enum class Credentials : uint8_t { kNone, kBad, kGood } credentials = Credentials::kGood;
  bool owns = false;    // On its list of maintainers, or in a team that it is granted to.
  bool writes = false;  // By who they are; what their token allows of that are the next.
  bool reads = false;
  bool publishes = false;
  bool changes = false;
  bool manages = false;
  bool stages = false;
  bool stars = false;
  bool creates = false;     // New packages in the scope, and so learns which names are taken.
  bool is_machine = false;  // Spared one-time passwords where that is possible.
  bool sees_org = false;    // The organisation acme.
  bool manages_org = false;
  bool account = false;
  bool account_read = false;
  bool lacks_code = false;  // Has a second factor and shows none.
  bool shows_code = false;
  bool is_operator = false;
};

// A registry with public packages, @acme/hidden, which is restricted, and callers of every kind. In its twin everything is
// the same down to the LSNs and the clock, but @acme/hidden was never there.
class WalkWorld : public ApiFixture {
 public:
  struct Options {
    bool has_hidden = true;
    bool hidden_wants_code = false;      // `npm access set mfa=publish`.
    bool machines_need_no_code = false;  // Then `mfa=automation`.
    bool reads_are_private = false;
  };
  explicit WalkWorld(const Options& options) : walk_options_(options) {
    options_.read_access = options.reads_are_private ? registry::RegistryOptions::ReadAccess::kAuthenticated
                                                     : registry::RegistryOptions::ReadAccess::kAnyone;
    api_options_.reads_are_private = options.reads_are_private;
    SetUp();
    AddUsers();
    PublishPublic();
    AddMembers();
    AddCallers();
    if (options.has_hidden) PublishHidden();
    // As many commits in either world.
    while (store_.last_lsn().value() < kLsns) AddUser("filler-" + std::to_string(store_.last_lsn().value()));
    CHECK(store_.last_lsn().value() == kLsns);
  }
  ~WalkWorld() override { TearDown(); }
  void TestBody() override {}

  static constexpr const char* kHidden = "@acme/hidden";
  static constexpr const char* kAbsent = "@acme/absent";

  const std::deque<WalkCaller>& callers() const { return callers_; }
  const WalkCaller& caller(const std::string& name) const {
    for (const WalkCaller& caller : callers_) {
      if (caller.name == name) return caller;
    }
    CheckFailed(__FILE__, __LINE__, "no such caller: ", name);
  }
  const Options& walk_options() const { return walk_options_; }

  WalkTarget TargetFor(const WalkCaller& caller, const std::string& package) {
    const std::string user = caller.user.empty() ? "olive" : caller.user;
    WalkTarget target{package,     package.substr(package.find('/') + 1), RevOf(kHidden), user, SpareOf(user),
                      HookOf(user)};
    if (package == kHidden && !stage_id_.empty()) target.stage_id = stage_id_;
    return target;
  }

  // Status, head and body, whatever they are made of.
  std::string AskAs(const WalkCaller& caller, Method method, const WalkRequest& request) {
    peer_.is_unix_socket = caller.is_operator;
    peer_.address = caller.address;
    peer_.ip = *registry::PeerAddress::Parse(caller.address)->ip;
    Headers headers = caller.headers;
    headers.insert(headers.end(), request.headers.begin(), request.headers.end());
    const Response response = Ask(method, request.target, headers, request.body);
    last_status_ = response.status();
    std::string text = std::to_string(response.status()) + "\n";
    text += response.prepared_head();
    text += response.header_lines();
    // Blobs of a store in memory have no file to read.
    text += response.body_type() == Response::BodyType::kFile ? "(a file)" : BodyOf(response);
    if (response.stream() != nullptr) text += Pull(*response.stream());
    return text;
  }
  uint16_t last_status() const { return last_status_; }

  // Moves with every commit.
  std::pair<uint64_t, std::array<uint64_t, 2>> State() {
    const engine::StoreStats stats = store_.Stats();
    return {store_.last_lsn().value(), stats.state_hash};
  }

 private:
  static constexpr uint64_t kLsns = 160;
  using Limits = registry::TokenLimits;
  using Permission = registry::TokenPermission;

  static std::string Pull(BodyStream& stream) {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
      const StreamStep step = testing::RunTask(stream.Next(BodyStream::Mode::kGoOn));
      for (const SharedBytes& piece : step.pieces) text += piece.bytes;
      if (step.kind == StreamStep::Kind::kEnd) return text;
    }
    return text + "(does not end)";
  }

  static const std::string& PasswordHash() {
    static const std::string hash = [] {
      ManualClock clock;
      return registry::Passwords(&clock).Hash("secret-of-all").value();
    }();
    return hash;
  }

  void PutUser(const std::string& name, bool is_admin, bool has_second_factor) {
    registry::UserRecord user;
    user.name = name;
    user.id = random_.Next();
    user.email = name + "@example.com";
    user.password_hash = PasswordHash();
    user.is_admin = is_admin;
    if (has_second_factor) {
      user.second_factor = {registry::SecondFactorMode::kAuthAndWrites, false, registry::Base32Encode(kTotpSecret), {}};
    }
    CHECK(store_.Commit(PutMutation(engine::Family::kUser, engine::NameKey(name), Encode(user))).ok());
    spares_.emplace_back(name, TokenOf(name));
    const auto hook =
        hooks_.Create(As(name), {registry::HookType::kPackage, "left-pad", "https://hooks.example/", "s"});
    CHECK(hook.ok());
    hook_ids_.emplace_back(name, hook->id);
  }

  void AddUsers() {
    PutUser("root", true, false);
    for (const char* name : {"olive", "otto", "stan", "tess", "tom", "dora", "pat", "orla", "mia"})
      PutUser(name, false, false);
    for (const char* name : {"fay", "stu"}) PutUser(name, false, true);
    const registry::AccountsRecord accounts{12, 1};
    CHECK(store_
              .Commit(
                  PutMutation(engine::Family::kSetting, engine::NameKey(registry::kAccountsSetting), Encode(accounts)))
              .ok());
  }

  std::string SpareOf(const std::string& user) const { return OfUser(spares_, user); }
  std::string HookOf(const std::string& user) const { return OfUser(hook_ids_, user); }
  using ByUser = std::vector<std::pair<std::string, std::string>>;
  static std::string OfUser(const ByUser& things, const std::string& user) {
    for (const auto& [name, thing] : things) {
      if (name == user) return thing;
    }
    CheckFailed(__FILE__, __LINE__, "nothing was made for ", user);
  }

  void PublishAsOlive(const std::string& name, const std::string& version, const std::string& access) {
    PublishBuilder builder;
    builder.name = name;
    builder.version = version;
    builder.access = access;
    const auto published = registry::RegistryFixture::Publish(As("olive"), builder);
    CHECK(published.ok());
  }
  void PublishPublic() {
    PublishAsOlive("left-pad", "1.0.0", "");
    PublishAsOlive("@acme/visible", "1.0.0", "public");  // And with it the scope becomes olive's.
    PublishAsOlive("@other/visible", "1.0.0", "public");
  }
  void AddMembers() {
    registry::Organisations& orgs = registry_->organisations();
    CHECK(orgs.SetMember(As("olive"), "acme", "fay", registry::OrgRole::kAdmin).ok());
    CHECK(orgs.SetMember(As("olive"), "acme", "otto", registry::OrgRole::kDeveloper).ok());
    CHECK(orgs.CreateTeam(As("olive"), "acme", "ops", "").ok());
    CHECK(orgs.AddToTeam(As("olive"), "acme", "ops", "fay").ok());
    // What may be done through a team: tess reads, tom writes, dora is in none; pat reads from another organisation.
    for (const char* name : {"tess", "tom", "dora", "mia"}) {
      CHECK(orgs.SetMember(As("olive"), "acme", name, registry::OrgRole::kDeveloper).ok());
      CHECK(orgs.RemoveFromTeam(As("olive"), "acme", "developers", name).ok());
    }
    AddTeam("acme", "readers", "tess");
    AddTeam("acme", "writers", "tom");
    CHECK(orgs.SetMember(As("olive"), "other", "pat", registry::OrgRole::kDeveloper).ok());
    CHECK(orgs.SetMember(As("olive"), "other", "orla", registry::OrgRole::kOwner).ok());
    AddTeam("other", "partners", "pat");
  }
  void AddTeam(const std::string& org, const std::string& team, const std::string& member) {
    CHECK(registry_->organisations().CreateTeam(As("olive"), org, team, "").ok());
    CHECK(registry_->organisations().AddToTeam(As("olive"), org, team, member).ok());
  }
  void GrantHidden(const std::string& org, const std::string& team, registry::TeamPermission permission) {
    CHECK(registry_->organisations().Grant(As("olive"), org, team, Name(kHidden), permission).ok());
  }
  void PublishHidden() {
    PublishAsOlive(kHidden, "1.0.0", "restricted");
    PublishAsOlive(kHidden, "2.0.0", "restricted");
    GrantHidden("acme", "readers", registry::TeamPermission::kRead);
    GrantHidden("acme", "writers", registry::TeamPermission::kWrite);
    GrantHidden("other", "partners", registry::TeamPermission::kRead);
    const std::string key = engine::NameKey(kHidden);
    auto record = registry::Decode<registry::PackageRecord>(
        *store_.NewReadView().value()->Get(engine::Family::kPackage, key).value());
    record->maintainers = {{"fay", "fay@example.com"}, {"olive", "olive@example.com"}, {"otto", "otto@example.com"}};
    record->stars = {"fay", "olive", "otto", "pat", "root", "tess", "tom"};
    record->SetTag("old", "1.0.0");
    record->requires_second_factor = walk_options_.hidden_wants_code;
    record->automation_bypasses_second_factor = walk_options_.machines_need_no_code;
    CHECK(store_.Commit(PutMutation(engine::Family::kPackage, key, Encode(*record))).ok());
    StageHidden();
  }
  void StageHidden() {
    PublishBuilder builder;
    builder.name = kHidden;
    builder.version = "1.5.0";
    auto upload = registry_->staged().BeginStage(As("olive"), Name(kHidden));
    CHECK(upload.ok() && (*upload)->Consume(builder.Body()).ok());
    const auto staged = (*upload)->Finish();
    CHECK(staged.ok());
    stage_id_ = staged->stage_id;
  }

  // A caller of `user` with a token like that; the rest is filled in by the caller of this.
  WalkCaller& Add(const std::string& name, const std::string& user, registry::TokenSpec spec = {}) {
    spec.name = name;
    WalkCaller caller;
    caller.name = name;
    caller.user = user;
    const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
      return std::ranges::count(names, user) > 0;
    };
    caller.owns = is_one_of({"olive", "fay", "otto", "tess", "tom", "pat"});
    caller.writes = is_one_of({"olive", "fay", "otto", "root", "tom"});
    caller.headers = {Bearer(TokenOf(user, spec))};
    callers_.push_back(std::move(caller));
    return callers_.back();
  }
  static registry::TokenSpec LimitedTo(std::vector<std::string> packages, std::vector<std::string> scopes,
                                       Permission permission) {
    registry::TokenSpec spec;
    spec.limits.emplace();
    spec.limits->packages = std::move(packages);
    spec.limits->scopes = std::move(scopes);
    spec.limits->packages_permission = permission;
    return spec;
  }
  static void Writes(WalkCaller& caller) {
    caller.reads = caller.stars = caller.publishes = caller.changes = caller.stages = true;
  }
  static void Owns(WalkCaller& caller) {
    Writes(caller);
    caller.manages = true;
  }
  static void RunsOrg(WalkCaller& caller) { caller.sees_org = caller.manages_org = true; }
  static void HasAccount(WalkCaller& caller) { caller.account = caller.account_read = true; }
  static void IsBad(WalkCaller& caller) { caller.credentials = WalkCaller::Credentials::kBad; }

  void AddCallers() {
    callers_.push_back({.name = "anonymous", .user = "", .credentials = WalkCaller::Credentials::kNone});
    HasAccount(Add("stranger", "stan"));
    WalkCaller& writer = Add("writer", "olive");
    Owns(writer);
    HasAccount(writer);
    RunsOrg(writer);
    WalkCaller& admin = Add("admin", "root");
    Owns(admin);
    HasAccount(admin);
    RunsOrg(admin);
    AddTeamMembers();
    AddLimited();
    AddRefused();
    WalkCaller& without_code = Add("writer without code", "fay");
    Owns(without_code);
    RunsOrg(without_code);
    without_code.account_read = without_code.lacks_code = true;
    WalkCaller& with_code = Add("writer with code", "fay");
    Owns(with_code);
    HasAccount(with_code);
    RunsOrg(with_code);
    with_code.shows_code = true;
    with_code.headers.emplace_back("npm-otp", registry::TotpCode(kTotpSecret, registry::TotpStepAt(clock_.NowMs())));
    WalkCaller& stranger = Add("stranger without code", "stu");
    stranger.account_read = stranger.lacks_code = true;
    callers_.push_back(
        {.name = "operator", .user = "", .credentials = WalkCaller::Credentials::kNone, .is_operator = true});
  }

  void AddTeamMembers() {
    WalkCaller& maintainer = Add("developer who maintains it", "otto");
    Owns(maintainer);
    WalkCaller& reader = Add("reader by a team", "tess");
    WalkCaller& partner = Add("reader by a team of another organisation", "pat");
    reader.reads = reader.stars = partner.reads = partner.stars = true;
    WalkCaller& writer = Add("writer by a team", "tom");
    Writes(writer);
    WalkCaller& developer = Add("developer without a grant", "dora");
    for (WalkCaller* caller : {&maintainer, &reader, &writer, &developer}) caller->sees_org = caller->creates = true;
    WalkCaller& owner = Add("owner of another organisation", "orla");
    for (WalkCaller* caller : {&maintainer, &reader, &partner, &writer, &developer, &owner}) HasAccount(*caller);
    // Tokens allow no more than the teams do, and these do not see the organisation that the teams belong to.
    WalkCaller& limited_writer =
        Add("writer's package token", "tom", LimitedTo({kHidden, kAbsent}, {}, Permission::kWrite));
    WalkCaller& limited_reader =
        Add("reader's package token", "tess", LimitedTo({kHidden, kAbsent}, {}, Permission::kWrite));
    Writes(limited_writer);
    limited_reader.reads = limited_reader.stars = true;
    limited_writer.owns = limited_reader.owns = false;
  }

  void AddLimited() {
    WalkCaller& reader = Add("read-only token", "olive",
                             {.name = {}, .description = {}, .read_only = true, .cidrs = {}, .expires_ms = {}});
    reader.reads = reader.account_read = reader.sees_org = true;
    Add("read-only package token", "olive", LimitedTo({kHidden, kAbsent}, {}, Permission::kRead)).reads = true;
    WalkCaller& stager = Add("stage-only token", "olive", LimitedTo({kHidden, kAbsent}, {}, Permission::kStage));
    stager.reads = stager.stages = true;
    WalkCaller& publisher = Add("publish-only token", "olive", LimitedTo({kHidden, kAbsent}, {}, Permission::kPublish));
    publisher.publishes = publisher.stages = true;
    Owns(Add("package token", "olive", LimitedTo({kHidden, kAbsent}, {}, Permission::kWrite)));
    Owns(Add("pattern token", "olive", LimitedTo({"@acme/hid*", "@acme/abs*"}, {}, Permission::kWrite)));
    Owns(Add("scope token", "olive", LimitedTo({}, {"@acme"}, Permission::kWrite)));
    Owns(Add("admin's package token", "root", LimitedTo({kHidden, kAbsent}, {}, Permission::kWrite)));
    Add("other package token", "olive", LimitedTo({"@acme/visible", "left-pad"}, {}, Permission::kWrite));
    Add("other scope token", "olive", LimitedTo({}, {"@acm", "@olive"}, Permission::kWrite));
    Add("publish-only token elsewhere", "olive", LimitedTo({"left-pad"}, {}, Permission::kPublish));
    Add("stranger's token for it", "stan", LimitedTo({kHidden, kAbsent}, {"@acme"}, Permission::kWrite));
    Add("admin's other package token", "root", LimitedTo({"left-pad"}, {}, Permission::kWrite));
    registry::TokenSpec org;
    org.limits.emplace();
    org.limits->orgs = {"acme"};
    org.limits->orgs_permission = Permission::kWrite;
    RunsOrg(Add("organisation token", "olive", org));
    org.limits->orgs_permission = Permission::kRead;
    Add("organisation's reading token", "olive", org).sees_org = true;
    org.limits->orgs = {"other"};
    org.limits->orgs_permission = Permission::kWrite;
    Add("other organisation's token", "olive", org);
    registry::TokenSpec machine = LimitedTo({kHidden, kAbsent}, {}, Permission::kWrite);
    machine.limits->bypasses_second_factor = true;
    WalkCaller& of_machine = Add("machine token", "fay", machine);
    Owns(of_machine);
    of_machine.is_machine = true;
  }

  void AddRefused() {
    registry::TokenSpec elsewhere;
    elsewhere.cidrs = {"10.0.0.0/8"};
    IsBad(Add("token for elsewhere", "olive", elsewhere));
    registry::TokenSpec expiring;
    expiring.expires_ms = clock_.NowMs() + 1;
    IsBad(Add("expired token", "olive", expiring));
    clock_.AdvanceMs(10);
    WalkCaller& revoked = Add("revoked token", "olive");
    IsBad(revoked);
    CHECK(Get("/-/whoami", revoked.headers).status() == 200);  // And so it was believed a moment ago.
    const std::string token = revoked.headers[0].second.substr(std::string("Bearer ").size());
    CHECK(registry_->RevokeToken(registry::Principal::System(), token).ok());
  }

  static inline const std::string kTotpSecret = std::string(20, 's');

  const Options walk_options_;
  std::deque<WalkCaller> callers_;  // References stay good while more come.
  ByUser spares_;
  ByUser hook_ids_;
  std::string stage_id_;  // Of a version of the hidden package.
  uint16_t last_status_ = 0;
};

}  // namespace tarn::http
