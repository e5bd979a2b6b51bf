"""F11: what becomes of start-up, memory, GET and publish when a registry grows, beside the same registry of 1,000 packages."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

from rig import machine
from rig.contents import GZIP, MANIFEST_BYTES
from rig.load_gen import Load, LoadGen
from rig.measured import Section, Value
from rig.npm_package import Publishes
from rig.rounds import Comparison, measure
from rig.tarn import Tarn

BASE_PACKAGES = 1_000
VERSIONS_PER_PACKAGE = 5  # On average.
NAMES = 900  # Read in a round: nearly all of the small registry.
TARBALL_BYTES = 20_000
WARM_UP_NAMES = 4_000
PUBLISHES = 60
CONNECTIONS = 8
COMPACTION_SECONDS = 180
START_LIMIT_SECONDS, RATIO_LIMIT, IDLE_LIMIT_MIB = 2.0, 1.2, 256
MIB = 1 << 20


def package_name(index: int) -> str:
    """The index-th package of store_generator."""
    return f"scale-{index * 2654435761 % 2**32:08x}"


class Scale:
    """`kept`: where generated registries stay for the next time; each run publishes some more into them."""

    def __init__(self, load_gen: LoadGen, binary: Path, generator: Path, work: Path, kept: Path | None, core: int,
                 rounds: int, seconds: float):
        self._load_gen = load_gen
        self._binary = binary
        self._generator = generator
        self._work = work
        self._kept = kept
        self._core = core
        self._rounds = rounds
        self._seconds = seconds

    def run(self, sizes: list[int], say) -> Section:
        section = Section("scale", f"As the registry grows, beside itself with {BASE_PACKAGES:,} packages", notes=[
            f"{VERSIONS_PER_PACKAGE} versions a package on average, tarballs of 200 bytes. \"First\" GETs are of packages that "
            "nobody has read since the server started; the others were read before. Before both, other packages are read and "
            "published: a server that has just started reads RocksDB's filters and indexes for the first time, and a large registry "
            "has more of them; what that costs is in the values below."])
        base = self._made(BASE_PACKAGES)
        for size in sizes:
            say(f"F11 making a registry of {size:,} packages …")
            began = time.monotonic()
            big = self._made(size)
            say(f"F11 made in {time.monotonic() - began:.0f} s")
            _Growth(self, base, big, size, section, say).run()
        return section

    def _made(self, packages: int) -> Tarn:
        tarn = Tarn(self._binary, self._work / f"scale-{packages}", self._core, {}, name=f"tarn of {packages:,}")
        tarn.generate(self._generator, packages, packages * VERSIONS_PER_PACKAGE, self._kept)
        tarn.start()
        # What was written in minutes is compacted for a while; a registry that grew over years was compacted on the way.
        tarn.settle(COMPACTION_SECONDS)
        tarn.stop()
        return tarn


class _Growth:
    """One size beside the smallest."""

    def __init__(self, scale: Scale, base: Tarn, big: Tarn, size: int, section: Section, say):
        self._scale = scale
        self._sides = {base: BASE_PACKAGES, big: size}
        self._base, self._big = base, big
        self._label = f"{size:,} packages"
        self._section = section
        self._say = say
        self._chosen = random.Random(size)
        self._samples: dict[tuple[str, Tarn], list] = {}

    def run(self) -> None:
        for number in range(self._scale._rounds):
            self._round(list(self._sides) if number % 2 == 0 else list(reversed(self._sides)))
        self._cold_start()
        self._report()

    def _round(self, servers: list[Tarn]) -> None:
        for server in servers:
            self._note("start", server, _start_seconds(server))
            server.settle(COMPACTION_SECONDS)
            self._note("idle", server, server.rss_bytes() / MIB)
        try:
            for server in servers:
                self._reads(server)
            for server in servers:
                self._publishes(server)
            for server in servers:
                self._search(server)
        finally:
            for server in servers:
                server.stop()

    def _reads(self, server: Tarn) -> None:
        size = self._sides[server]
        chosen = self._chosen.sample(range(size), min(size, NAMES + WARM_UP_NAMES))
        paths, others = ([f"/{package_name(index)}" for index in part] for part in (chosen[:NAMES], chosen[NAMES:]))
        self._get_first("GETs after a start", server, others)
        self._get_first("first GETs of packuments", server, paths)
        again = Load(connections=CONNECTIONS, seconds=self._scale._seconds, paths=tuple(paths), headers=GZIP)
        self._note("GETs of packuments", server, measure(self._scale._load_gen, server, again))

    def _get_first(self, what: str, server: Tarn, paths: list[str]) -> None:
        load = Load(connections=CONNECTIONS, seconds=60, requests=len(paths), paths=tuple(paths), headers=GZIP)
        self._note(what, server, measure(self._scale._load_gen, server, load, settle=True))

    def _publishes(self, server: Tarn) -> None:
        for what in ("publishes after a start", "publish 20 KB"):
            self._publish_new(what, server)

    def _publish_new(self, what: str, server: Tarn) -> None:
        # Kept registries have those of earlier runs.
        seed = time.time_ns()
        publishes = Publishes(seed, TARBALL_BYTES, MANIFEST_BYTES)
        records = [(f"/bench-{seed}-{index}", publishes.document(f"bench-{seed}-{index}", "1.0.0")) for index in range(PUBLISHES)]
        load = server.publish_load(records, CONNECTIONS)
        self._note(what, server, measure(self._scale._load_gen, server, load, settle=True))

    def _search(self, server: Tarn) -> None:
        path = "/-/v1/search?text=journal&size=20"
        load = Load(connections=1, seconds=60, requests=1, path=path)
        self._note("first search", server, measure(self._scale._load_gen, server, load, settle=True))
        again = Load(connections=1, seconds=60, requests=20, path=path)
        self._note("search", server, measure(self._scale._load_gen, server, again))
        self._note("rss", server, server.rss_bytes() / MIB)

    def _cold_start(self) -> None:
        machine.drop_cached(self._big.data)
        self._note("cold start", self._big, _start_seconds(self._big))
        self._big.stop()

    def _note(self, what: str, server: Tarn, sample) -> None:
        self._samples.setdefault((what, server), []).append(sample)

    def _report(self) -> None:
        for what in ("first GETs of packuments", "GETs of packuments", "publish 20 KB"):
            self._section.comparisons.append(Comparison(
                "F11", f"{what}, {self._label}", CONNECTIONS, 0, RATIO_LIMIT, self._base.name, self._big.name,
                self._samples[what, self._base], self._samples[what, self._big]))
            self._say(self._section.comparisons[-1])
        for value in self._values():
            self._section.values.append(value)
            self._say(value)

    def _values(self) -> Iterator[Value]:
        def of(what: str) -> list:
            return self._samples[what, self._big]

        yield Value("F11", f"start-up, {self._label}", "s", of("start"), START_LIMIT_SECONDS)
        yield Value("F11", f"start-up with nothing in the page cache, {self._label}", "s", of("cold start"))
        yield Value("F11", f"idle memory, {self._label}", "MiB", of("idle"), IDLE_LIMIT_MIB)
        yield Value("F11", f"memory after reads, publishes and searches, {self._label}", "MiB", of("rss"))
        for what in ("GETs after a start", "publishes after a start"):
            yield Value("", f"the first {of(what)[0].requests:,} {what}, {self._label}: CPU", "µs each", [sample.cpu_us for sample in of(what)])
        yield Value("", f"first search, which reads every package, {self._label}", "ms", [sample.p50_us / 1e3 for sample in of("first search")])
        yield Value("", f"search, {self._label}", "ms", [sample.p50_us / 1e3 for sample in of("search")])


def _start_seconds(server: Tarn) -> float:
    """From the start of the process until it listens."""
    began = time.monotonic()
    server.start()
    return time.monotonic() - began
