#!/usr/bin/env python3
"""Installs a real application with `npm ci` from tarn, after publishing its packages there with their original bytes.

The lockfile is made by the same npm that installs it. Between publishing and installing the server is killed with
SIGKILL and started again. Ends with 1 when a check fails.
"""

import argparse
import base64
import concurrent.futures
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True

import client_table  # noqa: E402
import drivers  # noqa: E402
import lockfile_cache  # noqa: E402
import terminal  # noqa: E402
from lockfile_cache import Version  # noqa: E402
from registry import Registry, Tarn, User, package_path  # noqa: E402

PACKAGES_MIN = 300
PUBLISHERS = 8
# Another version of the same package may have been committed in between; clients try again on these.
TRY_AGAIN = (409, 503)
TRIES_MAX = 5
INSTALL_TIMEOUT_S = 300
NOWHERE = "http://127.0.0.1:1/"


class CheckFailed(Exception):
    pass


def expect(condition: object, expectation: str, evidence: object = "") -> None:
    if not condition:
        raise CheckFailed(f"expected: {expectation}\n{evidence}")


def publish_document(one: Version, registry_url: str) -> dict:
    """What `npm publish` sends for one version."""
    data = one.tarball.read_bytes()
    file = f"{one.name}-{one.version}.tgz"
    manifest = dict(one.manifest)
    manifest["dist"] = {**manifest["dist"], "tarball": f"{registry_url}{one.name}/-/{file}"}
    return {
        "_id": one.name,
        "name": one.name,
        "description": one.manifest.get("description"),
        "dist-tags": {"latest": one.version},
        "versions": {one.version: manifest},
        "access": "public",
        "_attachments": {file: {"content_type": "application/octet-stream",
                                "data": base64.b64encode(data).decode(), "length": len(data)}},
    }


def publish(registry: Registry, token: str, one: Version) -> str | None:
    """Publishes one version; returns what went wrong."""
    document = publish_document(one, registry.url)
    for _ in range(TRIES_MAX):
        answer = registry.request("PUT", package_path(one.name), document, token=token)
        if answer.status not in TRY_AGAIN:
            break
    if answer.status in (200, 201):
        return None
    return f"{one.name}@{one.version}: {answer.status} {answer.body[:200]!r}"


def publish_all(registry: Registry, token: str, versions: list[Version], publishers: int) -> float:
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(publishers) as pool:
        refused = [fault for fault in pool.map(lambda one: publish(registry, token, one), versions) if fault]
    expect(not refused, f"all {len(versions)} publishes are accepted", "\n".join(refused))
    return time.monotonic() - start


def write_project(app: pathlib.Path, project: pathlib.Path, registry_url: str) -> dict:
    """The application with a lock whose URLs point at the registry under test; returns the lock."""
    project.mkdir(parents=True)
    shutil.copy(app / "package.json", project)
    lock = json.loads((app / "package-lock.json").read_text(encoding="utf-8"))
    for path, entry in lock["packages"].items():
        if path:
            name = lockfile_cache.package_name(path, entry)
            entry["resolved"] = f"{registry_url}{tarball_path(name, entry['version'])}"
    (project / "package-lock.json").write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    return lock


def tarball_path(name: str, version: str) -> str:
    return f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"


def check_installed(lock: dict, project: pathlib.Path, done: terminal.Outcome) -> set[tuple[str, str]]:
    """Every locked package is there with the locked integrity, but optional ones of other platforms; returns those."""
    hidden = json.loads((project / "node_modules/.package-lock.json").read_text(encoding="utf-8"))["packages"]
    wrong = []
    for path, entry in lock["packages"].items():
        if not path:
            continue
        installed = hidden.get(path)
        if installed is None:
            if not entry.get("optional"):
                wrong.append(f"{path} is not installed")
        elif installed.get("integrity") != entry["integrity"]:
            wrong.append(f"{path} has {installed.get('integrity')}, the lock {entry['integrity']}")
        elif not (project / path / "package.json").exists():
            wrong.append(f"{path} has no files")
    expect(not wrong, "every integrity in node_modules matches the lock", "\n".join([*wrong, str(done)]))
    expect(len(hidden) >= PACKAGES_MIN, f"at least {PACKAGES_MIN} packages are installed", len(hidden))
    return {(lockfile_cache.package_name(path, entry), entry["version"]) for path, entry in hidden.items()}


def run(registry: Registry, folder: pathlib.Path, build_dir: pathlib.Path, held: list[str]) -> None:
    """Adds a sentence to `held` for each check that held; raises CheckFailed at the first that does not."""
    npm = next(row for row in client_table.clients() if row.name == "npm12")
    app, versions = lockfile_cache.prepare(npm, build_dir)
    token = registry.admin_token if isinstance(registry, Tarn) else registry.log_in(User("root", "root-password-1"))
    # Other registries lose updates when versions of one package arrive together.
    publishers = PUBLISHERS if isinstance(registry, Tarn) else 1
    seconds = publish_all(registry, token, versions, publishers)
    held.append(f"published {len(versions)} versions with {publishers} publishers in {seconds:.1f} s")

    if isinstance(registry, Tarn):
        registry.crash_and_restart()
        held.append("killed and restarted the server")
    changed = [one for one in versions
               if registry.tarball(one.name, one.version).body != one.tarball.read_bytes()]
    expect(not changed, "every tarball is served with its original bytes", [one.name for one in changed])
    held.append(f"{len(versions)} tarballs are served byte for byte")

    project = folder / "project"
    lock = write_project(app, project, registry.url)
    session = drivers.BY_NAME["npm12"](npm.argv(build_dir / "clients"), folder / "home", registry.url)
    # Whatever npm would fetch from elsewhere fails: nothing listens on the proxy's port.
    session.settings |= {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1"}
    offset = registry.log_offset()
    start = time.monotonic()
    done = session.run("ci", "--ignore-scripts", cwd=project, timeout_s=INSTALL_TIMEOUT_S)
    expect(done.ok, "npm ci succeeds", f"{done}\n{registry.log_since(offset)[-4000:]}")
    held.append(f"npm ci from an empty cache succeeds in {time.monotonic() - start:.1f} s")
    installed = check_installed(lock, project, done)
    held.append(f"{len(installed)} versions installed, every integrity matches the lock")

    if isinstance(registry, Tarn):
        log = registry.log_since(offset)
        absent = [f"{name}@{version}" for name, version in sorted(installed)
                  if tarball_path(name, version) not in log]
        expect(not absent, "the server log has a request for every tarball", f"{absent}\n{log[:2000]}")
        held.append("the server log has a request for every installed tarball")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build_dir", type=pathlib.Path, help="holds clients/ and, unless TARN_BIN is set, tarn")
    parser.add_argument("--against", metavar="URL", help="a registry that runs already (to develop the harness)")
    options = parser.parse_args()
    build_dir = options.build_dir.resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-lockfile-"))
    binary = pathlib.Path(os.environ.get("TARN_BIN", build_dir / "tarn")).resolve()
    registry = Registry(options.against) if options.against else Tarn(binary, folder, "closed")
    faults: list[str] = []
    held: list[str] = []
    try:
        run(registry, folder, build_dir, held)
    except CheckFailed as failure:
        faults.append(str(failure))
    except Exception:  # a dead server, an answer that nobody foresaw
        faults.append(f"{traceback.format_exc()}\n--- server log ---\n{registry.log_since(0)[-4000:]}")
    finally:
        faults += registry.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for sentence in held:
        print(f"PASS lockfile: {sentence}")
    for sentence in faults:
        print(f"FAIL lockfile: {sentence}")
    print(f"{len(held)} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
