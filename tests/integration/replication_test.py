#!/usr/bin/env python3
"""A CouchDB client that is not ours replicates packuments out of tarn, and then follows new publishes live.

usage: replication_test.py BUILD_DIR    (the client is PouchDB, installed once from the npm registry into BUILD_DIR/clients)
"""

import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "blackbox"))
BUILD = pathlib.Path(sys.argv.pop() if len(sys.argv) > 1 else "build/release").resolve()
os.environ.setdefault("TARN_BIN", str(BUILD / "http" / "cli" / "tarn"))
from common import TarnCase, publish  # noqa: E402

PACKAGES = 1000
POUCHDB = "9.0.0"
PARTS = ("pouchdb-core", "pouchdb-adapter-http", "pouchdb-adapter-memory", "pouchdb-replication")
PATIENCE_S = 60


def pouchdb() -> pathlib.Path:
    """The folder of modules; installed when it is not there."""
    final = BUILD / "clients" / f"pouchdb-{POUCHDB}"
    if not final.is_dir():
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = pathlib.Path(tempfile.mkdtemp(dir=final.parent))
        (partial / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        subprocess.run(["npm", "install", "--prefix", str(partial), "--ignore-scripts", "--no-audit", "--no-fund",
                        "--save-exact", *(f"{part}@{POUCHDB}" for part in PARTS)], check=True, timeout=600)
        partial.rename(final)
    return final / "node_modules"


class Follower:
    """PouchDB in a process of its own; what it says comes out of `next`."""

    def __init__(self, url: str, token: str | None = None) -> None:
        command = ["node", str(HERE / "drivers" / "replicate.js"), str(pouchdb()), url]
        self.process = subprocess.Popen(command + ([token] if token else []), text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.said: queue.Queue = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.said.put(json.loads(line))
        self.said.put(None)

    def next(self) -> dict:
        said = self.said.get(timeout=PATIENCE_S)
        if said is None:
            raise AssertionError(f"PouchDB ended with code {self.process.wait()}")
        return said

    def end(self) -> dict:
        self.process.stdin.close()
        last = self.next()
        self.process.wait(timeout=PATIENCE_S)
        return last


class Replication(TarnCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda i: publish(cls.tarn, cls.users["alice"], f"package-{i:04}", "1.0.0")[0],
                                    range(PACKAGES)))
        assert all(answer.status == 201 for answer in answers), answers[0].body

    def publish_and_expect(self, follower, name, version):
        began = time.monotonic()
        answer, _ = publish(self.tarn, self.users["alice"], name, version)
        self.assertEqual(answer.status, 201, answer.body)
        seen = follower.next()
        self.assertEqual((seen["seen"], seen["deleted"]), (name, False))
        self.assertEqual(seen["rev"], self.tarn.packument(name)["_rev"])
        return time.monotonic() - began

    def test_a_thousand_packuments_and_then_live(self):
        began = time.monotonic()
        follower = Follower(self.tarn.url)
        first = follower.next()
        print(f"replicated {first} in {time.monotonic() - began:.1f} s")
        self.assertEqual(first, {"copied": PACKAGES, "written": PACKAGES, "written_again": 0})
        self.assertEqual(follower.next(), {"following": True})
        waits = [self.publish_and_expect(follower, f"live-{i}", "1.0.0") for i in range(5)]
        # A new version replaces the revision that the follower has: no conflict, which `end` looks for.
        waits += [self.publish_and_expect(follower, "package-0007", f"1.0.{i}") for i in range(1, 5)]
        print(f"a publish is there after {max(waits) * 1000:.0f} ms at most")
        rev = self.tarn.packument("package-0009")["_rev"]
        self.assertEqual(self.request("DELETE", f"/package-0009/-rev/{rev}", token=self.users["alice"]).status, 200)
        seen = follower.next()
        self.assertEqual((seen["seen"], seen["deleted"]), ("package-0009", True))
        self.assertEqual(follower.end(), {"copied": PACKAGES + 5 - 1})


if __name__ == "__main__":
    if shutil.which("node") is None:
        raise SystemExit("replication_test.py: node is needed")
    unittest.main()
