"""Steps: the profile, tokens for one package, stars, hooks."""

import re

from bench import Bench
from registry import User
from steps import step


@step("profile set email", "profile_set")
def profile_set_email(bench: Bench) -> None:
    address = f"moved-{bench.user.email}"
    done = bench.authenticated().profile_set("email", address, bench.user.password)
    stored = bench.registry.request("GET", "/-/npm/v1/user", token=bench.token_of(bench.user)).json()
    bench.expect(done.ok and stored["email"] == address, "the address is stored", f"{stored}\n{done}")


@step("profile get", "profile_get")
def profile_get(bench: Bench) -> None:
    done = bench.authenticated().profile_get()
    bench.expect(done.ok and bench.user.name in done.output and bench.user.email in done.output,
                 "profile get shows name and address", done)


@step("profile set fullname", "profile_set")
def profile_set_fullname(bench: Bench) -> None:
    done = bench.authenticated().profile_set("fullname", "Bergsø the Second", bench.user.password)
    bench.expect(done.ok, "profile set succeeds", done)
    stored = bench.registry.request("GET", "/-/npm/v1/user", token=bench.token_of(bench.user)).json()
    bench.expect(stored.get("fullname") == "Bergsø the Second", "the name is stored", f"{stored}\n{done}")
    bench.expect(bench.user.email in stored["email"], "nothing else changed", stored)


@step("profile set password", "profile_password")
def profile_password(bench: Bench) -> None:
    """For a user of its own: the old password ends, the new one begins, and a wrong old one changes nothing."""
    user = User(f"changes-{bench.row.name}", "first-password-1")
    bench.registry.add_user(user)
    session = bench.session("password-change", token=bench.registry.token_for(user))
    refused = session.profile_password("not-the-password", "third-password-3")
    bench.expect(not refused.ok, "a wrong old password is refused", refused)
    done = session.profile_password(user.password, "second-password-2")
    bench.expect(done.ok, "the password is changed", done)
    bench.registry.log_in(User(user.name, "second-password-2"))
    for wrong in ("first-password-1", "third-password-3"):
        try:
            bench.registry.log_in(User(user.name, wrong))
        except AssertionError:
            continue
        bench.expect(False, f"{wrong} does not log in", done)


def _printed_token(bench: Bench, done) -> str:
    candidates = [word for word in re.findall(r"[A-Za-z0-9_.+/=-]{16,}", done.output)
                  if bench.registry.who_is(word) == bench.user.name]
    bench.expect(done.ok and candidates, "token create prints a token that holds", done)
    return candidates[0]


@step("token for package", "token_create_for")
def token_for_package(bench: Bench) -> None:
    """A granular token writes the package it names, and no other of the same user."""
    mine, other = f"@{bench.user.name}/named", f"@{bench.user.name}/unnamed"
    for name in (mine, other):
        bench.publish(name, "1.0.0", access="public")
    done = bench.authenticated().token_create_for(bench.user.password, mine)
    session = bench.session("granular", token=_printed_token(bench, done))
    published = session.publish(bench.package(mine, "1.1.0"))
    bench.expect(published.ok, "the token publishes the package it names", published)
    refused = session.publish(bench.package(other, "1.1.0"))
    bench.expect(not refused.ok, "the token publishes no other", refused)
    bench.expect_versions(other, ["1.0.0"], refused)


