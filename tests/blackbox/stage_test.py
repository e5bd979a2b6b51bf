#!/usr/bin/env python3
"""Staged versions: races for one number, kill -9 between staging and approval, and a data directory that verifies.

STAGE_KILLS says how many kills under load (default 12), TEST_SEED repeats their times.
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

from common import BINARY, Tarn, TarnCase, User, document, make_tarball, package_path, publish

KILLS = int(os.environ.get("STAGE_KILLS", "12"))
SEED = int(os.environ.get("TEST_SEED", str(int(time.time()))))
BIG = 9_000_000  # Above what is kept in memory: a segment file of its own.


def stage(registry, token, name, version, extra=b"", **more):
    """Stages; returns (response, tarball)."""
    tarball = make_tarball(name, version, extra)
    path = f"/-/stage/package{package_path(name)}"
    return registry.request("POST", path, document(name, version, tarball, **more), token=token), tarball


def approve(registry, token, stage_id):
    return registry.request("POST", f"/-/stage/{stage_id}/approve", token=token)


def verify(tarn):
    return subprocess.run([str(BINARY), "verify", "--deep", "--data", str(tarn.data)], capture_output=True, text=True,
                          timeout=120)


class Stage(TarnCase):
    def test_a_staged_version_is_whole_and_hidden(self):
        answer, _ = publish(self.tarn, self.users["alice"], "@scope/hidden", "1.0.0")
        self.assertEqual(answer.status, 201, answer.body)
        before = self.request("GET", package_path("@scope/hidden"))
        answer, tarball = stage(self.tarn, self.users["alice"], "@scope/hidden", "1.1.0", random.Random(1).randbytes(BIG))
        self.assertEqual(answer.status, 201, answer.body)
        stage_id = answer.json()["stageId"]
        after = self.request("GET", package_path("@scope/hidden"))
        self.assertEqual((after.body, after.headers["etag"]), (before.body, before.headers["etag"]))
        self.assertEqual(self.tarn.tarball("@scope/hidden", "1.1.0", self.users["alice"]).status, 404)
        staged = self.request("GET", f"/-/stage/{stage_id}/tarball", token=self.users["alice"])
        self.assertEqual(staged.status, 200)
        self.assertEqual(staged.body, tarball)
        for path in (f"/-/stage/{stage_id}", f"/-/stage/{stage_id}/tarball"):
            self.assertError(self.request("GET", path, token=self.users["bob"]), 404, "Not found")
            self.assertEqual(self.request("GET", path).status, 401)
        self.assertError(approve(self.tarn, self.users["bob"], stage_id), 404, "Not found")
        self.assertEqual(self.request("GET", "/-/stage", token=self.users["bob"]).json()["total"], 0)
        self.assertEqual(approve(self.tarn, self.users["alice"], stage_id).status, 201)
        self.assertEqual(self.tarn.tarball("@scope/hidden", "1.1.0").body, tarball)

    def test_of_approvals_publishes_and_rejections_of_one_number_exactly_one_wins(self):
        answer, _ = publish(self.tarn, self.users["alice"], "raced", "1.0.0")
        self.assertEqual(answer.status, 201, answer.body)
        for turn in range(1, 16):
            version = f"1.0.{turn}"
            answer, staged_bytes = stage(self.tarn, self.users["alice"], "raced", version, b"staged")
            self.assertEqual(answer.status, 201, answer.body)
            stage_id = answer.json()["stageId"]
            statuses = {}

            def run(what):
                if what.startswith("approve"):
                    statuses[what] = approve(self.tarn, self.users["alice"], stage_id).status
                elif what == "publish":
                    statuses[what] = publish(self.tarn, self.users["alice"], "raced", version, b"published")[0].status
                else:
                    statuses[what] = self.request("DELETE", f"/-/stage/{stage_id}", token=self.users["alice"]).status

            # With a rejection in the race the publish may win after it; without, the staged number is taken.
            calls = ["approve 1", "approve 2", "publish"] + (["reject"] if turn % 3 == 0 else [])
            threads = [threading.Thread(target=run, args=(what,)) for what in calls]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            won = [what for what in statuses if statuses[what] in (201, 204)]
            taken = [what for what in won if what != "reject"]
            if "reject" in won:
                self.assertIn(sorted(taken), ([], ["publish"]), statuses)
            else:
                self.assertEqual(len(taken), 1, statuses)
                self.assertTrue(taken[0].startswith("approve"), statuses)
            expected = {"publish": make_tarball("raced", version, b"published")}.get(taken[0] if taken else "", staged_bytes)
            served = self.tarn.tarball("raced", version)
            self.assertEqual(served.status, 200 if taken else 404, statuses)
            if taken:
                self.assertEqual(served.body, expected)

    def test_an_upload_that_breaks_off_leaves_nothing(self):
        tarball = make_tarball("broken-off", "1.0.0", random.Random(2).randbytes(BIG))
        body = json.dumps(document("broken-off", "1.0.0", tarball)).encode()
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=20)
        connection.putrequest("POST", "/-/stage/package/broken-off")
        for name, value in (("content-type", "application/json"), ("content-length", str(len(body))),
                            ("authorization", f"Bearer {self.users['alice']}")):
            connection.putheader(name, value)
        connection.endheaders(body[:len(body) // 2])
        connection.close()
        listed = self.request("GET", "/-/stage?package=broken-off", token=self.users["alice"]).json()
        self.assertEqual(listed["items"], [])


class Kill(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-stage-"))
        print(f"TEST_SEED={SEED} STAGE_KILLS={KILLS}", flush=True)

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        tarn = Tarn(BINARY, self.folder)
        alice = User("alice", "alice-password-1")
        tarn.add_user(alice)
        return tarn, tarn.token_for(alice)

    def test_what_was_staged_before_a_kill_can_be_approved_after_it(self):
        tarn, token = self.start()
        ids = {}
        for version, size in (("1.0.0", 10), ("1.1.0", BIG), ("1.2.0", 40_000)):
            answer, tarball = stage(tarn, token, "kept", version, random.Random(3).randbytes(size))
            self.assertEqual(answer.status, 201, answer.body)
            ids[version] = (answer.json()["stageId"], tarball)
        os.kill(tarn.process.pid, signal.SIGKILL)
        tarn.process.wait()
        checked = verify(tarn)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        tarn.start_again()
        for version, (stage_id, tarball) in ids.items():
            staged = tarn.request("GET", f"/-/stage/{stage_id}/tarball", token=token)
            self.assertEqual(staged.body, tarball)
            self.assertEqual(tarn.request("GET", "/kept").status, 404 if version == "1.0.0" else 200)
            self.assertEqual(approve(tarn, token, stage_id).status, 201)
            tarn.crash_and_restart()
            self.assertEqual(tarn.tarball("kept", version).body, tarball)
            self.assertEqual(tarn.request("GET", f"/-/stage/{stage_id}", token=token).status, 404)
        self.assertEqual(tarn.stop(), [])

    def test_kill_nine_under_load_leaves_each_version_staged_published_or_absent(self):
        tarn, token = self.start()
        dice = random.Random(SEED)
        sent, staged, approved = {}, {}, set()
        for turn in range(KILLS):
            stopping = threading.Event()

            def work(writer, turn=turn):
                number = 0
                while not stopping.is_set():
                    number += 1
                    name, version = f"load-{writer}", f"{turn}.{number}.0"
                    extra = random.Random(number).randbytes(20_000)
                    sent[(name, version)] = hashlib.sha1(make_tarball(name, version, extra)).hexdigest()
                    try:
                        answer, _ = stage(tarn, token, name, version, extra)
                        if answer.status != 201:
                            continue
                        staged[(name, version)] = answer.json()["stageId"]
                        if number % 2 and approve(tarn, token, staged[(name, version)]).status == 201:
                            approved.add((name, version))
                    except (OSError, http.client.HTTPException):
                        return

            writers = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
            for writer in writers:
                writer.start()
            # Some time after the first approval of this turn, however slow the machine is.
            before, end = len(approved), time.monotonic() + 60
            while len(approved) <= before and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(dice.uniform(0.05, 0.4))
            os.kill(tarn.process.pid, signal.SIGKILL)
            tarn.process.wait()
            stopping.set()
            for writer in writers:
                writer.join()
            checked = verify(tarn)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
            tarn.start_again()
            self.check(tarn, token, sent, staged, approved)
        self.assertGreater(len(approved), KILLS)
        print(f"{KILLS} kills, {len(staged)} staged, {len(approved)} of them approved", flush=True)
        self.assertEqual(tarn.stop(), [])

    def check(self, tarn, token, sent, staged, approved):
        listed, page = {}, 0
        while True:
            answer = tarn.request("GET", f"/-/stage?page={page}&perPage=100", token=token).json()
            for item in answer["items"]:
                self.assertEqual(item["shasum"], sent[(item["packageName"], item["version"])])
                listed[(item["packageName"], item["version"])] = item["id"]
            page += 1
            if len(listed) >= answer["total"]:
                break
        published = set()
        for name in {name for name, _ in sent}:
            answer = tarn.request("GET", package_path(name))
            for version, manifest in (answer.json().get("versions", {}) if answer.status == 200 else {}).items():
                published.add((name, version))
                self.assertEqual(manifest["dist"]["shasum"], sent[(name, version)])
        self.assertFalse(published & set(listed), "both staged and published")
        self.assertLessEqual(approved, published)
        for key, stage_id in staged.items():
            self.assertTrue(key in published or listed.get(key) == stage_id, f"{key} was acknowledged and is gone")
        for stage_id in list(listed.values())[:5]:
            self.assertEqual(tarn.request("GET", f"/-/stage/{stage_id}/tarball", token=token).status, 200)


if __name__ == "__main__":
    unittest.main()
