"""pouchdb-server as the stand-in for a registry on CouchDB: a package is a document with its tarballs as attachments, as npm's
own registry kept them. It does not sync what it acknowledges, checks nothing of a publish, and keeps no accounts here.
"""

import json
from pathlib import Path

from rig.nginx import free_port
from rig.npm_install import install
from rig.registry_server import RegistryServer
from rig.server import ServerError

VERSION = "4.2.0"
DATABASE = "/registry"


def installed(peers: Path) -> Path:
    return install(peers, "pouchdb-server", VERSION) / "bin/pouchdb-server"


class PouchDb(RegistryServer):
    def __init__(self, program: Path, folder: Path, core: int):
        super().__init__("pouchdb-server", folder, core)
        self._program = program

    def command(self) -> list[str]:
        self.port = free_port()
        (self.folder / "data").mkdir(exist_ok=True)
        # It writes its configuration and its log into the folder that it runs in.
        words = [self._program, "--host", "127.0.0.1", "--port", self.port, "--dir", self.folder / "data", "--no-stdout-logs",
                 "--config", self.folder / "config.json"]
        return ["env", "--chdir", str(self.folder), "node", *map(str, words)]

    def is_ready(self) -> bool:
        try:
            return self._request("GET", "/", None, {})[0] == 200
        except OSError:
            return False

    def prepare(self) -> None:
        status, body, _ = self._request("PUT", DATABASE, None, {})
        if status != 201:
            raise ServerError(f"pouchdb-server makes no database: {status} {body[:300]!r}")

    def packument_path(self, name: str) -> str:
        return f"{DATABASE}/{name}"

    def tarball_path(self, name: str, version: str) -> str:
        return f"{DATABASE}/{name}/{name}-{version}.tgz"

    def publish_versions(self, name: str, documents: list[bytes]) -> None:
        """As one document: what a publish adds to the one that is there was the work of a design document at npm's."""
        parsed = [json.loads(document) for document in documents]
        merged = parsed[-1]
        for member in ("versions", "_attachments"):
            merged[member] = {key: value for document in parsed for key, value in document[member].items()}
        self.publish(self.packument_path(name), json.dumps(merged).encode())
