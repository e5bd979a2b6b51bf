"""What the campaigns on one machine share: a registry, the record of what it acknowledged, and how both are judged.

A campaign is a function `run(ground, rounds)` that returns its figures and raises AssertionError where an invariant broke.
Whatever it does, at its end the process must be alive, every acknowledged tarball be there byte for byte, and the store
verify clean: `Ground.expect_invariants` sees to that for all of them.
"""

import http.client
import os
import pathlib
import random
import resource
import shutil
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "blackbox"))
from common import BINARY, Tarn, User, integrity, publish  # noqa: E402

RECOVERY_S_MAX = 5
UNREACHABLE = (OSError, http.client.HTTPException)
REQUEST_S = 20


class Ground:
    def __init__(self, seed, environment=None):
        self.dice = random.Random(seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-campaign-"))
        self.tarn = Tarn(BINARY, self.folder, environment={"TARN_SERVER_ACCESS_LOG": "false", **(environment or {})})
        self.tarn.timeout_s = REQUEST_S
        self.tarn.add_user(User("alice", "alice-password-1"))
        self.token = self.tarn.token_for(User("alice", "alice-password-1"))
        self.lock = threading.Lock()
        self.acknowledged = {}  # (name, version) → SHA-512 of the tarball.
        self.refused = {}       # Status, or 0 for a connection that broke → how often.
        self.counter = 0

    def publish(self, size):
        """One new version; the status, or 0 when there was no answer. What was acknowledged is remembered."""
        with self.lock:
            self.counter += 1
            number = self.counter
        return self.publish_as(f"campaign-{number % 50}", f"1.0.{number}", size)

    def publish_as(self, name, version, size):
        with self.lock:
            noise = self.dice.randbytes(size)
        try:
            answer, tarball = publish(self.tarn, self.token, name, version, noise)
        except UNREACHABLE:
            answer = None
        with self.lock:
            if answer is not None and answer.status == 201:
                self.acknowledged[(name, version)] = integrity(tarball)
                return 201
            status = 0 if answer is None else answer.status
            self.refused[status] = self.refused.get(status, 0) + 1
            return status

    def wait_until_writable(self):
        """Seconds until a publish is acknowledged again."""
        begin = time.monotonic()
        while self.publish(1000) != 201:
            assert time.monotonic() - begin < RECOVERY_S_MAX, f"no publish for {RECOVERY_S_MAX} s after the fault"
            time.sleep(0.05)
        return round(time.monotonic() - begin, 3)

    def expect_all_there(self, keys=None):
        for key in self.acknowledged if keys is None else keys:
            answer = self.tarn.tarball(*key)
            assert answer.status == 200, f"{key} was acknowledged and is answered {answer.status}"
            assert integrity(answer.body) == self.acknowledged[key], f"{key} has other bytes"

    def sample(self, count):
        return self.dice.sample(sorted(self.acknowledged), min(count, len(self.acknowledged)))

    def expect_alive(self):
        assert self.tarn.process.poll() is None, f"tarn ended with {self.tarn.process.returncode}\n{self.last_words()}"

    def last_words(self):
        return self.tarn.log_since(0)[-3000:]

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.tarn.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10
        raise AssertionError("the process is gone")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.tarn.process.pid}/fd"))

    def connect(self):
        host, _, port = self.tarn.netloc.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=REQUEST_S)

    def expect_invariants(self):
        """Those of every campaign; ends the server."""
        self.expect_alive()
        self.expect_all_there()
        faults = self.tarn.stop()
        assert not faults, "\n".join(faults)

    def close(self):
        if self.tarn.process.poll() is None:
            self.tarn.process.kill()
            self.tarn.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def allow_descriptors(count):
    """For this process: as many open files as the system lets it have; fewer than `count` are an error."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert hard >= count, f"needs {count} open files, the limit is {hard} (ulimit -Hn)"


def seconds_of(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def quantile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
