"""Interleaved measurement: A, B, B, A, A, B, … so that drift of the machine, and being first, hit both alike."""

import math
import statistics
import time
from dataclasses import asdict, dataclass, replace

from rig import machine
from rig.load_gen import Load, LoadGen
from rig.server import Server

WARM_UP_SECONDS = 0.2


@dataclass(frozen=True)
class Sample:
    """One run of load against one server."""

    requests: int
    cpu_us: float  # Server CPU per request, all its threads and processes.
    rps: float
    p50_us: float
    p99_us: float
    p999_us: float
    server_busy: float  # Share of its core that the server used; well below 1 means rps is not the server's limit.
    other_busy: float  # Largest share of either core that somebody else used: the run was disturbed.


@dataclass(frozen=True)
class Spread:
    """A median and the range that holds the true one in 95 of 100 cases (all values, when they are fewer than six)."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        ordered = sorted(values)
        cut = _values_outside(len(ordered))
        return cls(statistics.median(ordered), ordered[cut], ordered[-1 - cut])

    def verdict(self, limit: float) -> str:
        """Whether values that should stay at or below `limit` do."""
        if self.median <= limit:
            return "reached"
        return "missed, within noise" if self.low <= limit else "MISSED"


def _values_outside(count: int) -> int:
    """How many of `count` sorted values to leave out at each end: sign test, both sides together at most 5 %."""
    cut, tail = 0, 1.0
    while 2 * (tail := tail + math.comb(count, cut + 1)) / 2**count <= 0.05:
        cut += 1
    return cut


@dataclass(frozen=True)
class Comparison:
    """All rounds of one scenario. Ratios are formed within a round: subject / rival."""

    figure: str  # Which figure of the design it belongs to, for example F1.
    scenario: str
    connections: int
    body_bytes: int
    limit: float | None  # The CPU ratio to stay at or below; none when a server is compared with itself.
    rival: str
    subject: str
    rival_samples: list[Sample]
    subject_samples: list[Sample]

    def ratio(self, field: str) -> Spread:
        pairs = zip(self.subject_samples, self.rival_samples, strict=True)
        return Spread.of([getattr(ours, field) / getattr(theirs, field) for ours, theirs in pairs])

    def rival_median(self, field: str) -> float:
        return statistics.median(getattr(sample, field) for sample in self.rival_samples)

    def subject_median(self, field: str) -> float:
        return statistics.median(getattr(sample, field) for sample in self.subject_samples)

    def verdict(self) -> str:
        ratio = self.ratio("cpu_us")
        if self.limit is None:
            return "even" if ratio.low <= 1 <= ratio.high else "UNEVEN"
        return ratio.verdict(self.limit)

    def as_json(self) -> dict:
        return {
            **asdict(self),
            "cpu_ratio": asdict(self.ratio("cpu_us")),
            "rps_ratio": asdict(self.ratio("rps")),
            "verdict": self.verdict(),
        }


def measure(load_gen: LoadGen, server: Server, load: Load, *, settle: bool = False) -> Sample:
    """One run. With `settle`, work that the server does after its last answer is charged to the run as well."""
    cores = (server.core, load_gen.core)
    busy_before, cpu_before = [machine.core_busy_ns(core) for core in cores], server.cpu_ns()
    begin_ns = time.monotonic_ns()
    result = load_gen.run(server.port, load)
    window_ns = time.monotonic_ns() - begin_ns
    cpu_ns = server.cpu_ns() - cpu_before
    used_ns = (cpu_ns, result["client_cpu_seconds"] * 1e9)
    others = [machine.core_busy_ns(core) - before - used
              for core, before, used in zip(cores, busy_before, used_ns, strict=True)]
    if settle:
        server.settle()
        cpu_ns = server.cpu_ns() - cpu_before
    return Sample(
        requests=result["requests"],
        cpu_us=cpu_ns / 1e3 / result["requests"],
        rps=result["rps"],
        p50_us=result["p50_us"],
        p99_us=result["p99_us"],
        p999_us=result["p999_us"],
        server_busy=used_ns[0] / 1e9 / result["seconds"],
        other_busy=max(*others, 0) / window_ns,
    )


def interleave(load_gen: LoadGen, rounds: int, rival: tuple[Server, Load], subject: tuple[Server, Load],
               ) -> tuple[list[Sample], list[Sample]]:
    """`rounds` runs of each in alternating order, after a short unmeasured run of each."""
    sides = [(*rival, []), (*subject, [])]
    for server, load, _ in sides:
        load_gen.run(server.port, replace(load, seconds=WARM_UP_SECONDS))
    for number in range(rounds):
        for server, load, samples in sides if number % 2 == 0 else reversed(sides):
            samples.append(measure(load_gen, server, load))
    return sides[0][2], sides[1][2]
