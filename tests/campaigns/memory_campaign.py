"""Less memory than the server would like, under publishes and reads: it serves, refuses or ends, and loses nothing."""

import pathlib
import resource
import threading
import time

from ground import UNREACHABLE

PUBLISHERS, READERS = 6, 4
SIZES = [1_000, 400_000, 4_000_000, 20_000_000]
ROUND_S = 2.0


class Load:
    def __init__(self, ground):
        self.ground, self.stopping = ground, threading.Event()
        self.threads = [threading.Thread(target=self.publish_on, args=(seed,)) for seed in range(PUBLISHERS)]
        self.threads += [threading.Thread(target=self.read_on) for _ in range(READERS)]
        self.wrong = []

    def publish_on(self, seed):
        turn = seed
        while not self.stopping.wait(0.01):
            turn += 1
            if self.ground.publish(SIZES[turn % len(SIZES)]) == 0:
                time.sleep(0.2)  # It ended, and is started again.

    def read_on(self):
        """What is served has the right bytes, whatever else happens."""
        while not self.stopping.wait(0.01):
            with self.ground.lock:
                keys = self.ground.sample(1)
            try:
                answer = self.ground.tarn.tarball(*keys[0])
            except UNREACHABLE:
                time.sleep(0.2)
                continue
            if answer.status not in (200, 503):
                self.wrong.append((keys[0], answer.status))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def data_bytes(ground):
    for line in pathlib.Path(f"/proc/{ground.tarn.process.pid}/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) << 10
    return 0


def squeeze(ground, room):
    """`room` bytes more than it has of its own memory; an address space that is full looks the same to it."""
    limit = data_bytes(ground) + room
    resource.prlimit(ground.tarn.process.pid, resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))


def release(ground):
    resource.prlimit(ground.tarn.process.pid, resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def is_up(ground):
    return ground.tarn.process.poll() is None


def memory_limit(ground, rounds):
    """Each round another amount of room, from none to 64 MiB."""
    ended = []
    assert ground.publish(1000) == 201
    with Load(ground) as load:
        for _ in range(rounds):
            squeeze(ground, ground.dice.choice([0, 1, 4, 16, 64]) << 20)
            end = time.monotonic() + ROUND_S
            while is_up(ground) and time.monotonic() < end:
                time.sleep(0.05)
            if is_up(ground):
                release(ground)
            else:
                ended.append(ground.tarn.process.returncode)
                ground.tarn.start_again()
            ground.wait_until_writable()
    assert not load.wrong, f"reads that were neither served nor refused: {load.wrong[:3]}"
    return {"acknowledged": len(ground.acknowledged), "refused": ground.refused,
            "ended": {code: ended.count(code) for code in sorted(set(ended))}}
