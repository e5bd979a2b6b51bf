"""Peers that come from the npm registry, the one that `npm config get registry` names, into a folder that stays."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from rig.server import ServerError

INSTALL_SECONDS = 600


def install(peers: Path, package: str, version: str, overrides: dict[str, str] | None = None) -> Path:
    """The folder of the installed package. It runs none of what the packages would run at their installation."""
    final = peers / f"{package}-{version}"
    if not final.is_dir():
        peers.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=peers))
        (partial / "package.json").write_text(json.dumps({"private": True, "overrides": overrides or {}}))
        command = ["npm", "install", "--prefix", str(partial), "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact",
                   f"{package}@{version}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            shutil.rmtree(partial)
            raise ServerError(f"{package} cannot be installed: {type(error).__name__}") from None
        if done.returncode != 0:
            shutil.rmtree(partial)
            raise ServerError(f"{package} cannot be installed: npm ends with {done.returncode}")
        partial.rename(final)
    return final / "node_modules" / package
