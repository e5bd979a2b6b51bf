"""Steps: reading and changing what is published already."""

import json

from bench import Bench
from steps import step

SEARCH_VISIBLE_S = 5
MESSAGE = "use something else, please: é & <b>"


@step("view", needs=("publish", "publish --tag"))
def view(bench: Bench) -> None:
    published = bench.registry.packument(bench.app)
    done, shown = bench.authenticated().view(bench.app)
    bench.expect(done.ok and shown.get("version") == "1.0.0", "view shows the latest version", done)
    bench.expect(shown["dist"]["integrity"] == published["versions"]["1.0.0"]["dist"]["integrity"],
                 "view shows the integrity", done)
    bench.expect(sorted(shown["versions"]) == ["1.0.0", "2.0.0"], "view lists both versions", done)
    # yarn 1 knows versions only.
    other = "2.0.0" if bench.row.name == "yarn1" else "next"
    done, shown = bench.main.view(f"{bench.app}@{other}")
    bench.expect(done.ok and shown.get("version") == "2.0.0", "view of the tag shows its version", done)


@step("dist-tag add", "dist_tag_add", needs=("publish scoped",))
def dist_tag_add(bench: Bench) -> None:
    for name in (bench.app, bench.library):
        done = bench.authenticated().dist_tag_add(name, "1.0.0", "stable")
        bench.expect(done.ok, f"dist-tag add on {name} succeeds", done)
        tags = bench.registry.packument(name)["dist-tags"]
        bench.expect(tags.get("stable") == "1.0.0", "the tag points at the version", f"{tags}\n{done}")
    done = bench.main.dist_tag_add(bench.app, "7.7.7", "nowhere")
    bench.expect(not done.ok, "a tag on a version that does not exist is refused", done)


@step("dist-tag ls", "dist_tag_ls", needs=("dist-tag add",))
def dist_tag_ls(bench: Bench) -> None:
    done = bench.authenticated().dist_tag_ls(bench.app)
    bench.expect(done.ok and "stable" in done.output and "latest" in done.output, "dist-tag ls shows the tags", done)


@step("dist-tag rm", "dist_tag_rm", needs=("dist-tag add",))
def dist_tag_rm(bench: Bench) -> None:
    for name in (bench.app, bench.library):
        done = bench.authenticated().dist_tag_rm(name, "stable")
        tags = bench.registry.packument(name)["dist-tags"]
        bench.expect(done.ok and "stable" not in tags, f"dist-tag rm on {name} succeeds", f"{tags}\n{done}")
    done = bench.main.dist_tag_rm(bench.app, "latest")
    tags = bench.registry.packument(bench.app)["dist-tags"]
    bench.expect(not done.ok and "latest" in tags, "latest cannot be removed", f"{tags}\n{done}")


@step("deprecate", "deprecate", needs=("publish",))
def deprecate(bench: Bench) -> None:
    name = f"old-{bench.row.name}"
    for version in ("1.0.0", "1.1.0"):
        bench.publish(name, version)
    before = bench.registry.packument(name)["versions"]
    done = bench.authenticated().deprecate(f"{name}@1.0.0", MESSAGE)
    after = bench.registry.packument(name)["versions"]
    bench.expect(done.ok and after["1.0.0"].pop("deprecated", None) == MESSAGE, "the version is deprecated", done)
    bench.expect(after == before, "nothing else changed", done)


@step("undeprecate", "deprecate", needs=("deprecate",))
def undeprecate(bench: Bench) -> None:
    name = f"old-{bench.row.name}"
    done = bench.authenticated().deprecate(f"{name}@1.0.0", "")
    manifest = bench.registry.packument(name)["versions"]["1.0.0"]
    bench.expect(done.ok and "deprecated" not in manifest, "the message is gone", f"{manifest}\n{done}")


def _owners(bench: Bench, name: str) -> list[str]:
    return sorted(owner["name"] for owner in bench.registry.packument(name)["maintainers"])


