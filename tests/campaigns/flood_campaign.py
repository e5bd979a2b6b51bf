"""A flood of tarballs, by fast clients and by slow ones, while packuments are read: they have to stay fast."""

import json
import os
import pathlib
import socket
import subprocess
import threading
import time

from ground import allow_descriptors

LOAD_GEN = pathlib.Path(os.environ.get("TARN_BIN", "build/release/tarn")).resolve().parent / "load_gen"
TARBALLS, TARBALL_BYTES = 8, 8_000_000
FAST, SLOW = 64, 200
SLOW_BYTES_PER_SECOND = 40_000  # Over the least that the server wants of a reader, which is 10 KB/s in this campaign.
ROUND_S = float(os.environ.get("FLOOD_SECONDS", "5"))
PACKUMENTS_PER_SECOND = 200
P99_MS_MAX = 100  # Of packuments beside the flood, counted from when each was due.
ENVIRONMENT = {"TARN_TIMEOUTS_BYTES_PER_SECOND_MIN": "10000"}


def generator(ground, connections, paths, *more):
    gets = [word for path in paths for word in ("--get", path)]
    return subprocess.Popen([str(LOAD_GEN), "--port", ground.tarn.netloc.rpartition(":")[2], "--requests", "100000000",
                             "--connections", str(connections), *gets, *more], stdout=subprocess.PIPE, text=True)


def figures_of(process):
    figures = json.loads(process.communicate(timeout=120)[0])
    assert figures["errors"] == 0, f"requests that were not answered right: {figures}"
    return figures


def packuments(ground, seconds):
    return figures_of(generator(ground, 16, ["/read"], "--rate", str(PACKUMENTS_PER_SECOND), "--seconds", str(seconds)))


class SlowReaders:
    """Clients that take a tarball at a steady trickle; one thread reads for all of them."""

    def __init__(self, ground):
        self.stopping = threading.Event()
        self.cut, self.bytes = 0, 0
        self.held = [self.connect(ground, f"/flood-{number % TARBALLS}/-/flood-{number % TARBALLS}-1.0.0.tgz")
                     for number in range(SLOW)]
        self.thread = threading.Thread(target=self.read_on)
        self.thread.start()

    @staticmethod
    def connect(ground, path):
        connection = ground.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        connection.setblocking(False)
        return connection

    def read_on(self):
        while not self.stopping.wait(0.1):
            for connection in list(self.held):
                try:
                    piece = connection.recv(SLOW_BYTES_PER_SECOND // 10)
                except BlockingIOError:
                    continue
                except ConnectionResetError:
                    piece = b""
                self.bytes += len(piece)
                if not piece:
                    self.cut += 1
                    self.held.remove(connection)
                    connection.close()

    def end(self):
        self.stopping.set()
        self.thread.join()
        for connection in self.held:
            connection.close()


def flood(ground, rounds):
    """Packuments alone, then beside the flood, in turn."""
    allow_descriptors(SLOW + FAST + 200)
    assert ground.publish_as("read", "1.0.0", 1000) == 201
    for number in range(TARBALLS):
        assert ground.publish_as(f"flood-{number}", "1.0.0", TARBALL_BYTES) == 201
    paths = [f"/flood-{number}/-/flood-{number}-1.0.0.tgz" for number in range(TARBALLS)]
    packuments(ground, 1)  # Into the caches.
    turns = []
    for _ in range(rounds):
        alone = packuments(ground, ROUND_S)
        slow = SlowReaders(ground)
        fast = generator(ground, FAST, paths, "--seconds", str(ROUND_S + 1), "--timeout-ms", "60000")
        try:
            time.sleep(0.5)
            beside = packuments(ground, ROUND_S)
            flooded = figures_of(fast)
        finally:
            slow.end()
            fast.kill()
            fast.wait()
        assert slow.cut == 0, f"{slow.cut} of {SLOW} readers that kept the least rate were cut off"
        ground.expect_alive()
        turns.append({"p99_ms_alone": alone["p99_us"] / 1e3, "p99_ms_beside": beside["p99_us"] / 1e3,
                      "flood_mb_per_s": round(flooded["bytes"] / flooded["seconds"] / 1e6),
                      "slow_mb": round(slow.bytes / 1e6, 1), "rss": ground.rss_bytes()})
    worst = max(turn["p99_ms_beside"] for turn in turns)
    assert worst < P99_MS_MAX, f"packuments beside the flood: p99 {worst:.0f} ms: {turns}"
    return {"p99_ms_beside_max": worst, "p99_ms_alone_max": max(turn["p99_ms_alone"] for turn in turns), "turns": turns}
