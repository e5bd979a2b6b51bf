#!/usr/bin/env python3
"""`tarn gc`: the room of what was unpublished comes back, and nothing else goes.

GC_KILL_ROUNDS says how often the server is killed in the middle of a collection under load (default 4 here), TEST_SEED repeats
the times.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from common import BINARY, Registry, Tarn, User, publish
from stage_test import approve, stage
from two_regions_test import Pair, wait_for

ROUNDS = int(os.environ.get("GC_KILL_ROUNDS", "4"))
SEED = int(os.environ.get("TEST_SEED", str(int(time.time()))))
SMALL_SEGMENTS = "[storage]\nsegment_bytes_max = 2097152\n"


def run_gc(data, *arguments, expected=0):
    done = subprocess.run([str(BINARY), "gc", "--data", str(data), "--json", *arguments], capture_output=True, text=True,
                          timeout=120)
    if done.returncode != expected:
        raise AssertionError(f"tarn gc: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def disk_bytes(data):
    return sum(path.stat().st_blocks * 512 for path in (data / "segments").iterdir())


def unpublish(registry, token, name):
    rev = registry.request("GET", f"/{name}?write=true", token=token).json()["_rev"]
    return registry.request("DELETE", f"/{name}/-rev/{rev}", token=token).status


class Gc(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-gc-"))
        self.tarn = Tarn(BINARY, self.folder, configuration=SMALL_SEGMENTS)
        self.tarn.add_user(User("alice", "alice-password-1"))
        self.token = self.tarn.token_for(User("alice", "alice-password-1"))

    def tearDown(self):
        if self.tarn.process.poll() is None:
            self.tarn.process.kill()
            self.tarn.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self, name, version="1.0.0", extra=b""):
        answer, tarball = publish(self.tarn, self.token, name, version, extra)
        self.assertEqual(answer.status, 201, answer.body)
        return tarball

    def test_the_room_of_what_was_unpublished_comes_back(self):
        dice = random.Random(1)
        tarballs = {f"room-{i}": self.publish(f"room-{i}", extra=dice.randbytes(150_000)) for i in range(80)}
        large = self.publish("large", extra=dice.randbytes(9_000_000))
        answer, staged = stage(self.tarn, self.token, "room-1", "1.1.0", dice.randbytes(150_000))
        self.assertEqual(answer.status, 201, answer.body)
        gone = [name for i, name in enumerate(tarballs) if i % 4 != 1]
        for name in [*gone, "large"]:
            self.assertEqual(unpublish(self.tarn, self.token, name), 200)
        dead = sum(len(tarballs[name]) for name in gone) + len(large)
        for i in range(20):  # So that the last of them are in segments that are sealed.
            self.publish(f"later-{i}", extra=dice.randbytes(150_000))

        self.assertEqual(run_gc(self.tarn.data)["blobs_collected"], 0, "all of it is younger than a day")
        before = disk_bytes(self.tarn.data)
        planned = run_gc(self.tarn.data, "--age-hours", "0", "--dry-run")
        self.assertEqual((planned["blobs_collected"], planned["bytes_collected"]), (len(gone) + 1, dead))
        self.assertEqual(disk_bytes(self.tarn.data), before)
        done = run_gc(self.tarn.data, "--age-hours", "0")
        for key in ("blobs_collected", "bytes_collected", "bytes_given_back", "segments_rewritten", "segments_removed"):
            self.assertEqual(done[key], planned[key], key)
        self.assertEqual((done["segments_removed"], done["findings"]), (1, []))
        given_back = before - disk_bytes(self.tarn.data)
        print(f"{dead} bytes dead, {given_back} bytes of disk given back")
        self.assertGreater(given_back, 0.9 * dead)

        for name, tarball in tarballs.items():
            answer = self.tarn.tarball(name, "1.0.0")
            self.assertEqual((answer.status, answer.body == tarball), (404, False) if name in gone else (200, True), name)
        self.assertEqual(approve(self.tarn, self.token, answer_id(self.tarn, self.token)).status, 201)
        self.assertEqual(self.tarn.tarball("room-1", "1.1.0").body, staged)
        self.assertEqual(run_gc(self.tarn.data, "--age-hours", "0", "--dead-percent", "0")["blobs_collected"], 0)
        # What comes again is stored again; and a stopped registry can be swept, too.
        self.assertEqual(self.publish("room-0-again", extra=dice.randbytes(1_000))[:2], b"\x1f\x8b")
        self.assertEqual(self.tarn.stop(), [])
        self.assertEqual(run_gc(self.tarn.data, "--age-hours", "0")["findings"], [])
        shutil.rmtree(self.tarn.data / "db")
        self.tarn.start_again()
        for name in set(tarballs) - set(gone):
            self.assertEqual(self.tarn.tarball(name, "1.0.0").body, tarballs[name], name)
        self.assertEqual(self.tarn.stop(), [])

    def test_beside_publishes_and_through_kills(self):
        """Versions are staged, rejected and then published with the same bytes while collections run: what a collection finds
        to be garbage is referred to again in the next moment."""
        print(f"TEST_SEED={SEED} GC_KILL_ROUNDS={ROUNDS}")
        dice = random.Random(SEED)
        lock, live, stopping = threading.Lock(), {}, threading.Event()
        counts = {"published": 0, "rejected": 0, "collected": 0}

        def write(writer, turn):
            own, number = random.Random(SEED + 100 * turn + writer), 0
            registry, name = Registry(self.tarn.url), f"w{writer}"
            while not stopping.is_set():
                number += 1
                version, extra = f"1.{turn}.{number}", own.randbytes(30_000)
                try:
                    answer, tarball = stage(registry, self.token, name, version, extra)
                    if answer.status == 201:
                        registry.request("DELETE", f"/-/stage/{answer.json()['stageId']}", token=self.token)
                        counts["rejected"] += 1
                    if own.random() < 0.3:
                        continue
                    answer, tarball = publish(registry, self.token, name, version, extra)
                    if answer.status == 201:
                        with lock:
                            live[(name, version)] = tarball
                            counts["published"] += 1
                except (OSError, KeyError, ValueError):
                    time.sleep(0.02)

        def collect():
            while not stopping.is_set():
                done = subprocess.run([str(BINARY), "gc", "--data", str(self.tarn.data), "--json", "--age-hours", "0",
                                       "--dead-percent", "0"], capture_output=True, text=True, timeout=120, check=False)
                if done.returncode == 0:
                    counts["collected"] += json.loads(done.stdout)["blobs_collected"]

        for writer in range(4):
            live[(f"w{writer}", "1.0.0")] = self.publish(f"w{writer}")
        for turn in range(1, ROUNDS + 1):
            stopping.clear()
            threads = [threading.Thread(target=write, args=(i, turn)) for i in range(4)]
            threads.append(threading.Thread(target=collect))
            for thread in threads:
                thread.start()
            time.sleep(dice.uniform(1.0, 2.0))
            if turn % 2 == 0:
                self.tarn.process.kill()
                self.tarn.process.wait()
                stopping.set()
                for thread in threads:
                    thread.join()
                self.tarn.start_again()
            else:
                stopping.set()
                for thread in threads:
                    thread.join()
            for (name, version), tarball in live.items():
                answer = self.tarn.tarball(name, version)
                self.assertEqual((answer.status, answer.body == tarball), (200, True), (name, version))
        print(counts)
        self.assertGreater(min(counts.values()), 0)
        self.assertEqual(self.tarn.stop(), [])


def answer_id(registry, token):
    return registry.request("GET", "/-/stage", token=token).json()["items"][0]["id"]


class GcOfTwo(Pair):
    def test_a_follower_that_was_away_comes_along(self):
        self.west.start()
        self.wait_in_sync()
        tarballs = {}
        for i in range(10):
            _, tarballs[f"before-{i}"] = self.publish(self.east, f"before-{i}", "1.0.0", random.Random(i).randbytes(50_000))
        wait_for("west has them", lambda: self.west.status()["lsn"] == self.east.status()["lsn"])
        self.west.stop()
        for i in range(20):
            _, tarballs[f"away-{i}"] = self.publish(self.east, f"away-{i}", "1.0.0", random.Random(99 + i).randbytes(50_000))
        gone = [name for i, name in enumerate(tarballs) if i % 2]
        for name in gone:
            self.assertEqual(unpublish(Registry(self.east.url), self.token, name), 200)
        self.assertEqual(run_gc(self.east.data, "--age-hours", "0")["blobs_collected"], len(gone))
        self.west.start()
        self.wait_in_sync()
        self.expect_equal()
        for node in self.nodes:
            for name in set(tarballs) - set(gone):
                answer = node.request("GET", f"/{name}/-/{name}-1.0.0.tgz")
                self.assertEqual((answer.status, answer.body == tarballs[name]), (200, True), (name, node.name))
        swept = run_gc(self.west.data, "--age-hours", "0")
        self.assertEqual((swept["leader"], swept["blobs_collected"], swept["findings"]), (False, 0, []))
        for node in self.nodes:
            node.stop()
            node.admin("verify", "--deep")


if __name__ == "__main__":
    unittest.main(verbosity=2)
