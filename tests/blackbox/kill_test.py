#!/usr/bin/env python3
"""kill -9 under a publish load. What was acknowledged is there, whole; everything else is absent, whole.

The oracle is this process: it writes down each acknowledgement before it goes on. KILL_ROUNDS says how many (default 25
here, 200 in the full run), TEST_SEED repeats the times of the kills.
"""

import hashlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from common import BINARY, Tarn, User, document, make_tarball

ROUNDS = int(os.environ.get("KILL_ROUNDS", "25"))
SEED = int(os.environ.get("TEST_SEED", str(int(time.time()))))
WRITERS = 8
START_S_MAX = 2.0


class Oracle:
    """Publishes without end, and remembers what was sent and what was acknowledged."""

    def __init__(self, netloc, token, dice):
        self.netloc = netloc
        self.token = token
        self.dice = dice
        self.lock = threading.Lock()
        self.sent = {}          # (name, version) -> sha1
        self.acknowledged = set()
        self.tags = {}          # name -> versions a publish of which moved `latest` and was acknowledged
        self.counter = 0
        self.stopping = threading.Event()

    def next_publish(self):
        with self.lock:
            self.counter += 1
            number = self.counter
            # Most into few packages, so that versions meet; some large enough for a file of their own.
            name = f"kill-{number % 7}" if number % 3 else f"kill-new-{number}"
            size = 9_000_000 if number % 97 == 0 else self.dice.choice([10, 2_000, 40_000])
            noise = self.dice.randbytes(size)
        tarball = make_tarball(name, f"1.0.{number}", noise)
        with self.lock:
            self.sent[(name, f"1.0.{number}")] = hashlib.sha1(tarball).hexdigest()
        return name, f"1.0.{number}", json.dumps(document(name, f"1.0.{number}", tarball)).encode()

    def write(self):
        connection = None
        while not self.stopping.is_set():
            name, version, body = self.next_publish()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(self.netloc, timeout=20)
                connection.request("PUT", f"/{name}", body=body, headers={
                    "content-type": "application/json", "authorization": f"Bearer {self.token}"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 201:
                    with self.lock:
                        self.acknowledged.add((name, version))
                elif answer.status not in (503, 409):
                    raise AssertionError(f"{name}@{version}: {answer.status} {text[:300]}")
            except (OSError, http.client.HTTPException):
                connection = None
                if not self.stopping.is_set():
                    time.sleep(0.005)


class Kill(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-kill-"))
        print(f"TEST_SEED={SEED} KILL_ROUNDS={ROUNDS}", flush=True)

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def check(self, tarn, oracle, names):
        """Every version of the named packages: acknowledged ones whole, the others whole or absent."""
        for name in names:
            packument = tarn.packument(name)
            versions = packument.get("versions", {})
            expected = {v for n, v in oracle.acknowledged if n == name}
            self.assertLessEqual(expected, set(versions), f"{name}: lost {expected - set(versions)}")
            if versions:
                self.assertIn(packument["dist-tags"]["latest"], versions)
                self.assertEqual(set(versions) | {"created", "modified"}, set(packument["time"]))
            for version, manifest in versions.items():
                self.assertIn((name, version), oracle.sent, "a version nobody published")
                sha1 = oracle.sent[(name, version)]
                self.assertEqual(manifest["dist"]["shasum"], sha1)
                tarball = tarn.tarball(name, version)
                self.assertEqual(tarball.status, 200, f"{name}@{version} has no bytes")
                self.assertEqual(hashlib.sha1(tarball.body).hexdigest(), sha1, f"{name}@{version} has other bytes")

    def test_kill_nine(self):
        dice = random.Random(SEED)
        tarn = Tarn(BINARY, self.folder)
        tarn.add_user(User("alice", "alice-password-1"))
        oracle = Oracle(tarn.netloc, tarn.token_for(User("alice", "alice-password-1")), random.Random(SEED + 1))
        slowest = 0.0
        for turn in range(ROUNDS):
            oracle.stopping.clear()
            writers = [threading.Thread(target=oracle.write) for _ in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(dice.uniform(0.02, 0.4))
            os.kill(tarn.process.pid, signal.SIGKILL)
            tarn.process.wait()
            oracle.stopping.set()
            for writer in writers:
                writer.join()
            if turn % 10 == 9:
                verified = subprocess.run([str(BINARY), "verify", "--data", str(tarn.data)], capture_output=True, text=True)
                self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
            begin = time.monotonic()
            tarn._start(tarn.netloc)
            slowest = max(slowest, time.monotonic() - begin)
            recent = {n for n, _ in list(oracle.sent)[-60:]}
            self.check(tarn, oracle, dice.sample(sorted(recent), min(6, len(recent))))
        self.check(tarn, oracle, {n for n, _ in oracle.sent})
        self.assertEqual(tarn.stop(), [])
        print(f"{ROUNDS} kills, {len(oracle.sent)} publishes sent, {len(oracle.acknowledged)} acknowledged, "
              f"slowest start {slowest:.2f} s", flush=True)
        self.assertGreater(len(oracle.acknowledged), ROUNDS)
        self.assertLess(slowest, START_S_MAX)


if __name__ == "__main__":
    unittest.main()
