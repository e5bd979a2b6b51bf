"""Packuments of real packages, from the registry that `npm config get registry` names, published again with small tarballs."""

import copy
import json
import random
import subprocess
import urllib.request

from rig import contents
from rig.npm_package import publish_document, tarball
from rig.server import ServerError
from rig.tarn import Tarn

QUICK, MORE = ("express",), ("lodash", "webpack", "typescript")  # About 0.8 MB; 0.3, 5 and 15 MB.
TARBALL_BYTES = 1_000
ANSWER_SECONDS = 30
ANSWER_BYTES_MAX = 64 << 20
SEED = 20261128


def publish(tarn: Tarn, quick: bool) -> list[contents.Content]:
    """Makes tarn have them. Without a registry, or without a package in it, there are the synthetic ones alone."""
    found = []
    for name in QUICK if quick else QUICK + MORE:
        try:
            packument = _fetch(name)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            print(f"no {name} from the npm registry ({type(error).__name__}): synthetic packuments alone")
            return found
        if _publish(tarn, packument):
            found.append(contents.fetch(tarn, f"of {name}", f"/{name}"))
    return found


def _publish(tarn: Tarn, packument: dict) -> int:
    """The number of versions that this registry takes; what is no longer allowed in a publish is left out."""
    rng = random.Random(SEED)
    taken = 0
    for version in sorted(packument["versions"], key=lambda version: packument.get("time", {}).get(version, "")):
        manifest = copy.deepcopy(packument["versions"][version])
        for member in ("dist", "_id", "readme", "_npmUser", "maintainers"):
            manifest.pop(member, None)
        manifest.setdefault("description", "")
        identity = {"name": manifest["name"], "version": version}
        try:
            tarn.publish(f"/{packument['name']}", publish_document(manifest, tarball(identity, rng, TARBALL_BYTES)))
            taken += 1
        except ServerError:
            continue
    return taken


def _fetch(name: str) -> dict:
    """The full packument. ValueError: it is not one, or too large."""
    registry = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    request = urllib.request.Request(f"{registry.rstrip('/')}/{name}", headers={"Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        body = answer.read(ANSWER_BYTES_MAX + 1)
    packument = json.loads(body) if len(body) <= ANSWER_BYTES_MAX else {}
    if not isinstance(packument.get("versions"), dict):
        raise ValueError(f"{name}: no packument")
    return packument
