"""F1 to F3: GET of tarballs and packuments and 304, against nginx with the same bytes as static files."""

import hashlib
import http.client
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rig import contents, machine, real_packages
from rig.load_gen import Load, LoadError, LoadGen
from rig.nginx import Nginx
from rig.rounds import Comparison, Sample, interleave, measure
from rig.server import Server
from rig.tarn import Tarn

TARBALL_CONNECTIONS = (16, 64)
MORE_CONNECTIONS = (1, 256)  # Of the most usual tarball and packument, with --full of all.
MORE_CONNECTIONS_OF = ("20 KB", "500 KB")
PACKUMENT_CONNECTIONS = (16,)
COLD_CONNECTIONS = 16
# Goals of the design: server CPU per request, subject / rival.
LIMIT = 1.0


@dataclass(frozen=True)
class Read:
    """One row of the table."""

    figure: str
    scenario: str
    path: str
    headers: dict[str, str]
    connections: int
    body: bytes
    not_modified: bool = False
    file: str = ""  # The rival's path where it is another.
    cold_paths: tuple[str, ...] = ()  # Read once each, with none of them in the page cache.


class Reads:
    def __init__(self, load_gen: LoadGen, rival: Nginx, subject: Server, rounds: int, seconds: float, quick: bool):
        self._load_gen = load_gen
        self._rival = rival
        self._subject = subject
        self._rounds = rounds
        self._seconds = seconds
        self._quick = quick
        self._limit = LIMIT if isinstance(subject, Tarn) else None

    def prepare(self, figures: set[str]) -> list[Read]:
        """Hands nginx the bytes that the subject serves, and lists the rows."""
        tarn = self._subject if isinstance(self._subject, Tarn) else None
        tarballs = contents.tarballs(tarn) if "F1" in figures else []
        packuments = contents.packuments(tarn, self._quick) if figures & {"F2", "F3"} else []
        cold = contents.cold_tarballs() if tarn and "F1" in figures else []
        if tarn and "F2" in figures:
            packuments += [contents.abbreviated(tarn), *real_packages.publish(tarn, self._quick)]
        for server in (self._rival, self._subject):
            for content in tarballs + packuments + cold:
                if isinstance(server, Nginx):
                    server.put(content.file, content.identity, content.gzip)
        rows = [*_tarball_rows(tarballs, self._quick), *_cold_rows(cold), *_packument_rows(packuments, self._quick),
                *_not_modified_rows(packuments)]
        return [row for row in rows if row.figure in figures]

    def run(self, read: Read) -> Comparison:
        rival, subject = self._load(self._rival, read), self._load(self._subject, read)
        self._check_bytes(read, rival, subject)
        if read.cold_paths:
            rival_samples, subject_samples = self._cold(read)
        else:
            rival_samples, subject_samples = interleave(
                self._load_gen, self._rounds, (self._rival, rival), (self._subject, subject))
        return Comparison(read.figure, read.scenario, read.connections, len(read.body), self._limit,
                          self._rival.name, self._subject.name, rival_samples, subject_samples)

    def _cold(self, read: Read) -> tuple[list[Sample], list[Sample]]:
        sides: dict[Server, list[Sample]] = {self._rival: [], self._subject: []}
        load = Load(connections=read.connections, seconds=60, requests=len(read.cold_paths), paths=read.cold_paths)
        for number in range(self._rounds):
            for server in sides if number % 2 == 0 else reversed(sides):
                machine.drop_cached(server.folder)
                sides[server].append(measure(self._load_gen, server, load))
        return sides[self._rival], sides[self._subject]

    def _load(self, server: Server, read: Read) -> Load:
        headers, expect = read.headers, (200,)
        if read.not_modified:
            headers, expect = {**headers, "If-None-Match": _etag(server, read)}, (304,)
        path = read.file if read.file and isinstance(server, Nginx) else read.path
        return Load(connections=read.connections, seconds=self._seconds, path=path, headers=headers, expect=expect)

    def _check_bytes(self, read: Read, rival: Load, subject: Load) -> None:
        """Both servers must send the bytes of `read`, or the comparison says nothing."""
        wanted = b"" if read.not_modified else read.body
        for server, load in ((self._rival, rival), (self._subject, subject)):
            kept = server.folder / "first-body"
            self._load_gen.run(server.port, replace(load, requests=load.connections, first_body=kept))
            if hashlib.sha512(kept.read_bytes()).digest() != hashlib.sha512(wanted).digest():
                raise LoadError(f"{read.scenario}: {server.name} sends other bytes")


def _connections(usual: tuple[int, ...], content: contents.Content, quick: bool) -> list[int]:
    more = not content.abbreviated and (not quick or content.label in MORE_CONNECTIONS_OF)
    return sorted({*usual, *(MORE_CONNECTIONS if more else ())})


def _cold_rows(tarballs: list[contents.Content]) -> Iterator[Read]:
    if tarballs:
        first = tarballs[0]
        yield Read("F1", f"tarball {first.label}, nothing in the page cache", first.path, {}, COLD_CONNECTIONS, first.identity,
                   cold_paths=tuple(content.path for content in tarballs))


def _tarball_rows(tarballs: list[contents.Content], quick: bool) -> Iterator[Read]:
    for content in tarballs:
        for connections in _connections(TARBALL_CONNECTIONS, content, quick):
            yield Read("F1", f"tarball {content.label}", content.path, {}, connections, content.identity)


def _packument_rows(packuments: list[contents.Content], quick: bool) -> Iterator[Read]:
    for content in packuments:
        label = f"packument {content.label}{' abbreviated' if content.abbreviated else ''}"
        identity, gzip = ((contents.ABBREVIATED, contents.ABBREVIATED_GZIP) if content.abbreviated else
                          (contents.IDENTITY, contents.GZIP))
        for connections in PACKUMENT_CONNECTIONS:
            yield Read("F2", label, content.path, identity, connections, content.identity, file=content.file)
        for connections in _connections(PACKUMENT_CONNECTIONS, content, quick):
            yield Read("F2", f"{label} gzip", content.path, gzip, connections, content.gzip, file=content.file)


def _not_modified_rows(packuments: list[contents.Content]) -> Iterator[Read]:
    for content in (content for content in packuments if content.label == "500 KB" and not content.abbreviated):
        for connections in TARBALL_CONNECTIONS:
            yield Read("F3", f"304 packument {content.label}", content.path, contents.GZIP, connections, b"",
                       not_modified=True)


def _etag(server: Server, read: Read) -> str:
    """The entity tag that this server gives for exactly this request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.putrequest("GET", read.path, skip_accept_encoding=True)
        for name, value in read.headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        etag = answer.headers.get("ETag")
    finally:
        connection.close()
    if answer.status != 200 or not etag:
        raise LoadError(f"{read.scenario}: {server.name} answers {answer.status} with ETag {etag}")
    return etag
