"""What is common to registries under test: a token, GETs and publishes outside of a measurement, loads of publishes."""

import http.client
from collections.abc import Iterable

from rig.load_gen import Load, write_put_set
from rig.npm_package import tarball_path
from rig.server import Server, ServerError

REQUEST_SECONDS = 60
BULK_SECONDS = 300


class RegistryServer(Server):
    token = ""

    def prepare(self) -> None:
        """What a new server needs once, after its start, before anybody can publish."""

    def authorization(self) -> str:
        return f"Bearer {self.token}"

    def packument_path(self, name: str) -> str:
        return f"/{name}"

    def tarball_path(self, name: str, version: str) -> str:
        return tarball_path(name, version)

    def publish_versions(self, name: str, documents: list[bytes]) -> None:
        """All versions of a package, outside any measurement."""
        for document in documents:
            self.publish(self.packument_path(name), document)

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
                    headers={"Authorization": self.authorization()}, expect=(200, 201), timeout_seconds=BULK_SECONDS)

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
