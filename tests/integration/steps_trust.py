"""Steps: known vulnerabilities, signatures, provenance, staged and trusted publishing."""

import re
import time

from bench import Bench
from oidc_issuer import REPOSITORY
from registry import Tarn, User
from steps import step
from steps_login import one_time_code, switch_codes_on

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# For a client that was refused an id: the next command still asks the registry.
NOBODYS_UUID = "00000000-0000-4000-8000-000000000000"


def _advisory(name: str) -> dict:
    """An OSV record: everything below 2.0.0 is vulnerable, with severity high."""
    return {
        "schema_version": "1.6.0",
        "id": f"TARN-TEST-{name}",
        "modified": "2026-11-01T00:00:00Z",
        "published": "2026-11-01T00:00:00Z",
        "summary": f"Planted weakness of {name}",
        "details": "For the tests of the registry.",
        "affected": [{"package": {"ecosystem": "npm", "name": name},
                      "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}],
        "database_specific": {"severity": "HIGH", "cwe_ids": ["CWE-79"]},
    }


@step("audit", "audit", needs=("install",))
def audit(bench: Bench) -> None:
    """A planted advisory is found, offline; another package of the same project is not accused."""
    name = f"fresh-{bench.row.name}"
    fault = bench.registry.import_advisory(_advisory(name)) if isinstance(bench.registry, Tarn) else ""
    done = bench.installer.audit(bench.installed)
    bench.expect("Planted weakness" in done.output and "high" in done.output.lower(),
                 f"the advisory is found (its import: {fault or 'done'})", done)
    bench.expect(not done.ok, "an audit that finds something says so by its exit status", done)


@step("audit signatures", "audit_signatures", needs=("install",))
def audit_signatures(bench: Bench) -> None:
    done = bench.installer.audit_signatures(bench.installed)
    bench.expect(done.ok and re.search(r"2 packages?.*verified|verified.*: *2|2 .*signature", done.output),
                 "both packages have verified signatures", done)


@step("publish --provenance", "publish_provenance")
def publish_provenance(bench: Bench) -> None:
    name = f"proven-{bench.row.name}"
    done = bench.authenticated().publish_provenance(bench.package(name, "1.0.0"))
    bench.expect(done.ok, "a publish with provenance succeeds", done)


# Staged publishing.


def _staged(bench: Bench, version: str) -> str:
    """Stages a version and returns the id that the client printed."""
    done = bench.authenticated().stage_publish(bench.package(bench.app, version))
    bench.expect(done.ok, "stage publish succeeds", done)
    bench.expect(version not in bench.registry.packument(bench.app)["versions"], "it is not published yet", done)
    found = UUID.findall(done.output)
    if not found:
        listed = bench.registry.request("GET", f"/-/stage?package={bench.app}", token=bench.token_of(bench.user))
        found = [item["id"] for item in listed.json()["items"] if item["version"] == version]
    bench.expect(found, "the stage has an id", done)
    return found[-1]


@step("stage publish", "stage_publish", needs=("publish",))
def stage_publish(bench: Bench) -> None:
    bench.stage_id = _staged(bench, "3.0.0")
    refused = bench.authenticated().publish(bench.package(bench.app, "3.0.0"), tag="again")
    bench.expect(not refused.ok, "the staged number is taken", refused)


@step("stage list", "stage_list")
def stage_list(bench: Bench) -> None:
    done = bench.authenticated().stage_list()
    bench.expect(done.ok and bench.app in done.output, "stage list shows the staged version", done)


@step("stage view", "stage_view")
def stage_view(bench: Bench) -> None:
    done = bench.authenticated().stage_view(bench.stage_id)
    bench.expect(done.ok and "3.0.0" in done.output, "stage view shows the version", done)


@step("stage download", "stage_download")
def stage_download(bench: Bench) -> None:
    done = bench.authenticated().stage_download(bench.stage_id)
    bench.expect(done.ok and list(bench.main.home.glob("*.tgz")), "stage download leaves the tarball", done)


@step("stage approve", "stage_approve")
def stage_approve(bench: Bench) -> None:
    stranger = bench.session("stage-stranger", token=bench.token_of(bench.peer)).stage_approve(bench.stage_id)
    bench.expect(not stranger.ok, "a stranger cannot approve it", stranger)
    done = bench.authenticated().stage_approve(bench.stage_id)
    bench.expect(done.ok, "stage approve succeeds", done)
    bench.expect("3.0.0" in bench.registry.packument(bench.app)["versions"], "the version is published now", done)


@step("stage reject", "stage_reject")
def stage_reject(bench: Bench) -> None:
    refused = bench.authenticated().stage_reject(NOBODYS_UUID)
    bench.expect(not refused.ok and "404" in refused.output, "an unknown id is not found", refused)
    key = _staged(bench, "3.1.0")
    done = bench.authenticated().stage_reject(key)
    bench.expect(done.ok, "stage reject succeeds", done)
    bench.expect("3.1.0" not in bench.registry.packument(bench.app)["versions"], "it was never published", done)


@step("stage with code", "stage_approve")
def stage_with_code(bench: Bench) -> None:
    """Who has a second factor stages without it, and needs it for the last word."""
    user = User(f"stages-{bench.row.name}", "stages-password-1")
    bench.registry.add_user(user)
    token = bench.registry.token_for(user)
    secret = switch_codes_on(bench, user, token)
    session = bench.session("stage-with-code", token=token)
    name = f"staged-{bench.row.name}"
    done = session.stage_publish(bench.package(name, "1.0.0"))
    bench.expect(done.ok, "staging asks for no code, not even for a first version", done)
    bench.expect(bench.registry.request("GET", f"/{name}").status == 404, "there is no such package yet", done)
    key = bench.registry.request("GET", f"/-/stage?package={name}", token=token).json()["items"][0]["id"]
    refused = session.stage_approve(key)
    bench.expect(not refused.ok, "without a code it is not approved", refused)
    approved = session.stage_approve_with_code(key, one_time_code(secret, time.time()))
    bench.expect(approved.ok, "with a code it is", approved)
    bench.expect_versions(name, ["1.0.0"], approved)


# Trusted publishing.


def _trusted(bench: Bench) -> str:
    answer = bench.registry.request("GET", f"/-/package/{bench.app}/trust", token=bench.token_of(bench.user))
    configured = answer.json() if answer.status == 200 else []
    return configured[0]["id"] if configured else NOBODYS_UUID


@step("trust github", "trust_add", needs=("publish",))
def trust_github(bench: Bench) -> None:
    done = bench.authenticated().trust_add(bench.app)
    bench.expect(done.ok, "trust github succeeds", done)
    bench.expect(_trusted(bench) != NOBODYS_UUID, "the configuration is stored", done)


@step("trust list", "trust_list", needs=("publish",))
def trust_list(bench: Bench) -> None:
    done = bench.authenticated().trust_list(bench.app)
    bench.expect(done.ok and "publish.yml" in done.output, "trust list shows the workflow", done)


@step("publish by identity", "publish_by_identity", needs=("publish",))
def publish_by_identity(bench: Bench) -> None:
    """A run of the CI system that the package trusts publishes without any token, and only such a run."""
    stranger = bench.session("identity-stranger")
    stranger.settings.update(bench.issuer.github_environment())
    # By the harness, for clients that have no trust command.
    if _trusted(bench) == NOBODYS_UUID:
        configuration = [{"type": "github", "claims": {"repository": REPOSITORY, "workflow_ref": {"file": "publish.yml"}},
                          "permissions": ["createPackage"]}]
        made = bench.registry.request("POST", f"/-/package/{bench.app}/trust", configuration,
                                      token=bench.token_of(bench.user))
        bench.expect(made.status == 200, "the package trusts the repository", made.body)
    bench.publish(f"untrusting-{bench.row.name}", "1.0.0")
    refused = stranger.publish(bench.package(f"untrusting-{bench.row.name}", "1.1.0"))
    bench.expect(not refused.ok, "a package that trusts nobody cannot be published so", refused)
    runner = bench.session("identity")
    runner.settings.update(bench.issuer.github_environment())
    done = runner.publish(bench.package(bench.app, "9.0.0"), tag="by-identity")
    bench.expect(done.ok, "a publish with an identity token succeeds", done)
    document = bench.registry.packument(bench.app, bench.token_of(bench.user))
    publisher = document.get("versions", {}).get("9.0.0", {}).get("_npmUser", {})
    bench.expect(publisher.get("trustedPublisher", {}).get("id") == "github", f"the version says who published it: {publisher}",
                 done)


@step("dist-tag by identity", "dist_tag_by_identity", needs=("publish by identity",))
def dist_tag_by_identity(bench: Bench) -> None:
    runner = bench.session("identity-tag")
    runner.settings.update(bench.issuer.github_environment())
    done = runner.dist_tag_add(bench.app, "9.0.0", "tagged-by-identity")
    bench.expect(done.ok, "dist-tag add with an identity token succeeds", done)
    tags = bench.registry.packument(bench.app, bench.token_of(bench.user))["dist-tags"]
    bench.expect(tags.get("tagged-by-identity") == "9.0.0", "the tag is set", done)


@step("trust revoke", "trust_revoke", needs=("publish",))
def trust_revoke(bench: Bench) -> None:
    done = bench.authenticated().trust_revoke(bench.app, _trusted(bench))
    bench.expect(done.ok and _trusted(bench) == NOBODYS_UUID, "the configuration is gone", done)
