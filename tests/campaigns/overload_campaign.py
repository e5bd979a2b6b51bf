"""Ten times the rated load, of reads and of publishes: as much work is done as before, the rest is refused early and with a word.

The rated load is what a closed loop of a few connections gets. The offered one is an open loop of ten times that rate over so
many connections that the line before the server overflows. Server and load generator have a core each.
"""

import json
import os
import pathlib
import statistics
import subprocess
import threading
import time

from common import document, make_tarball
from ground import RECOVERY_S_MAX, UNREACHABLE, allow_descriptors, seconds_of

LOAD_GEN = pathlib.Path(os.environ.get("TARN_BIN", "build/release/tarn")).resolve().parent / "load_gen"
CONNECTIONS = {"rated": 64, "overload": 2000}  # Of the second, more than may be inside and wait: 256 and 1024 writers.
FACTOR = 10
GOODPUT_MIN = 0.9
RATED_S = float(os.environ.get("OVERLOAD_SECONDS", "5"))
OVERLOAD_S = 2 * RATED_S
RSS_GROWTH_MAX = 1.1      # From the first half of an overload to the second.
RSS_SLACK_BYTES = 16 << 20
LATE_MS = 15_000          # Of a request in the open loop; the line before the server is 2 s, the one for a thread 5 s.
RATED_MAX = 5_000         # Publishes a second that the requests of a rated load are enough for.
PUBLISHES_MAX = 100_000   # In one file of requests; an overload that has sent them all is over.


def put_own_core(process_id, index):
    """On a machine with one core everything shares it."""
    cores = sorted(os.sched_getaffinity(0))
    for thread in os.listdir(f"/proc/{process_id}/task"):
        os.sched_setaffinity(int(thread), {cores[index % len(cores)]})


def offer(ground, kind, arguments, rate=None):
    """Runs the generator; its figures, with `good` answers per second."""
    seconds = OVERLOAD_S if rate else RATED_S
    command = [str(LOAD_GEN), "--port", ground.tarn.netloc.rpartition(":")[2], "--requests", "100000000",
               "--connections", str(CONNECTIONS["overload" if rate else "rated"]), "--seconds", str(seconds),
               "--timeout-ms", str(LATE_MS), "--header", f"Authorization: Bearer {ground.token}",
               "--expect", "200", "--expect", "201", *arguments]
    if rate:
        command += ["--rate", str(rate), "--expect", "503"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    put_own_core(process.pid, 1)
    figures = json.loads(process.communicate(timeout=seconds + 60)[0])
    answered = figures["statuses"].get("201" if kind == "publishes" else "200", 0)
    return {**figures, "good": answered / figures["seconds"], "answered": answered}


class Beside:
    """What one more client and the memory of the server show while the load is on."""

    def __init__(self, ground):
        self.ground, self.rss, self.refused_s, self.mute, self.broken = ground, [], [], 0, 0
        self.stopping = threading.Event()
        self.watch, self.probe = threading.Thread(target=self.watch_memory), threading.Thread(target=self.publish_on)

    def __enter__(self):
        self.watch.start()
        self.probe.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.watch.join()
        self.probe.join()

    def watch_memory(self):
        while not self.stopping.wait(0.1):
            self.rss.append(self.ground.rss_bytes())

    def publish_on(self):
        """A refusal has to say when to come again."""
        body = json.dumps(document("beside", "1.0.0", make_tarball("beside", "1.0.0"))).encode()
        while not self.stopping.wait(0.02):
            begin = time.monotonic()
            try:
                answer = self.ground.tarn.request("PUT", "/beside", body, token=self.ground.token)
            except UNREACHABLE:
                self.broken += 1
                continue
            if answer.status == 503:
                self.mute += "retry-after" not in answer.headers
                self.refused_s.append(time.monotonic() - begin)

    def expect_flat_memory(self):
        half = len(self.rss) // 2
        before, after = max(self.rss[:half]), max(self.rss[half:])
        assert after <= before * RSS_GROWTH_MAX + RSS_SLACK_BYTES, f"memory grew from {before} to {after} bytes under overload"
        return after


def write_publishes(ground, path, count):
    """As many publishes as requests for the generator, each the first version of a package."""
    with open(path, "w", encoding="ascii") as file:
        for _ in range(count):
            ground.counter += 1
            name = f"overload-{ground.counter}"
            body = json.dumps(document(name, "1.0.0", make_tarball(name, "1.0.0", ground.dice.randbytes(500))))
            file.write(f"/{name} {len(body)}\n{body}\n")


def publishes(ground, rate, seconds):
    path = ground.folder / "publishes"
    write_publishes(ground, path, min(int(rate * seconds) + 1, PUBLISHES_MAX))
    return ["--put-set", str(path)]


def reads(*_):
    return ["--get", "/read"]


def one_round(ground, kind, make):
    """Rated, overload, rated: what the machine does to all three falls on both sides of the ratio."""
    rated = offer(ground, kind, make(ground, RATED_MAX, RATED_S))
    assert rated["errors"] == 0, f"the rated load: {rated}"
    rate = int(FACTOR * rated["good"])
    arguments = make(ground, rate, OVERLOAD_S)
    with Beside(ground) as beside:
        over = offer(ground, kind, arguments, rate)
    recovery_s = seconds_of(lambda: ground.wait_until_writable())
    assert recovery_s < RECOVERY_S_MAX, f"a publish after the overload took {recovery_s:.1f} s"
    again = offer(ground, kind, make(ground, RATED_MAX, RATED_S))
    assert beside.mute == 0, f"{beside.mute} refusals without Retry-After"
    assert over["errors"] == 0, f"answers that were neither served nor refused: {over['error_reasons']}"
    sent = sum(over["statuses"].values())
    return {"rated": round((rated["good"] + again["good"]) / 2), "offered": rate, "sent": round(sent / over["seconds"]), "goodput": round(over["good"]),
            "share": over["good"] / ((rated["good"] + again["good"]) / 2), "refused": over["statuses"].get("503", 0),
            "refused_first_s": round(min(beside.refused_s, default=0), 3), "broken": beside.broken,
            "rss": beside.expect_flat_memory(), "recovery_s": round(recovery_s, 3),
            "acknowledged": sum(figures["answered"] for figures in (rated, over, again)) if kind == "publishes" else 0}


def expect_as_many_as_acknowledged(ground, turns):
    """The generator keeps no list of what was acknowledged; each of its publishes makes a package, so they can be counted."""
    rows = ground.tarn.request("GET", "/_all_docs", token=ground.token).json()["rows"]
    there = sum(row["id"].startswith("overload-") for row in rows)
    acknowledged = sum(turn["acknowledged"] for turn in turns)
    assert there >= acknowledged, f"{acknowledged} publishes were acknowledged, {there} are there"


def overload(ground, rounds):
    allow_descriptors(CONNECTIONS["overload"] + 200)
    put_own_core(ground.tarn.process.pid, 0)
    assert ground.publish_as("read", "1.0.0", 20_000) == 201
    outcome = {}
    for kind, make in (("reads", reads), ("publishes", publishes)):
        turns = [one_round(ground, kind, make) for _ in range(rounds)]
        ground.expect_alive()
        expect_as_many_as_acknowledged(ground, turns)
        share = statistics.median(turn["share"] for turn in turns)
        outcome[kind] = {"share": round(share, 3), "recovery_s": max(turn["recovery_s"] for turn in turns),
                         "rounds": turns}
        assert share >= GOODPUT_MIN, f"{kind}: {share:.2f} of the rated load is done at ten times that: {turns}"
    return outcome
