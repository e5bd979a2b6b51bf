"""Steps: everything that publishes, and everything that must not be let publish."""

import base64
import hashlib

from bench import Bench
from drivers.session import NotOffered
from registry import integrity, package_path
from steps import step


@step("publish")
def publish(bench: Bench) -> None:
    bench.publish(bench.app, "1.0.0")
    document = bench.expect_versions(bench.app, ["1.0.0"])
    manifest = document["versions"]["1.0.0"]
    bench.expect(document["dist-tags"] == {"latest": "1.0.0"}, "latest is the version", document["dist-tags"])
    bench.expect(manifest["tarnIntegration"] == {"deep": [1, "two", None, {"three": 3.5}]},
                 "unknown fields of the manifest are kept", manifest)
    bench.expect("1.0.0" in document["time"], "time has the version", document["time"])


@step("publish scoped", needs=("publish",))
def publish_scoped(bench: Bench) -> None:
    bench.publish(bench.library, "1.0.0", access="public", dependencies={bench.app: "^1.0.0"})
    bench.expect_versions(bench.library, ["1.0.0"])
    for path in (f"/{bench.library}", package_path(bench.library)):
        answer = bench.registry.request("GET", path)
        bench.expect(answer.status == 200, f"anybody can read {path}", answer)


@step("publish --tag", needs=("publish",))
def publish_tag(bench: Bench) -> None:
    bench.publish(bench.app, "2.0.0", tag="next")
    document = bench.expect_versions(bench.app, ["1.0.0", "2.0.0"])
    bench.expect(document["dist-tags"] == {"latest": "1.0.0", "next": "2.0.0"}, "next is 2.0.0 and latest stays",
                 document["dist-tags"])


@step("bytes as sent")
def bytes_as_sent(bench: Bench) -> None:
    """What the client sent, seen by a proxy, is what the registry serves: bytes, sha512, sha1, length."""
    name = f"bytes-{bench.row.name}"
    with bench.proxy() as between:
        session = bench.session("bytes", bench.token_of(bench.user), between.url)
        done = session.publish(bench.package(name, "1.0.0"))
        bench.expect(done.ok and between.publish_documents, "the publish through a proxy succeeds", done)
        attachments = between.publish_documents[-1]["_attachments"]
    sent = base64.b64decode(next(iter(attachments.values()))["data"], validate=True)
    served = bench.registry.tarball(name, "1.0.0")
    bench.expect(served.status == 200 and served.body == sent, "the tarball served is the one sent", served.status)
    bench.expect(served.headers.get("content-length") == str(len(sent)), "with its Content-Length", served.headers)
    bench.expect("content-encoding" not in served.headers, "without Content-Encoding", served.headers)
    dist = bench.expect_versions(name, ["1.0.0"])["versions"]["1.0.0"]["dist"]
    bench.expect(dist["integrity"] == integrity(sent), "dist.integrity is its sha512", dist)
    bench.expect(dist["shasum"] == hashlib.sha1(sent).hexdigest(), "dist.shasum is its sha1", dist)
    bench.expect(dist["tarball"] == f"{bench.registry.url}{name}/-/{name}-1.0.0.tgz",
                 "dist.tarball is absolute, on the origin that was asked", dist)


@step("publish over", needs=("publish",))
def publish_over(bench: Bench) -> None:
    """Other bytes under a version that exists: refused, and the first bytes stay."""
    before = bench.registry.tarball(bench.app, "1.0.0").body
    # Different text: the same bytes again would be the retry of a publish whose answer was lost.
    folder = bench.package(bench.app, "1.0.0")
    (folder / "index.js").write_text("module.exports = 'other bytes';\n", encoding="utf-8")
    done = bench.authenticated().publish(folder)
    bench.expect(not done.ok, "publishing over an existing version fails", done)
    bench.expect(bench.registry.tarball(bench.app, "1.0.0").body == before, "the published bytes stay", done)


@step("publish no token")
def publish_no_token(bench: Bench) -> None:
    """Without a token some clients do not ask the registry; with an invalid one it is the registry that refuses."""
    name = f"unauthenticated-{bench.row.name}"
    for home, token in (("nobody", None), ("impostor", "not-a-token-of-anybody")):
        done = bench.session(home, token=token).publish(bench.package(name, "1.0.0"))
        bench.expect(not done.ok, f"a publish with the token {token} fails", done)
        bench.expect_versions(name, [], done)


@step("stranger", needs=("publish",))
def stranger(bench: Bench) -> None:
    """Somebody else's valid token can neither publish into nor unpublish from the package."""
    session = bench.session("stranger", token=bench.token_of(bench.peer))
    before = bench.registry.packument(bench.app)
    done = session.publish(bench.package(bench.app, "9.9.9"))
    bench.expect(not done.ok, "a stranger's publish fails", done)
    try:
        done = session.unpublish(f"{bench.app}@1.0.0")
        bench.expect(not done.ok, "a stranger's unpublish fails", done)
    except NotOffered:
        pass
    after = bench.registry.packument(bench.app)
    bench.expect(after == before, "the packument is unchanged", done)


@step("restricted")
def restricted(bench: Bench) -> None:
    """A restricted package installs for its owner, and does not exist for anybody else."""
    name = f"@{bench.user.name}/hidden"
    bench.publish(name, "1.0.0", access="restricted")
    owner, peer = bench.token_of(bench.user), bench.token_of(bench.peer)
    bench.expect(bench.registry.packument(name, owner), "its owner sees it")
    for who, token in (("nobody", None), ("a stranger", peer)):
        for answer in (bench.registry.request("GET", package_path(name), token=token),
                       bench.registry.tarball(name, "1.0.0", token=token)):
            bench.expect(answer.status == 404, f"404 for {who}, found {answer.status}", answer)
    project = bench.project({name: "1.0.0"})
    done = bench.session("hidden-owner", token=owner).install(project)
    bench.expect(done.ok and (project / "node_modules" / name / "index.js").exists(), "its owner installs it", done)
    project = bench.project({name: "1.0.0"})
    done = bench.session("hidden-stranger", token=peer).install(project)
    bench.expect(not done.ok, "a stranger cannot install it", done)
