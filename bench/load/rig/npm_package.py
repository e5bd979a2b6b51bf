"""Synthetic packages: real .tgz files and the very documents `npm publish` sends. Same seed, same bytes."""

import base64
import gzip
import hashlib
import io
import json
import random
import tarfile

REGISTRY = "http://registry.example"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def version_number(index: int) -> str:
    """The index-th version of a package, ascending."""
    return f"1.{index // 100}.{index % 100}"


def tarball_path(name: str, version: str) -> str:
    return f"/{name}/-/{name}-{version}.tgz"


def manifest(name: str, version: str, rng: random.Random, json_bytes: int) -> dict:
    """A package.json of about `json_bytes`. As in real packages, versions of one package differ in little: all have
    the same dependencies, and one of them asks for another range. That is what makes packuments compress well.
    """
    document = {
        "name": name,
        "version": version,
        "description": f"Synthetic package {name}, made for load tests and installed by nobody.",
        "main": "index.js",
        "license": "Apache-2.0",
        "author": {"name": "Bench", "email": "bench@registry.example"},
        "repository": {"type": "git", "url": f"git+https://registry.example/bench/{name}.git"},
        "scripts": {"test": "node test.js", "build": "node build.js --out dist"},
        "engines": {"node": ">=18"},
        "dependencies": {},
        "devDependencies": {},
    }
    same_for_all_versions = random.Random(name)
    size = len(json.dumps(document, separators=(",", ":")))
    while size < json_bytes:
        kind = same_for_all_versions.choice(("dependencies", "devDependencies"))
        words = ("".join(same_for_all_versions.choices(LETTERS, k=same_for_all_versions.randint(3, 9))) for _ in "ab")
        dependency, wanted = "-".join(words), _range(same_for_all_versions)
        document[kind][dependency] = wanted
        size += len(dependency) + len(wanted) + 6
    if document["dependencies"]:
        document["dependencies"][rng.choice(list(document["dependencies"]))] = _range(rng)
    return document


def _range(rng: random.Random) -> str:
    return f"^{rng.randint(0, 20)}.{rng.randint(0, 30)}.{rng.randint(0, 15)}"


def tarball(package_json: dict, rng: random.Random, tgz_bytes: int) -> bytes:
    """A .tgz as npm packs it, of about `tgz_bytes`; the payload does not compress, so no two are alike."""
    files = {"package/package.json": json.dumps(package_json, indent=2).encode()}
    overhead = len(_pack({**files, "package/index.js": b""}))
    files["package/index.js"] = rng.randbytes(max(tgz_bytes - overhead, 16))
    return _pack(files)


def _pack(files: dict[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o644
            entry.mtime = 499162500  # What npm writes: tarballs do not depend on the time of packing.
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), compresslevel=1, mtime=0)


def with_dist(package_json: dict, tgz: bytes) -> dict:
    """The manifest as it stands in a packument: package.json plus what describes its tarball."""
    name, version = package_json["name"], package_json["version"]
    return {
        **package_json,
        "_id": f"{name}@{version}",
        "_nodeVersion": "22.11.0",
        "_npmVersion": "11.0.0",
        "dist": {
            "integrity": "sha512-" + base64.b64encode(hashlib.sha512(tgz).digest()).decode(),
            "shasum": hashlib.sha1(tgz).hexdigest(),
            "tarball": REGISTRY + tarball_path(name, version),
        },
    }


def publish_document(package_json: dict, tgz: bytes) -> bytes:
    """Body of PUT /{name}, with the fields and their order of npm 11."""
    name, version = package_json["name"], package_json["version"]
    return json.dumps({
        "_id": name,
        "name": name,
        "description": package_json["description"],
        "dist-tags": {"latest": version},
        "versions": {version: with_dist(package_json, tgz)},
        "access": None,
        "_attachments": {
            f"{name}-{version}.tgz": {
                "content_type": "application/octet-stream",
                "data": base64.b64encode(tgz).decode(),
                "length": len(tgz),
            },
        },
    }, separators=(",", ":")).encode()


def packument(manifests: list[dict]) -> bytes:
    """A full packument, for runs without a registry."""
    latest = manifests[-1]
    time = {entry["version"]: "2026-01-01T00:00:00.000Z" for entry in manifests}
    return json.dumps({
        "_id": latest["name"],
        "_rev": f"{len(manifests)}-0",
        "name": latest["name"],
        "dist-tags": {"latest": latest["version"]},
        "versions": {entry["version"]: entry for entry in manifests},
        "time": {"created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", **time},
    }, separators=(",", ":")).encode()


class Publishes:
    """A stream of publish documents. Each has its own bytes, because equal tarballs are stored once."""

    def __init__(self, seed: int, tgz_bytes: int, manifest_bytes: int):
        self._rng = random.Random(seed)
        self._tgz_bytes = tgz_bytes
        self._manifest_bytes = manifest_bytes

    def package(self, name: str, version: str) -> tuple[dict, bytes]:
        package_json = manifest(name, version, self._rng, self._manifest_bytes)
        return package_json, tarball(package_json, self._rng, self._tgz_bytes)

    def document(self, name: str, version: str) -> bytes:
        return publish_document(*self.package(name, version))