@step("token for scope", "token_create_wide", needs=("token for package",))
def token_for_scope(bench: Bench) -> None:
    """All that a granular token can carry: it reads its scope, writes nothing, and is listed with its limits."""
    mine, other = f"@{bench.user.name}/kept", f"kept-by-{bench.user.name}"
    bench.publish(mine, "1.0.0", access="restricted")
    done = bench.authenticated().token_create_wide(bench.user.password, f"@{bench.user.name}", "acme")
    token = _printed_token(bench, done)
    read = bench.registry.request("GET", f"/{mine}", token=token)
    bench.expect(read.status == 200, "the token reads what is restricted in its scope", done)
    for name in (mine, other):
        refused = bench.session(f"scoped-{name[1:3]}", token=token).publish(bench.package(name, "1.1.0"))
        bench.expect(not refused.ok, f"a read-only token publishes no {name}", refused)
    listed = bench.registry.request("GET", "/-/npm/v1/tokens", token=bench.token_of(bench.user)).json()["objects"]
    entry = next(one for one in listed if one["name"] == "for-a-scope")
    bench.expect({"type": "scope", "name": f"@{bench.user.name}"} in entry["scopes"]
                 and {"type": "org", "name": "acme"} in entry["scopes"] and entry["bypass_2fa"]
                 and entry["cidr_whitelist"] == ["127.0.0.0/8"] and entry["expiry"], "the list says its limits", done)
    lists = bench.registry.request("GET", "/-/npm/v1/tokens", token=token)
    bench.expect(lists.status == 403, "the token lists no tokens", done)


@step("token from network", "token_create_from")
def token_from_network(bench: Bench) -> None:
    done = bench.authenticated().token_create_from(bench.user.password, "127.0.0.0/8")
    _printed_token(bench, done)
    done = bench.authenticated().token_create_from(bench.user.password, "10.99.0.0/16")
    bench.expect(done.ok, "a token for another network is made", done)
    words = [word for word in re.findall(r"tarn_[A-Za-z0-9]{20,}", done.output)]
    bench.expect(words and all(bench.registry.who_is(word) is None for word in words), "and is refused here", done)


# Stars.


@step("star", "star", needs=("publish",))
def star(bench: Bench) -> None:
    before = bench.registry.packument(bench.app)["versions"]
    done = bench.authenticated().star(bench.app)
    bench.expect(done.ok, "star succeeds", done)
    bench.expect(bench.registry.packument(bench.app)["versions"] == before, "the versions are unchanged", done)


@step("stars", "stars", needs=("star",))
def stars(bench: Bench) -> None:
    done = bench.authenticated().stars(bench.user.name)
    bench.expect(done.ok and bench.app in done.output, "stars lists the package", done)


@step("unstar", "unstar", needs=("star",))
def unstar(bench: Bench) -> None:
    done = bench.authenticated().unstar(bench.app)
    bench.expect(done.ok, "unstar succeeds", done)
    listed = bench.authenticated().stars(bench.user.name)
    bench.expect(bench.app not in listed.output, "stars does not list it any more", listed)


# Hooks.

HOOK_URL = "http://127.0.0.1:9/hook-of-{}"


@step("hook add", "hook_add", needs=("publish",))
def hook_add(bench: Bench) -> None:
    done = bench.authenticated().hook_add(bench.app, HOOK_URL.format(bench.row.name), "a-shared-secret")
    bench.expect(done.ok, "hook add succeeds", done)


@step("hook ls", "hook_ls", needs=("hook add",))
def hook_ls(bench: Bench) -> None:
    done = bench.authenticated().hook_ls()
    bench.expect(done.ok and bench.app in done.output, "hook ls shows the hook", done)


@step("hook update", "hook_update", needs=("hook add",))
def hook_update(bench: Bench) -> None:
    done = bench.authenticated().hook_update(_hook_id(bench), HOOK_URL.format("moved"), "another-secret")
    bench.expect(done.ok, "hook update succeeds", done)


@step("hook rm", "hook_rm", needs=("hook add",))
def hook_rm(bench: Bench) -> None:
    done = bench.authenticated().hook_rm(_hook_id(bench))
    bench.expect(done.ok, "hook rm succeeds", done)


def _hook_id(bench: Bench) -> str:
    answer = bench.registry.request("GET", "/-/npm/v1/hooks", token=bench.token_of(bench.user))
    hooks = answer.json().get("objects", []) if answer.status == 200 else []
    return hooks[0]["id"] if hooks else "no-such-hook"
