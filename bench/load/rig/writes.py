"""F4 to F6: durable publishes, and what a package with many versions costs."""

import statistics
import time
from collections.abc import Iterator

from rig import machine
from rig.contents import GZIP, IDENTITY, MANIFEST_BYTES, SEED
from rig.load_gen import Load, LoadGen
from rig.npm_package import Publishes, version_number
from rig.rounds import Sample, Spread, measure
from rig.tarn import Tarn

TARBALL_BYTES = 20_000
SMALL_TARBALL_BYTES = 1_000
BIG_MANIFEST_BYTES = 1_600  # 5,000 of these make a packument of 10 MB.
PACKAGES = 256  # More than the connections, so that two publishes under way never meet in one package.
F4_LIMIT, F5_LIMIT, F6_LIMIT = 0.5, 1.5, 20.0
BIG, BIG_PATH = "bench-many-versions", "/bench-many-versions"
BYSTANDER_RATE, BYSTANDER_CONNECTIONS = 400, 4


class Writes:
    """Runs on a registry of its own data; every round publishes what was never published before."""

    def __init__(self, load_gen: LoadGen, tarn: Tarn, rounds: int, quick: bool):
        self._load_gen = load_gen
        self._tarn = tarn
        self._rounds = rounds
        self._quick = quick
        self._publishes = Publishes(SEED, SMALL_TARBALL_BYTES, BIG_MANIFEST_BYTES)
        self._big_versions = 0
        self._results: list[dict] = []

    def publishes_before(self, figures: set[str]) -> Iterator[tuple[str, bytes]]:
        """What has to be in the registry before run(): the package with many versions."""
        if figures & {"F5", "F6"}:
            yield from self._next_big(1_000 if self._quick else 5_000)

    def run(self, figures: set[str]) -> list[dict]:
        if "F4" in figures:
            print("\nF4 durable publish of 20 KB tarballs. Limit: one publish per connection and fdatasync")
            for connections in (1, 8, 64):
                self._publish_rate(connections)
        if "F5" in figures:
            self._many_against_one()
        if "F6" in figures:
            self._first_get()
            self._bystanders()
        return self._results

    def _publish_rate(self, connections: int) -> None:
        count = {1: 150, 8: 600, 64: 2_000}[connections] // (2 if self._quick else 1)
        publishes = Publishes(SEED + connections, TARBALL_BYTES, MANIFEST_BYTES)
        samples, single, limits = [], [], []
        for number in range(self._rounds):
            load = self._tarn.publish_load(_spread_out(publishes, connections, number, count), connections)
            self._tarn.settle()
            single.append(machine.fdatasync_per_second(self._tarn.folder, 4_096))
            group = machine.fdatasync_per_second(self._tarn.folder, connections * TARBALL_BYTES)
            limits.append(group * connections)
            samples.append(measure(self._load_gen, self._tarn, load, settle=True))
        share = Spread.of([sample.rps / limit for sample, limit in zip(samples, limits, strict=True)])
        rate = Spread.of([sample.rps for sample in samples])
        self._note("F4", f"publish 20 KB, {connections} connections", share.median, F4_LIMIT, share.median >= F4_LIMIT,
                   samples=samples, disk_limit_per_second=limits, fdatasync_per_second=single)
        print(f"F4 {connections:>3} connections: {rate.median:.0f} publishes/s ({rate.low:.0f} – {rate.high:.0f}), "
              f"CPU {_median(samples, 'cpu_us'):.0f} µs each, p50 {_median(samples, 'p50_us') / 1e3:.2f} ms, "
              f"p99 {_median(samples, 'p99_us') / 1e3:.2f} ms; disk {statistics.median(single):.0f} fdatasync/s, "
              f"limit {statistics.median(limits):.0f}/s; {share.median:.2f} of it "
              f"({share.low:.2f} – {share.high:.2f}) {_verdict(share.median >= F4_LIMIT)}", flush=True)

    def _many_against_one(self) -> None:
        """F5: the same publish into a package with thousands of versions and into packages with exactly one."""
        count = 40 if self._quick else 150
        small, big = [], []
        for number in range(self._rounds):
            names = [f"bench-one-version-{number}-{index}" for index in range(count)]
            first = self._tarn.publish_load(self._into(names, "1.0.0"), connections=16)
            self._load_gen.run(self._tarn.port, first)
            self._tarn.settle()
            for samples, records in ((small, self._into(names, "1.0.1")), (big, self._next_big(count))):
                load = self._tarn.publish_load(records, connections=1)
                samples.append(measure(self._load_gen, self._tarn, load, settle=True))
        ratios = {field: Spread.of([getattr(b, field) / getattr(s, field) for b, s in zip(big, small, strict=True)])
                  for field in ("cpu_us", "p50_us")}
        cpu, wall = ratios["cpu_us"], ratios["p50_us"]
        self._note("F5", f"publish into {self._big_versions} versions : into 1", cpu.median, F5_LIMIT,
                   max(cpu.median, wall.median) <= F5_LIMIT, into_many=big, into_one=small,
                   wall_ratio=vars(wall), cpu_ratio=vars(cpu))
        print(f"F5 into {self._big_versions} versions against into 1: "
              f"CPU {_median(big, 'cpu_us'):.0f} : {_median(small, 'cpu_us'):.0f} µs = {cpu.median:.2f} "
              f"({cpu.low:.2f} – {cpu.high:.2f}); median wall {_median(big, 'p50_us'):.0f} : "
              f"{_median(small, 'p50_us'):.0f} µs = {wall.median:.2f} ({wall.low:.2f} – {wall.high:.2f}) "
              f"{_verdict(max(cpu.median, wall.median) <= F5_LIMIT)}", flush=True)

    def _first_get(self) -> None:
        """F6: the first GET of the big packument after a publish has changed it, and the one after."""
        for label, headers in (("identity", IDENTITY), ("gzip", GZIP)):
            body_bytes = len(self._tarn.get(BIG_PATH, IDENTITY)[0])
            first, second = [], []
            for _ in range(self._rounds * 2):
                self._publish_big()
                self._tarn.settle()
                load = Load(connections=1, seconds=30, requests=1, path=BIG_PATH, headers=headers)
                first.append(measure(self._load_gen, self._tarn, load))
                second.append(measure(self._load_gen, self._tarn, load))
            memcpy = machine.memcpy_us(body_bytes)
            wall, ratio = _median(first, "p50_us"), _median(first, "p50_us") / memcpy
            self._note("F6", f"first GET after a publish, {label}", ratio, F6_LIMIT, ratio <= F6_LIMIT,
                       body_bytes=body_bytes, memcpy_us=memcpy, first=first, second=second)
            print(f"F6 first GET {label} of {body_bytes / 1e6:.1f} MB: {wall / 1e3:.2f} ms wall, "
                  f"{_median(first, 'cpu_us') / 1e3:.2f} ms CPU; second {_median(second, 'p50_us') / 1e3:.2f} ms, "
                  f"{_median(second, 'cpu_us') / 1e3:.2f} ms; memcpy {memcpy / 1e3:.2f} ms; first = {ratio:.1f} memcpy "
                  f"{_verdict(ratio <= F6_LIMIT)}", flush=True)

    def _bystanders(self) -> None:
        """F6: latency of GETs of a small packument at a modest rate, while the big one is published and assembled."""
        path = "/bench-bystander"
        self._tarn.publish(path, self._publishes.document("bench-bystander", "1.0.0"))
        seconds = 2.0 if self._quick else 5.0
        load = Load(connections=BYSTANDER_CONNECTIONS, seconds=seconds, rate=BYSTANDER_RATE, path=path, headers=GZIP)
        found: dict[str, list[dict]] = {"quiet": [], "publishes": [], "publishes and first GETs": []}
        for _ in range(max(self._rounds // 2, 1)):
            for label, results in found.items():
                process = self._load_gen.start(self._tarn.port, load)
                while process.poll() is None and label != "quiet":
                    self._publish_big()
                    if label != "publishes":
                        self._tarn.get(BIG_PATH, GZIP)
                    time.sleep(0.1)
                results.append(self._load_gen.finish(process))
        for label, results in found.items():
            p99, p999 = (statistics.median(result[key] for result in results) for key in ("p99_us", "p999_us"))
            self._results.append({"figure": "F6", "scenario": f"bystanders, {label}", "runs": results})
            print(f"F6 bystanders at {BYSTANDER_RATE}/s, {label}: p99 {p99:.0f} µs, p99.9 {p999:.0f} µs", flush=True)

    def _into(self, names: list[str], version: str) -> Iterator[tuple[str, bytes]]:
        return ((f"/{name}", self._publishes.document(name, version)) for name in names)

    def _next_big(self, count: int) -> Iterator[tuple[str, bytes]]:
        for _ in range(count):
            self._big_versions += 1
            yield BIG_PATH, self._publishes.document(BIG, version_number(self._big_versions))

    def _publish_big(self) -> None:
        self._tarn.publish(*next(self._next_big(1)))

    def _note(self, figure: str, scenario: str, ratio: float, limit: float, reached: bool, **details) -> None:
        plain = {key: [vars(item) if isinstance(item, Sample) else item for item in value]
                 if isinstance(value, list) else value for key, value in details.items()}
        self._results.append({"figure": figure, "scenario": scenario, "ratio": ratio, "limit": limit,
                              "reached": reached, **plain})


def _spread_out(publishes: Publishes, connections: int, number: int, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` publishes over PACKAGES packages: the first ones create them, the others add versions."""
    for index in range(number * count, (number + 1) * count):
        name = f"bench-publish-{connections}-{index % PACKAGES}"
        yield f"/{name}", publishes.document(name, version_number(index // PACKAGES))


def _median(samples: list[Sample], field: str) -> float:
    return statistics.median(getattr(sample, field) for sample in samples)


def _verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"
