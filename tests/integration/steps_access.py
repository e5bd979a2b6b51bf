"""Steps: who may see and change a package; organisations and their teams."""

from bench import Bench
from registry import package_path
from steps import step


def _package(bench: Bench) -> str:
    """A public scoped package of the user's own, published by the first step that needs it."""
    name = f"@{bench.user.name}/access"
    if not bench.registry.packument(name, bench.token_of(bench.user)):
        bench.publish(name, "1.0.0", access="public")
    return name


def _org(bench: Bench) -> str:
    """An organisation that belongs to the user: made by the first publish into a scope that nobody had."""
    org = f"org-of-{bench.row.name}"
    if not bench.registry.packument(f"@{org}/base", bench.token_of(bench.user)):
        bench.publish(f"@{org}/base", "1.0.0", access="restricted")
        bench.token_of(bench.peer)  # the account of who joins it
    return org


def _seen_by(bench: Bench, name: str, token: str | None) -> int:
    return bench.registry.request("GET", package_path(name), token=token).status


@step("access get status", "access_status")
def access_status(bench: Bench) -> None:
    name = _package(bench)
    done = bench.authenticated().access_status(name)
    bench.expect(done.ok and "public" in done.output, "the package is public", done)


@step("access set status", "access_set")
def access_set(bench: Bench) -> None:
    """Private hides it from everybody else at once, public shows it again."""
    name = _package(bench)
    done = bench.authenticated().access_set(name, "private")
    bench.expect(done.ok and _seen_by(bench, name, None) == 404, "private: nobody sees it", done)
    bench.expect(_seen_by(bench, name, bench.token_of(bench.peer)) == 404, "private: a stranger does not see it", done)
    bench.expect(_seen_by(bench, name, bench.token_of(bench.user)) == 200, "private: its owner sees it", done)
    done = bench.authenticated().access_set(name, "public")
    bench.expect(done.ok and _seen_by(bench, name, None) == 200, "public: everybody sees it", done)


@step("access set mfa", "access_mfa")
def access_mfa(bench: Bench) -> None:
    """A package that wants a second factor does not take a publish by a token without one."""
    name = f"guarded-{bench.row.name}"
    bench.publish(name, "1.0.0")
    done = bench.authenticated().access_mfa(name, "publish")
    bench.expect(done.ok, "access set mfa=publish succeeds", done)
    refused = bench.authenticated().publish(bench.package(name, "1.1.0"))
    bench.expect(not refused.ok, "without a second factor nothing is published", refused)
    bench.expect_versions(name, ["1.0.0"], refused)
    peer = bench.session("mfa-stranger", token=bench.token_of(bench.peer)).access_mfa(name, "none")
    bench.expect(not peer.ok, "a stranger cannot switch it off", peer)


@step("access list packages", "access_packages")
def access_packages(bench: Bench) -> None:
    name = _package(bench)
    done = bench.authenticated().access_packages(bench.user.name)
    bench.expect(done.ok and name in done.output, "the user's packages hold the package", done)


@step("access list collab.", "access_collaborators")
def access_collaborators(bench: Bench) -> None:
    name = _package(bench)
    done = bench.authenticated().access_collaborators(name)
    bench.expect(done.ok and bench.user.name in done.output, "the owner is a collaborator", done)


@step("org set", "org_set")
def org_set(bench: Bench) -> None:
    """A member of the organisation sees its restricted packages, but does not manage it."""
    org = _org(bench)
    before = _seen_by(bench, f"@{org}/base", bench.token_of(bench.peer))
    bench.expect(before == 404, f"a stranger does not see a restricted package, found {before}")
    done = bench.authenticated().org_set(org, bench.peer.name, "developer")
    bench.expect(done.ok, "org set succeeds", done)
    after = _seen_by(bench, f"@{org}/base", bench.token_of(bench.peer))
    bench.expect(after == 200, f"a member sees it, found {after}", done)
    promoted = bench.session("org-member", token=bench.token_of(bench.peer)).org_set(org, bench.peer.name, "owner")
    bench.expect(not promoted.ok, "a member cannot promote itself", promoted)


