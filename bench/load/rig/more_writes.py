"""Publishes of 1 MB, publishes into packages of a hundred versions, and reads while publishes and tarballs go on."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from rig import machine
from rig.contents import GZIP, MANIFEST_BYTES, SEED
from rig.load_gen import Load, LoadGen
from rig.measured import Section, Value
from rig.npm_package import Publishes, version_number
from rig.rounds import Comparison, Sample, measure
from rig.tarn import Tarn
from rig.writes import F5_LIMIT, SMALL_TARBALL_BYTES

LARGE_TARBALL_BYTES = 1_000_000
LARGE_PUBLISHES = {1: 16, 8: 48}
SOME_PACKAGES, SOME_VERSIONS, INTO_SOME = 8, 100, 40
MIXED_SECONDS, MIXED_PUBLISHES = 2.0, 2_500
MIXED_RATES = {"GETs of a packument": 400, "GETs of a tarball": 200}
MIXED_CONNECTIONS = 8


class MoreWrites:
    def __init__(self, load_gen: LoadGen, tarn: Tarn, rounds: int, say: Callable):
        self._load_gen = load_gen
        self._tarn = tarn
        self._rounds = rounds
        self._say = say

    def run(self) -> Section:
        section = Section("writes", "Larger publishes, and reads among writes", notes=[
            "The limit of the disk is one append of as many bytes as all connections publish at once, and one fdatasync, one after the "
            f"other. In the mix, {MIXED_RATES['GETs of a packument']} packuments and {MIXED_RATES['GETs of a tarball']} tarballs of 200 KB "
            f"a second are asked for at a fixed rate, while {MIXED_CONNECTIONS} connections publish 20 KB as fast as they are answered."])
        section.comparisons.append(self._into_some())
        self._say(section.comparisons[-1])
        for value in (*self._large(1), *self._large(8), *self._mixed()):
            section.values.append(value)
            self._say(value)
        return section

    def _into_some(self) -> Comparison:
        """F5, in between: into packages of a hundred versions, and into packages of one."""
        publishes = Publishes(SEED, SMALL_TARBALL_BYTES, MANIFEST_BYTES)
        some = [f"bench-some-{index}" for index in range(SOME_PACKAGES)]
        self._publish((name, version_number(number)) for number in range(SOME_VERSIONS) for name in some)
        into_one: list[Sample] = []
        into_some: list[Sample] = []
        for turn in range(self._rounds):
            few = [f"bench-few-{turn}-{index}" for index in range(INTO_SOME)]
            self._publish((name, version_number(0)) for name in few)
            to_few = [(name, version_number(1)) for name in few]
            first = SOME_VERSIONS + turn * INTO_SOME // SOME_PACKAGES
            to_some = [(some[index % SOME_PACKAGES], version_number(first + index // SOME_PACKAGES)) for index in range(INTO_SOME)]
            sides = [(into_one, to_few), (into_some, to_some)]
            for samples, targets in sides if turn % 2 == 0 else reversed(sides):
                records = [(f"/{name}", publishes.document(name, version)) for name, version in targets]
                samples.append(measure(self._load_gen, self._tarn, self._tarn.publish_load(records, connections=1), settle=True))
        return Comparison("F5", f"publish into {SOME_VERSIONS} versions", 1, 0, F5_LIMIT, "itself, into 1", self._tarn.name,
                          into_one, into_some)

    def _publish(self, targets) -> None:
        """Of different packages, as far as as many connections may meet."""
        publishes = Publishes(SEED + 1, SMALL_TARBALL_BYTES, MANIFEST_BYTES)
        records = ((f"/{name}", publishes.document(name, version)) for name, version in targets)
        self._load_gen.run(self._tarn.port, self._tarn.publish_load(records, connections=SOME_PACKAGES // 2))
        self._tarn.settle()

    def _large(self, connections: int) -> Iterator[Value]:
        samples, shares = [], []
        publishes = Publishes(SEED + connections, LARGE_TARBALL_BYTES, MANIFEST_BYTES)
        for turn in range(self._rounds):
            names = [f"bench-large-{connections}-{turn}-{index}" for index in range(LARGE_PUBLISHES[connections])]
            load = self._tarn.publish_load(((f"/{name}", publishes.document(name, "1.0.0")) for name in names), connections)
            limit = machine.fdatasync_per_second(self._tarn.folder, connections * LARGE_TARBALL_BYTES) * connections
            samples.append(measure(self._load_gen, self._tarn, load, settle=True))
            shares.append(samples[-1].rps / limit)
        label = f"publish 1 MB, {connections} connection{'s' if connections > 1 else ''}"
        yield Value("", f"{label}: a second", "", [sample.rps for sample in samples])
        yield Value("", f"{label}: of the limit of the disk", "×", shares)
        yield Value("", f"{label}: CPU", "ms each", [sample.cpu_us / 1e3 for sample in samples])
        yield Value("", f"{label}: p99", "ms", [sample.p99_us / 1e3 for sample in samples])

    def _mixed(self) -> Iterator[Value]:
        large = Publishes(SEED + 2, 200_000, MANIFEST_BYTES)
        for number in range(20):
            self._tarn.publish("/bench-mixed", large.document("bench-mixed", version_number(number)))
        paths = {"GETs of a packument": "/bench-mixed", "GETs of a tarball": self._tarn.tarball_path("bench-mixed", version_number(0))}
        loads = {what: Load(connections=MIXED_CONNECTIONS, seconds=MIXED_SECONDS, rate=rate, path=paths[what], headers=GZIP)
                 for what, rate in MIXED_RATES.items()}
        found: dict[str, list[dict]] = {}
        for turn in range(self._rounds):
            for what, load in loads.items():
                found.setdefault(f"{what}, alone", []).append(self._load_gen.run(self._tarn.port, load))
            mix = {**loads, "publishes of 20 KB": self._unending_publishes(turn)}
            running = {what: self._load_gen.start(self._tarn.port, load) for what, load in mix.items()}
            for what, process in running.items():
                found.setdefault(f"{what}, in the mix", []).append(self._load_gen.finish(process))
            self._tarn.settle()
        for what, results in found.items():
            yield Value("", f"{what}: p99", "ms", [result["p99_us"] / 1e3 for result in results])
        yield Value("", "publishes of 20 KB, in the mix: a second", "", [result["rps"] for result in found["publishes of 20 KB, in the mix"]])

    def _unending_publishes(self, turn: int) -> Load:
        """More than can be done in the time."""
        publishes = Publishes(SEED + 3 + turn, 20_000, MANIFEST_BYTES)
        names = (f"bench-mix-{turn}-{index}" for index in range(MIXED_PUBLISHES))
        load = self._tarn.publish_load(((f"/{name}", publishes.document(name, "1.0.0")) for name in names), MIXED_CONNECTIONS)
        return replace(load, seconds=MIXED_SECONDS)
