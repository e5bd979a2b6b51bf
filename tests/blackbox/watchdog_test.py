#!/usr/bin/env python3
"""A disk that does not answer is noticed, named and reported, reads go on, and everything is well again by itself."""

import json
import os
import pathlib
import shutil
import signal
import tempfile
import threading
import time
import unittest

from common import BINARY, Tarn, User, publish

SHIM = os.environ["TARN_STALL_SHIM"]
WAIT_S = 60


def wait_for(what, condition):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S} s: {what}")


class Watchdog(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-watchdog-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.stall = self.folder / "stall"
        self.tarn = Tarn(BINARY, self.folder, environment={
            "LD_PRELOAD": SHIM, "TARN_STALL": str(self.stall), "TARN_WATCHDOG_STALL_MS": "1000"})
        self.tarn.add_user(User("alice", "alice-password-1"))
        self.token = self.tarn.token_for(User("alice", "alice-password-1"))

    def ready(self):
        return self.tarn.request("GET", "/-/ready")

    def dumps(self):
        lines = (json.loads(line) for line in self.tarn.log_since(0).splitlines() if '"state dump"' in line)
        return list(lines)

    def test_a_stalled_disk(self):
        self.assertEqual(publish(self.tarn, self.token, "hot", "1.0.0")[0].status, 201)
        self.assertEqual(self.ready().status, 200)
        answers = []
        self.stall.touch()
        publisher = threading.Thread(target=lambda: answers.append(publish(self.tarn, self.token, "late", "1.0.0")))
        publisher.start()
        try:
            stalled = wait_for("the node is not ready", lambda: (a := self.ready()).status == 503 and a)
            self.assertIn("stalled: disk", stalled.json()["error"])
            self.assertIn("sync of segments/", stalled.json()["error"])
            self.assertEqual(self.tarn.request("GET", "/hot").status, 200, "reads need no sync")
            self.assertEqual(self.tarn.request("GET", "/hot/-/hot-1.0.0.tgz").status, 200)
            self.assertEqual(self.tarn.request("GET", "/-/health").status, 200)
            dump = wait_for("a state dump", self.dumps)[0]
            self.assertIn("stalled: disk", dump["reason"])
            self.assertEqual(dump["state"]["disk"][0]["call"], "sync")
            self.assertIn("segments/", dump["state"]["disk"][0]["file"])
            self.assertGreater(dump["state"]["disk"][0]["age_ms"], 500)
            self.assertIn("commit-journal", [thread["name"] for thread in dump["state"]["threads"]])
            self.assertEqual(answers, [], "nothing is acknowledged that is not on the disk")
        finally:
            self.stall.unlink()
            publisher.join()
        answer, tarball = answers[0]
        self.assertEqual(answer.status, 201, answer.body)
        wait_for("the node is ready again, by itself", lambda: self.ready().status == 200)
        self.assertIn('"goes on again"', self.tarn.log_since(0))
        self.assertEqual(self.tarn.request("GET", "/late/-/late-1.0.0.tgz").body, tarball)
        self.assertEqual(self.tarn.stop(), [])

    def test_a_dump_on_demand(self):
        self.tarn.process.send_signal(signal.SIGUSR1)
        dump = wait_for("a state dump", self.dumps)[0]
        self.assertEqual(dump["reason"], "asked for by SIGUSR1")
        state = dump["state"]
        self.assertEqual({vital["stuck_ms"] for vital in state["vitals"] if vital["name"] in ("reads", "writes")}, {0})
        self.assertGreater(state["executor"]["write"]["threads"], 0)
        self.assertGreater(state["process"]["rss_bytes"], 1_000_000)
        self.assertGreater(state["process"]["descriptors"], 3)
        self.assertGreater(state["store"]["lsn"], 0)
        self.assertNotIn(self.token, json.dumps(dump))
        self.tarn.process.send_signal(signal.SIGUSR1)
        wait_for("another one", lambda: len(self.dumps()) == 2)
        self.assertEqual(self.ready().status, 200)
        self.assertEqual(self.tarn.stop(), [])


if __name__ == "__main__":
    unittest.main()
