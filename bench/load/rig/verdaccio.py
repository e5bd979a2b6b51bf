"""Verdaccio as a rival, with its own defaults but no upstream. It does not sync what it acknowledges."""

import json
from collections.abc import Iterable
from pathlib import Path

from rig.nginx import free_port
from rig.npm_install import install
from rig.npm_package import with_dist
from rig.registry_server import RegistryServer
from rig.server import ServerError

VERSION = "6.8.0"
CONFIGURATION = """
storage: ./storage
auth:
  htpasswd:
    file: ./htpasswd
    max_users: 10
uplinks: {{}}
packages:
  '**':
    access: $all
    publish: $authenticated
log: {{type: file, path: {folder}/log.txt, format: json, level: error}}
"""


def installed(peers: Path) -> Path:
    """The program below `peers`. It asks for node-fetch by a tag, which not every mirror has."""
    return install(peers, "verdaccio", VERSION, {"node-fetch": "2.7.0"}) / "bin/verdaccio"


class Verdaccio(RegistryServer):
    def __init__(self, program: Path, folder: Path, core: int):
        super().__init__("verdaccio", folder, core)
        self._program = program

    def command(self) -> list[str]:
        self.port = free_port()
        configuration = self.folder / "config.yaml"
        # It would take a relative path of the log from the folder that it was started in.
        configuration.write_text(CONFIGURATION.format(folder=self.folder))
        return ["node", str(self._program), "-c", str(configuration), "-l", f"127.0.0.1:{self.port}"]

    def place(self, packages: Iterable[tuple[dict, bytes]]) -> None:
        """Packages into its storage before it starts, as it would keep them. It hashes a password for each publish, which for
        a thousand of them takes minutes.
        """
        for package_json, tgz in packages:
            name, version = package_json["name"], package_json["version"]
            folder, file = self.folder / "storage" / name, f"{name}-{version}.tgz"
            folder.mkdir(parents=True)
            (folder / file).write_bytes(tgz)
            entry = with_dist(package_json, tgz)
            (folder / "package.json").write_text(json.dumps({
                "_id": name, "_rev": "1-0", "name": name, "dist-tags": {"latest": version}, "versions": {version: entry},
                "time": {version: "2026-01-01T00:00:00.000Z"}, "users": {}, "readme": "", "_uplinks": {}, "_distfiles": {},
                "_attachments": {file: {"shasum": entry["dist"]["shasum"], "version": version}}}))

    def is_ready(self) -> bool:
        try:
            return self._request("GET", "/-/ping", None, {})[0] == 200
        except OSError:
            return False

    def prepare(self) -> None:
        """A user who may publish."""
        user = {"name": "bench", "password": "a password for benchmarks only", "email": "bench@registry.example", "type": "user"}
        status, body, _ = self._request("PUT", "/-/user/org.couchdb.user:bench", json.dumps(user).encode(),
                                        {"Content-Type": "application/json"})
        if status != 201:
            raise ServerError(f"Verdaccio takes no user: {status} {body[:300]!r}")
        self.token = json.loads(body)["token"]
