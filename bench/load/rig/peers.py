"""tarn beside Verdaccio and pouchdb-server: the same publishes, GETs and `npm ci`, one core for the servers in turns."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from rig import pouchdb, verdaccio
from rig.application import Application
from rig.contents import MANIFEST_BYTES
from rig.load_gen import Load, LoadGen
from rig.measured import Section, Value
from rig.npm_package import Publishes, publish_document, version_number
from rig.registry_server import RegistryServer
from rig.rounds import Comparison, Sample, interleave, measure
from rig.server import ServerError
from rig.tarn import Tarn

SEED, TARBALL_BYTES = 20261126, 20_000
PACKUMENT_VERSIONS = {"small": 1, "100 KB": 40}
# In a round, by connections. tarn is given more: it would be through with so few before anything has warmed up.
PUBLISHES = {1: 20, 8: 32, 64: 64}
PUBLISHES_OF_TARN = 8
READ_CONNECTIONS = 16
JSON = {"Accept": "application/json"}
# Goals of the design: publishes per second and CPU, tarn / the peer. A GET should cost no more than theirs.
READ_LIMIT, PUBLISH_LIMIT, INSTALL_LIMIT = 1.0, 1.0, 0.1
PUBLISH_RATES = {"verdaccio": 10.0, "pouchdb-server": 5.0}


class Peers:
    def __init__(self, load_gen: LoadGen, peers: Path, work: Path, core: int, rounds: int, seconds: float, installs: int, say: Callable):
        self._load_gen = load_gen
        self._peers = peers
        self._work = work
        self._core = core
        self._rounds = rounds
        self._seconds = seconds
        self._installs = installs
        self._say = say
        self._section = Section("peers", "Beside Verdaccio and pouchdb-server", notes=[
            f"Verdaccio {verdaccio.VERSION} and pouchdb-server {pouchdb.VERSION} (the stand-in for a registry on CouchDB) with their "
            "own defaults. They do not sync what they acknowledge; tarn does. The CPU of `npm ci` is the server's, for all of the "
            "1,000 packages; the times are the client's."])

    def run(self, subject: Tarn) -> Section:
        """`subject` is running."""
        application = Application()
        records = ((f"/{made[0]['name']}", publish_document(*made)) for made in application.packages())
        publish = subject.publish_load(records, connections=8)
        self._load_gen.run(subject.port, publish)
        self._publish_versions(subject)
        for make in (self._verdaccio, self._pouchdb):
            try:
                rival = make()
            except ServerError as error:
                self._leave_out(error)
                continue
            with ExitStack() as running:
                if isinstance(rival, verdaccio.Verdaccio):
                    rival.place(application.packages())
                rival.start()
                running.callback(rival.stop)
                rival.prepare()
                self._beside(rival, subject, application)
                self._note(Value("", f"peak memory of {rival.name}", "MiB", [rival.peak_rss_bytes() / 2**20]))
        return self._section

    def _verdaccio(self) -> RegistryServer:
        return verdaccio.Verdaccio(verdaccio.installed(self._peers), self._work / "verdaccio", self._core)

    def _pouchdb(self) -> RegistryServer:
        return pouchdb.PouchDb(pouchdb.installed(self._peers), self._work / "pouchdb", self._core)

    def _leave_out(self, error: ServerError) -> None:
        self._section.notes.append(f"Left out: {error}.")
        self._say(f"left out: {error}")

    def _note(self, row: Comparison | Value) -> None:
        (self._section.values if isinstance(row, Value) else self._section.comparisons).append(row)
        self._say(row)

    def _beside(self, rival: RegistryServer, subject: Tarn, application: Application) -> None:
        self._publish_versions(rival)
        for row in self._reads(rival, subject):
            self._note(row)
        for connections in PUBLISHES:
            for row in self._publishes(rival, subject, connections):
                self._note(row)
        if rival.name == "verdaccio":
            self._note(self._npm_ci(rival, subject, application))

    @staticmethod
    def _publish_versions(server: RegistryServer) -> None:
        publishes = Publishes(SEED, TARBALL_BYTES, MANIFEST_BYTES)
        for count in PACKUMENT_VERSIONS.values():
            name = f"bench-read-{count}"
            server.publish_versions(name, [publishes.document(name, version_number(index)) for index in range(count)])

    def _reads(self, rival: RegistryServer, subject: Tarn) -> Iterator[Comparison]:
        def compare(scenario: str, path_of, headers: dict[str, str]) -> Comparison:
            sides = [(server, Load(connections=READ_CONNECTIONS, seconds=self._seconds, path=path_of(server), headers=headers))
                     for server in (rival, subject)]
            return _comparison("", scenario, READ_CONNECTIONS, READ_LIMIT, rival, subject, interleave(self._load_gen, self._rounds, *sides))

        for label, count in PACKUMENT_VERSIONS.items():
            yield compare(f"packument {label}", lambda server: server.packument_path(f"bench-read-{count}"), JSON)
        yield compare("tarball 20 KB", lambda server: server.tarball_path("bench-read-1", version_number(0)), {})

    def _publishes(self, rival: RegistryServer, subject: Tarn, connections: int) -> Iterator[Comparison | Value]:
        """New packages only, so that no two publishes meet in one."""
        sides: dict[RegistryServer, list[Sample]] = {rival: [], subject: []}
        for number in range(self._rounds):
            publishes = Publishes(SEED + connections * 1_000 + number, TARBALL_BYTES, MANIFEST_BYTES)
            for server in (rival, subject) if number % 2 == 0 else (subject, rival):
                count = PUBLISHES[connections] * (PUBLISHES_OF_TARN if server is subject else 1)
                names = [f"bench-new-{rival.name}-{connections}-{number}-{index}" for index in range(count)]
                records = [(server.packument_path(name), publishes.document(name, "1.0.0")) for name in names]
                sides[server].append(measure(self._load_gen, server, server.publish_load(records, connections), settle=True))
        row = _comparison("", "publish 20 KB", connections, PUBLISH_LIMIT, rival, subject, tuple(sides.values()))
        yield row
        if connections == max(PUBLISHES):
            ratios = [ours.rps / theirs.rps for theirs, ours in zip(*sides.values(), strict=True)]
            yield Value("F4", f"publishes of 20 KB a second, {connections} connections, tarn : {rival.name}", "×", ratios,
                        PUBLISH_RATES[rival.name], at_least=True)

    def _npm_ci(self, rival: RegistryServer, subject: Tarn, application: Application) -> Comparison:
        sides: dict[RegistryServer, list[Sample]] = {rival: [], subject: []}
        for number in range(self._installs):
            for server in (rival, subject) if number % 2 == 0 else (subject, rival):
                sides[server].append(application.install(server, self._work / "application", self._load_gen.core))
        return _comparison("F13", "npm ci of 1,000 packages", 1, INSTALL_LIMIT, rival, subject, tuple(sides.values()))


def _comparison(figure: str, scenario: str, connections: int, limit: float, rival: RegistryServer, subject: Tarn, samples) -> Comparison:
    return Comparison(figure, scenario, connections, 0, limit, rival.name, subject.name, *samples)
