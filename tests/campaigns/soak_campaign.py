"""Mixed load for minutes: memory must not go on growing, and at the end everything is there."""

import json
import os
import threading
import time

from ground import UNREACHABLE, quantile

PUBLISHERS, READERS = 2, 3
PUBLISH_PAUSE_S, READ_PAUSE_S = 0.1, 0.02
SIZES = [500, 500, 5_000, 20_000, 200_000]
MINUTE_S = float(os.environ.get("SOAK_MINUTE_SECONDS", "60"))
# Caches that are full early, so that what still grows later is no cache.
ENVIRONMENT = {"TARN_STORAGE_BLOCK_CACHE_BYTES": "16M", "TARN_REGISTRY_PACKUMENT_CACHE_BYTES": "8M",
               "TARN_REGISTRY_BODY_CACHE_BYTES": "8M"}
GROWTH_BYTES_MAX = 24 << 20  # Between the means of the third and the fourth quarter.


class Mix:
    def __init__(self, ground):
        self.ground, self.stopping = ground, threading.Event()
        self.waits, self.faults, self.reads = [], [], 0
        self.threads = ([threading.Thread(target=self.publish_on, args=(seed,)) for seed in range(PUBLISHERS)] +
                        [threading.Thread(target=self.read_on) for _ in range(READERS)])

    def publish_on(self, seed):
        turn = seed
        while not self.stopping.wait(PUBLISH_PAUSE_S):
            turn += 1
            self.ground.publish(SIZES[turn % len(SIZES)])

    def read_on(self):
        """A packument as npm asks for it, the same again with its ETag, one tarball, now and then a search."""
        turn = 0
        while not self.stopping.wait(READ_PAUSE_S):
            turn += 1
            with self.ground.lock:
                keys = self.ground.sample(1)
            if not keys:
                continue
            begin = time.monotonic()
            try:
                self.read_one(turn, *keys[0])
            except UNREACHABLE as fault:
                self.faults.append(repr(fault))
            except AssertionError as fault:
                self.faults.append(str(fault))
            self.waits.append(time.monotonic() - begin)
            self.reads += 1

    def read_one(self, turn, name, version):
        if turn % 20 == 0:
            answer = self.ground.tarn.request("GET", "/-/v1/search?text=campaign&size=20")
        elif turn % 2:
            answer = self.ground.tarn.request("GET", f"/{name}")
            assert answer.status != 200 or version in answer.json()["versions"], f"{name} is without {version}"
        else:
            answer = self.ground.tarn.tarball(name, version)
        assert answer.status == 200, f"{name} {version}: {answer.status}"

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def slope(samples):
    """Least squares over (seconds, bytes): bytes per hour."""
    count = len(samples)
    at = sum(second for second, _ in samples) / count
    level = sum(size for _, size in samples) / count
    spread = sum((second - at) ** 2 for second, _ in samples)
    return 3600 * sum((second - at) * (size - level) for second, size in samples) / spread


def mean(samples):
    return sum(size for _, size in samples) / len(samples)


def soak(ground, rounds):
    """`rounds` minutes."""
    assert ground.publish(1000) == 201
    samples, begin = [], time.monotonic()
    with Mix(ground) as mix:
        while (now := time.monotonic() - begin) < rounds * MINUTE_S:
            samples.append((now, ground.rss_bytes()))
            ground.expect_alive()
            time.sleep(min(1, MINUTE_S / 20))
    assert not mix.faults, f"{len(mix.faults)} reads went wrong, the first: {mix.faults[0]}"
    assert not ground.refused, f"publishes were refused: {ground.refused}"
    quarter = len(samples) // 4
    third, fourth = samples[2 * quarter:3 * quarter], samples[3 * quarter:]
    growth = mean(fourth) - mean(third)
    figures = {"minutes": rounds * MINUTE_S / 60, "acknowledged": len(ground.acknowledged), "reads": mix.reads,
               "read_p99_ms": round(quantile(mix.waits, 0.99) * 1e3, 1), "rss_end": samples[-1][1],
               "rss_max": max(size for _, size in samples), "growth_bytes": round(growth),
               "slope_mb_per_hour": round(slope(samples[2 * quarter:]) / 1e6, 2)}
    assert growth < GROWTH_BYTES_MAX, f"memory goes on growing: {json.dumps(figures)}"
    return figures
