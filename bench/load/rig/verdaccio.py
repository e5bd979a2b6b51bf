"""Verdaccio as a rival, installed from the npm registry when it is not there yet, with its own defaults."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from rig.nginx import _free_port as free_port
from rig.registry_server import RegistryServer
from rig.server import ServerError

VERSION = "6.8.0"
INSTALL_SECONDS = 600
CONFIGURATION = """
storage: ./storage
auth:
  htpasswd:
    file: ./htpasswd
    max_users: 10
uplinks: {}
packages:
  '**':
    access: $all
    publish: $authenticated
log: {type: file, path: ./log.txt, format: json, level: error}
"""


def install(peers: Path) -> Path:
    """The program below `peers`."""
    final = peers / f"verdaccio-{VERSION}"
    if not final.is_dir():
        peers.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=peers))
        # It asks for node-fetch by a tag, which not every mirror has.
        (partial / "package.json").write_text(json.dumps({"private": True, "overrides": {"node-fetch": "2.7.0"}}))
        done = subprocess.run(["npm", "install", "--prefix", str(partial), "--ignore-scripts", "--no-audit", "--no-fund",
                               "--save-exact", f"verdaccio@{VERSION}"], capture_output=True, text=True, check=False,
                              timeout=INSTALL_SECONDS)
        if done.returncode != 0:
            shutil.rmtree(partial)
            raise ServerError(f"Verdaccio cannot be installed: {done.stderr.strip()[-400:]}")
        partial.rename(final)
    return final / "node_modules/verdaccio/bin/verdaccio"


class Verdaccio(RegistryServer):
    def __init__(self, program: Path, folder: Path, core: int):
        super().__init__("verdaccio", folder, core)
        self._program = program

    def command(self) -> list[str]:
        self.port = free_port()
        configuration = self.folder / "config.yaml"
        configuration.write_text(CONFIGURATION)
        return ["node", str(self._program), "-c", str(configuration), "-l", f"127.0.0.1:{self.port}"]

    def is_ready(self) -> bool:
        try:
            return self._request("GET", "/-/ping", None, {})[0] == 200
        except OSError:
            return False

    def sign_up(self) -> None:
        user = {"name": "bench", "password": "a password for benchmarks only", "email": "bench@registry.example", "type": "user"}
        status, body, _ = self._request("PUT", "/-/user/org.couchdb.user:bench", json.dumps(user).encode(),
                                        {"Content-Type": "application/json"})
        if status != 201:
            raise ServerError(f"Verdaccio takes no user: {status} {body[:300]!r}")
        self.token = json.loads(body)["token"]