@step("org ls", "org_ls")
def org_ls(bench: Bench) -> None:
    done = bench.authenticated().org_ls(_org(bench))
    bench.expect(done.ok and bench.user.name in done.output, "org ls shows its owner", done)
    stranger = bench.session("org-nobody").org_ls(_org(bench))
    bench.expect(not stranger.ok and bench.user.name not in stranger.output, "nobody else sees the members", stranger)


@step("org rm", "org_rm")
def org_rm(bench: Bench) -> None:
    org = _org(bench)
    done = bench.authenticated().org_rm(org, bench.peer.name)
    bench.expect(done.ok, "org rm succeeds", done)
    after = _seen_by(bench, f"@{org}/base", bench.token_of(bench.peer))
    bench.expect(after == 404, f"who left sees nothing any more, found {after}", done)


@step("team create", "team_create")
def team_create(bench: Bench) -> None:
    done = bench.authenticated().team_create(f"{_org(bench)}:readers")
    bench.expect(done.ok, "team create succeeds", done)
    stranger = bench.session("team-stranger", token=bench.token_of(bench.peer))
    refused = stranger.team_create(f"{_org(bench)}:strangers")
    bench.expect(not refused.ok, "a stranger cannot make a team", refused)


@step("team ls", "team_ls")
def team_ls(bench: Bench) -> None:
    done = bench.authenticated().team_ls(_org(bench))
    bench.expect(done.ok and "developers" in done.output and "readers" in done.output, "both teams are listed", done)


@step("team add", "team_add")
def team_add(bench: Bench) -> None:
    org = _org(bench)
    # Only members of the organisation can be in a team.
    bench.registry.request("PUT", f"/-/org/{org}/user", {"user": bench.peer.name, "role": "developer"},
                           token=bench.token_of(bench.user))
    done = bench.authenticated().team_add(f"{org}:readers", bench.peer.name)
    bench.expect(done.ok, "team add succeeds", done)
    listed = bench.authenticated().team_ls(f"{org}:readers")
    bench.expect(listed.ok and bench.peer.name in listed.output, "the team has the member", listed)


@step("access grant", "access_grant", needs=("team add",))
def access_grant(bench: Bench) -> None:
    """Read-write for the team: its member can publish."""
    org = _org(bench)
    done = bench.authenticated().access_grant("read-write", f"{org}:readers", f"@{org}/base")
    bench.expect(done.ok, "access grant succeeds", done)
    member = bench.session("granted", token=bench.token_of(bench.peer))
    published = member.publish(bench.package(f"@{org}/base", "1.1.0"))
    bench.expect(published.ok, "a member of the team can publish", published)


@step("access revoke", "access_revoke", needs=("access grant",))
def access_revoke(bench: Bench) -> None:
    """Without any team's grant a plain member cannot publish."""
    org = _org(bench)
    for team in ("readers", "developers"):
        done = bench.authenticated().access_revoke(f"{org}:{team}", f"@{org}/base")
        bench.expect(done.ok, f"access revoke from {team} succeeds", done)
    member = bench.session("revoked", token=bench.token_of(bench.peer))
    refused = member.publish(bench.package(f"@{org}/base", "1.2.0"))
    bench.expect(not refused.ok, "nobody of the team can publish any more", refused)


@step("team rm", "team_rm", needs=("team add",))
def team_rm(bench: Bench) -> None:
    org = _org(bench)
    done = bench.authenticated().team_rm(f"{org}:readers", bench.peer.name)
    bench.expect(done.ok, "team rm succeeds", done)
    listed = bench.authenticated().team_ls(f"{org}:readers")
    bench.expect(listed.ok and bench.peer.name not in listed.output, "the member is gone", listed)


@step("team destroy", "team_destroy", needs=("team create",))
def team_destroy(bench: Bench) -> None:
    org = _org(bench)
    done = bench.authenticated().team_destroy(f"{org}:readers")
    bench.expect(done.ok, "team destroy succeeds", done)
    listed = bench.authenticated().team_ls(org)
    bench.expect(listed.ok and "readers" not in listed.output, "the team is gone", listed)
