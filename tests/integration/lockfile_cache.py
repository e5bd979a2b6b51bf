"""Makes a lockfile of a real application and collects the original bytes of every version in it.

Everything comes through npm itself, from the registry it is configured for: npm resolves, npm downloads, and what it
keeps in its cache (addressed by the sha512 of the lock) are the bytes as they were published. The result is kept in
BUILD_DIR/lockfile-cache, so that only the first run needs the network.
"""

import base64
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import urllib.parse

from client_table import Row

APPLICATION = pathlib.Path(__file__).with_name("lockfile_app") / "package.json"
NPM_TIMEOUT_S = 900
# What a registry adds to a manifest; `npm publish` sends none of it.
ADDED_BY_REGISTRY = ("_npmUser", "_npmOperationalInternal", "_hasShrinkwrap", "_cnpmcore_publish_time", "maintainers",
                     "_resolved", "_from", "_integrity", "_shasum", "publish_time", "deprecated")


@dataclasses.dataclass(frozen=True)
class Version:
    """One locked version. `tarball` is a file with the bytes as published."""

    name: str
    version: str
    integrity: str
    manifest: dict
    tarball: pathlib.Path


def prepare(npm: Row, build_dir: pathlib.Path) -> tuple[pathlib.Path, list[Version]]:
    """Returns the folder with package.json and package-lock.json, and the locked versions."""
    recipe = hashlib.sha256(APPLICATION.read_bytes() + f"{npm.package}@{npm.version}".encode()).hexdigest()[:16]
    final = build_dir / "lockfile-cache" / recipe
    if not final.exists():
        partial = final.with_name(recipe + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "app").mkdir(parents=True)
        shutil.copy(APPLICATION, partial / "app")
        _collect(_Npm(npm, build_dir, partial), partial)
        partial.rename(final)
    index = json.loads((final / "index.json").read_text(encoding="utf-8"))
    versions = [Version(tarball=final / "tarballs" / entry.pop("file"), **entry) for entry in index]
    return final / "app", versions


class _Npm:
    """The client that makes the lock, with the user's own registry configuration and a cache of its own."""

    def __init__(self, npm: Row, build_dir: pathlib.Path, folder: pathlib.Path) -> None:
        self.cache = folder / "npm-cache"
        self.argv = npm.argv(build_dir / "clients")
        # The npm of this machine knows the registry and the certificates; the one that makes the lock reads another
        # global configuration.
        self.registry = _machine_setting("registry")
        self.flags = ["--registry", self.registry, "--cache", str(self.cache), "--ignore-scripts", "--no-audit",
                      "--no-fund", "--no-omit-lockfile-registry-resolved"]
        if (cafile := _machine_setting("cafile")) != "null":
            self.flags += ["--cafile", cafile]

    def run(self, *arguments: str, cwd: pathlib.Path) -> None:
        done = subprocess.run([*self.argv, *arguments, *self.flags], cwd=cwd, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=NPM_TIMEOUT_S, env={**os.environ, "NO_COLOR": "1"})
        if done.returncode != 0:
            raise SystemExit(f"{done.stdout}\nlockfile: npm {arguments[0]} against {self.registry} failed: the npm "
                             "registry is needed once, to make the lockfile and to fetch what it names")

    def cached_packuments(self) -> dict[str, dict]:
        """Package name -> packument, of every full packument in the cache."""
        found: dict[str, dict] = {}
        for entry in _index_entries(self.cache):
            url = entry["key"].partition("make-fetch-happen:request-cache:")[2]
            if not url.startswith(self.registry) or url.endswith(".tgz"):
                continue
            document = json.loads(_content(self.cache, entry["integrity"]))
            if "_id" in document or "time" in document:
                found[urllib.parse.unquote(url[len(self.registry):])] = document
        return found


def _machine_setting(key: str) -> str:
    return subprocess.run(["npm", "config", "get", key], check=True, text=True, capture_output=True).stdout.strip()


def _collect(npm: _Npm, folder: pathlib.Path) -> None:
    print("lockfile: resolving the application with npm", flush=True)
    npm.run("install", "--package-lock-only", cwd=folder / "app")
    locked = locked_versions(json.loads((folder / "app/package-lock.json").read_text(encoding="utf-8")))
    print(f"lockfile: fetching {len(locked)} tarballs", flush=True)
    npm.run("cache", "add", *(f"{name}@{version}" for name, version in locked), "--prefer-offline", cwd=folder / "app")
    packuments = npm.cached_packuments()
    (folder / "tarballs").mkdir()
    index = []
    for number, ((name, version), integrity) in enumerate(sorted(locked.items())):
        data = _content(npm.cache, integrity)
        manifest = {key: value for key, value in packuments[name]["versions"][version].items()
                    if key not in ADDED_BY_REGISTRY}
        # Signatures and attestations are the other registry's statements, not the publisher's.
        manifest["dist"] = {key: manifest["dist"][key] for key in ("integrity", "shasum", "tarball")
                            if key in manifest["dist"]}
        (folder / "tarballs" / f"{number}.tgz").write_bytes(data)
        index.append({"name": name, "version": version, "integrity": integrity, "manifest": manifest,
                      "file": f"{number}.tgz"})
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    shutil.rmtree(npm.cache)


def locked_versions(lock: dict) -> dict[tuple[str, str], str]:
    """(name, version) -> integrity of every package in a lock, those for other platforms included."""
    return {(package_name(path, entry), entry["version"]): entry["integrity"]
            for path, entry in lock["packages"].items() if path}


def package_name(path: str, entry: dict) -> str:
    """The lock has the name only where it differs from the folder (an alias)."""
    return entry.get("name") or path.rpartition("node_modules/")[2]


def _index_entries(cache: pathlib.Path):
    """The last entry of every key in npm's cache index: lines of a hash, a tab and JSON."""
    for bucket in (cache / "_cacache/index-v5").rglob("*"):
        if not bucket.is_file():
            continue
        last: dict[str, dict] = {}
        for line in bucket.read_text(encoding="utf-8").splitlines():
            if line:
                entry = json.loads(line.partition("\t")[2])
                last[entry["key"]] = entry
        yield from (entry for entry in last.values() if entry.get("integrity"))


def _content(cache: pathlib.Path, integrity: str) -> bytes:
    """The bytes npm keeps under an integrity, checked once more here."""
    digest = base64.b64decode(integrity.removeprefix("sha512-"))
    hexadecimal = digest.hex()
    path = cache / "_cacache/content-v2/sha512" / hexadecimal[:2] / hexadecimal[2:4] / hexadecimal[4:]
    data = path.read_bytes()
    if hashlib.sha512(data).digest() != digest:
        raise SystemExit(f"lockfile: npm's cache holds other bytes than {integrity}")
    return data
