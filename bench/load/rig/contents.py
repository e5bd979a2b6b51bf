"""What the read scenarios serve: packages of a registry, or made up when there is no registry to ask."""

import gzip
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from rig.npm_package import Publishes, packument, publish_document, tarball_path, version_number, with_dist
from rig.server import ServerError
from rig.tarn import Tarn

SEED = 20261124
MANIFEST_BYTES = 2_500
SMALL_MANIFEST_BYTES = 500  # Leaves room for a payload in the smallest tarball.
TARBALL_BYTES = {"1 KB": 1_000, "20 KB": 20_000, "200 KB": 200_000, "2 MB": 2_000_000}
PACKUMENT_VERSIONS = {"small": 1, "500 KB": 175, "4 MB": 1_400}
LARGEST = {"10 MB": 3_500}  # Not in quick runs: to publish it takes as long as all others.
ABBREVIATED_OF = "500 KB"
COLD_TARBALLS = 200
IDENTITY = {"Accept": "application/json"}
GZIP = {**IDENTITY, "Accept-Encoding": "gzip,deflate"}  # As npm sends it.
ABBREVIATED = {"Accept": "application/vnd.npm.install-v1+json"}
ABBREVIATED_GZIP = {**ABBREVIATED, "Accept-Encoding": "gzip,deflate"}


@dataclass(frozen=True)
class Content:
    """One target and the very bytes that answer it."""

    label: str
    path: str
    identity: bytes
    gzip: bytes | None = None
    abbreviated: bool = False

    @property
    def file(self) -> str:
        """Where a server of static files has it: it does not look at Accept."""
        return f"{self.path}.abbreviated" if self.abbreviated else self.path


def publishes(quick: bool) -> Iterator[tuple[str, bytes]]:
    """Everything that has to be in the registry before it is read: (path, document) of each publish."""
    for name, package in itertools.chain(_tarball_packages().values(), _packument_packages(_versions(quick)), _cold_packages()):
        yield f"/{name}", publish_document(*package)


def _versions(quick: bool) -> dict[str, int]:
    return PACKUMENT_VERSIONS if quick else PACKUMENT_VERSIONS | LARGEST


def tarballs(tarn: Tarn | None) -> list[Content]:
    """Tarballs; a registry must serve the bytes that were published into it."""
    made = []
    for label, (name, (_, tgz)) in _tarball_packages().items():
        path = tarball_path(name, "1.0.0")
        if tarn and tarn.get(path, {})[0] != tgz:
            raise ServerError(f"GET {path}: other bytes than were published")
        made.append(Content(label, path, tgz))
    return made


def packuments(tarn: Tarn | None, quick: bool) -> list[Content]:
    return [fetch(tarn, label, f"/{_packument_name(count)}") if tarn else _made_up(label, count)
            for label, count in _versions(quick).items()]


def abbreviated(tarn: Tarn) -> Content:
    return fetch(tarn, ABBREVIATED_OF, f"/{_packument_name(PACKUMENT_VERSIONS[ABBREVIATED_OF])}", abbreviated=True)


def cold_tarballs() -> list[Content]:
    """So many that each is read once only."""
    return [Content("20 KB", tarball_path(name, "1.0.0"), package[1]) for name, package in _cold_packages()]


def fetch(tarn: Tarn, label: str, path: str, *, abbreviated: bool = False) -> Content:
    """A packument as tarn serves it, in both codings, which must agree."""
    identity, _ = tarn.get(path, ABBREVIATED if abbreviated else IDENTITY)
    compressed, headers = tarn.get(path, ABBREVIATED_GZIP if abbreviated else GZIP)
    if headers.get("Content-Encoding") != "gzip":
        raise ServerError(f"GET {path}: no gzip for those who accept it")
    if gzip.decompress(compressed) != identity:
        raise ServerError(f"GET {path}: gzip and identity differ")
    return Content(label, path, identity, compressed, abbreviated)


def _made_up(label: str, version_count: int) -> Content:
    name = _packument_name(version_count)
    body = packument([with_dist(*package) for _, package in _packument_packages({label: version_count})])
    return Content(label, f"/{name}", body, gzip.compress(body, 6, mtime=0))


def _tarball_packages() -> dict[str, tuple[str, tuple[dict, bytes]]]:
    return {label: (name := f"bench-tarball-{tgz_bytes}",
                    Publishes(SEED, tgz_bytes, SMALL_MANIFEST_BYTES).package(name, "1.0.0"))
            for label, tgz_bytes in TARBALL_BYTES.items()}


def _cold_packages() -> Iterator[tuple[str, tuple[dict, bytes]]]:
    made = Publishes(SEED + 1, TARBALL_BYTES["20 KB"], SMALL_MANIFEST_BYTES)
    for index in range(COLD_TARBALLS):
        name = f"bench-tarball-cold-{index}"
        yield name, made.package(name, "1.0.0")


def _packument_packages(versions: dict[str, int]) -> Iterator[tuple[str, tuple[dict, bytes]]]:
    for version_count in versions.values():
        name, made = _packument_name(version_count), Publishes(SEED, 1_000, MANIFEST_BYTES)
        for index in range(version_count):
            yield name, made.package(name, version_number(index))


def _packument_name(version_count: int) -> str:
    return f"bench-packument-{version_count}"
