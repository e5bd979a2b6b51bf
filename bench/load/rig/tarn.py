"""tarn as a server under test, with one reactor and an administrator whose token publishes."""

import http.client
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from rig.load_gen import Load, LoadGen, write_put_set
from rig.server import Server, ServerError

USER = "bench"
READY = re.compile(r"^tarn: listening on http://127\.0\.0\.1:(\d+)/$", re.MULTILINE)
REQUEST_SECONDS = 60
BULK_SECONDS = 300


class Tarn(Server):
    def __init__(self, binary: Path, folder: Path, core: int, environment: dict[str, str]):
        super().__init__("tarn", folder, core)
        self._binary = str(binary)
        self._data = folder / "data"
        self._environment = {"TARN_SERVER_THREADS": "1", **environment}
        self.token = ""

    def fill(self, load_gen: LoadGen, records: Iterable[tuple[str, bytes]], fast_folder: Path) -> None:
        """Creates the registry and publishes (path, document) one after the other, in a folder where fdatasync is
        free: thousands of publishes into one package would otherwise take minutes. Then moves it where it is measured.
        """
        final = self._data
        self._data = fast_folder / "tarn-bench-data"
        try:
            self._create()
            self.start()
            load = self.publish_load(records, connections=1)
            if load.requests:  # F4 alone begins with an empty registry.
                load_gen.run(self.port, load)
            self.stop()
            shutil.move(self._data, final)
        finally:
            shutil.rmtree(self._data, ignore_errors=True)
            self._data = final

    def _create(self) -> None:
        self._admin(["user", "add", USER, "--admin", "--password-stdin"], "a password for benchmarks only\n")
        self.token = self._admin(["token", "create", USER], "").split()[-1]

    def command(self) -> list[str]:
        return [self._binary, "serve", "--data", str(self._data), "--listen", "127.0.0.1:0"]

    def environment(self) -> dict[str, str]:
        return self._environment

    def is_ready(self) -> bool:
        found = READY.search((self.folder / "stdout").read_text())
        if found:
            self.port = int(found.group(1))
        return found is not None

    def authorization(self) -> str:
        return f"Bearer {self.token}"

    def get(self, path: str, headers: dict[str, str]) -> tuple[bytes, http.client.HTTPMessage]:
        """Body and headers of a GET that must answer 200."""
        status, body, answer_headers = self._request("GET", path, None, headers)
        if status != 200:
            raise ServerError(f"GET {path}: {status} {body[:300]!r}")
        return body, answer_headers

    def publish(self, path: str, document: bytes) -> None:
        """One publish, outside any measurement."""
        headers = {"Authorization": self.authorization(), "Content-Type": "application/json"}
        status, body, _ = self._request("PUT", path, document, headers)
        if status not in (200, 201):
            raise ServerError(f"PUT {path}: {status} {body[:300]!r}")

    def publish_load(self, records: Iterable[tuple[str, bytes]], connections: int) -> Load:
        """A load that publishes each (path, document) once. It replaces the one made before it."""
        put_set = self.folder / "put-set"
        count = write_put_set(put_set, records)
        return Load(connections=connections, seconds=BULK_SECONDS, requests=count, put_set=put_set,
                    headers={"Authorization": self.authorization()}, expect=(200, 201))

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)
        try:
            # http.client would add "Accept-Encoding: identity", which none of the load has.
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def _admin(self, arguments: list[str], stdin: str) -> str:
        done = subprocess.run([self._binary, *arguments, "--data", str(self._data)],
                              input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerError(f"tarn {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()[-400:]}")
        return done.stdout