@step("owner add", "owner_add", needs=("publish",))
def owner_add(bench: Bench) -> None:
    """Yarn 1 is refused: it reads the abbreviated packument, finds neither revision nor owners in it, and sends the new
    owner alone to -rev/undefined. Taking that would throw the present owner out."""
    bench.token_of(bench.peer)  # the account must exist
    done = bench.authenticated().owner_add(bench.peer.name, bench.app)
    owners = _owners(bench, bench.app)
    bench.expect(done.ok or owners == [bench.user.name], f"a refusal changes nothing, found {owners}")
    bench.expect(done.ok and owners == sorted([bench.user.name, bench.peer.name]), f"both are owners of {owners}", done)
    # What ownership is for.
    folder = bench.package(bench.app, "1.0.5")
    shared = bench.session("co-owner", token=bench.token_of(bench.peer)).publish(folder, tag="shared")
    bench.expect(shared.ok, "the new owner can publish", shared)


@step("owner ls", "owner_ls", needs=("owner add",))
def owner_ls(bench: Bench) -> None:
    done = bench.authenticated().owner_ls(bench.app)
    bench.expect(done.ok, "owner ls succeeds", done)
    if bench.row.name != "yarn1":  # it reads the abbreviated packument, which names no owners
        for owner in _owners(bench, bench.app):
            bench.expect(owner in done.output, f"owner ls names {owner}", done)


@step("owner rm", "owner_rm", needs=("owner add",))
def owner_rm(bench: Bench) -> None:
    done = bench.authenticated().owner_rm(bench.peer.name, bench.app)
    owners = _owners(bench, bench.app)
    bench.expect(owners == [bench.user.name], f"the first owner remains of {owners}")
    bench.expect(done.ok, "owner rm succeeds", done)


@step("search", "search", needs=("publish",))
def search(bench: Bench) -> None:
    def found() -> bool:
        nonlocal done
        done = bench.authenticated().search(bench.app)
        return done.ok and any(entry.get("name") == bench.app for entry in json.loads(done.stdout or "[]"))

    done = None
    bench.expect(bench.until(found, SEARCH_VISIBLE_S), "search finds the package by its name", done)


@step("unpublish one", "unpublish")
def unpublish_one(bench: Bench) -> None:
    for name, access in ((f"gone-{bench.row.name}", None), (f"@{bench.user.name}/gone", "public")):
        for version in ("1.0.0", "1.1.0"):
            bench.publish(name, version, access=access)
        done = bench.authenticated().unpublish(f"{name}@1.1.0")
        bench.expect(done.ok, "unpublish of one version succeeds", done)
        document = bench.expect_versions(name, ["1.0.0"], done)
        bench.expect(document["dist-tags"] == {"latest": "1.0.0"}, "latest moves back", document["dist-tags"])
        bench.expect("1.1.0" in document["time"], "time remembers the version", document["time"])
        gone = bench.registry.tarball(name, "1.1.0")
        bench.expect(gone.status == 404, f"its tarball is gone, found {gone.status}", done)
        again = bench.main.publish(bench.package(name, "1.1.0"))
        bench.expect(not again.ok, "its number is never used again", again)
        bench.expect_versions(name, ["1.0.0"], again)


@step("unpublish all", "unpublish_all")
def unpublish_all(bench: Bench) -> None:
    name = f"all-gone-{bench.row.name}"
    for version in ("1.0.0", "1.1.0"):
        bench.publish(name, version)
    done = bench.authenticated().unpublish_all(name)
    bench.expect(done.ok, "unpublish of the package succeeds", done)
    bench.expect_versions(name, [], done)
    gone = bench.registry.tarball(name, "1.0.0")
    bench.expect(gone.status == 404, f"its tarballs are gone, found {gone.status}", done)
    again = bench.main.publish(bench.package(name, "1.0.0"))
    bench.expect(not again.ok, "none of its numbers is used again", again)
    bench.expect_versions(name, [], again)
