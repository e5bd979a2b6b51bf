#!/usr/bin/env python3
"""A disk that is full in the middle of an import: it says so and ends with 1, what it said to be imported is in and whole, and the
same command finishes it when there is room.

Needs to mount a small tmpfs; as another user than root it runs in a user namespace of its own.
"""

import base64
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

from common import BINARY

SMALL_MB, LARGE_MB = 96, 400
PACKAGES = 150
TARBALL_BYTES = 1_000_000
ENVIRONMENT = {**os.environ, "TARN_STORAGE_DISK_RESERVE_BYTES": "16M", "TARN_STORAGE_BALLAST_BYTES": "4M"}


class ImportDiskFull(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-import-full-"))
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "tmpfs", str(self.disk)], check=True)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(subprocess.run, ["umount", str(self.disk)], check=True)
        self.dump = self.folder / "dump.jsonl"
        self.write_dump()

    def write_dump(self):
        dice = random.Random(1)
        at = "2012-01-01T12:00:00.000Z"
        with open(self.dump, "w", encoding="utf-8") as out:
            for i in range(PACKAGES):
                name = f"package-{i}"
                # One in ten gets a file of its own, which is written before its package is.
                tarball = dice.randbytes(TARBALL_BYTES * (10 if i % 10 == 9 else 1))
                document = {"_id": name, "_rev": f"1-{i:032x}", "name": name, "dist-tags": {"latest": "1.0.0"},
                            "versions": {"1.0.0": {"name": name, "version": "1.0.0", "dist": {
                                "shasum": hashlib.sha1(tarball).hexdigest(),
                                "tarball": f"http://registry.example/{name}/-/{name}-1.0.0.tgz"}}},
                            "time": {"created": at, "modified": at, "1.0.0": at},
                            "maintainers": [{"name": "alice", "email": "alice@mail.example"}],
                            "_attachments": {f"{name}-1.0.0.tgz": {"content_type": "application/octet-stream",
                                                                   "data": base64.b64encode(tarball).decode()}}}
                out.write(json.dumps({"seq": i, "id": name, "changes": [{"rev": document["_rev"]}], "doc": document}) + "\n")

    def tarn(self, *arguments):
        done = subprocess.run([BINARY, *map(str, arguments), "--data", str(self.disk / "data"), "--json"],
                              capture_output=True, timeout=300, env=ENVIRONMENT)
        rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
        return done.returncode, rows, done.stderr.decode()

    def test_it_says_so_and_goes_on_later(self):
        for _ in range(2):  # The second attempt finds the disk as full as the first left it.
            code, rows, errors = self.tarn("import", "couchdb", self.dump)
            self.assertEqual(code, 1, errors)
            self.assertRegex(errors, "(?i)space|disk")
            total = rows[-1]
            self.assertEqual((total["type"], total["complete"]), ("summary", False))
        in_before = total["imported"] + total["unchanged"]
        self.assertGreater(in_before, 0)
        self.assertLess(in_before, PACKAGES)
        self.assertEqual(self.tarn("verify", "--deep")[0], 0)

        subprocess.run(["mount", "-o", f"remount,size={LARGE_MB}m", str(self.disk)], check=True)
        code, rows, errors = self.tarn("import", "couchdb", self.dump)
        self.assertEqual(code, 0, errors)
        self.assertGreater(rows[-1]["unchanged"], 0, "what was in is not taken again")
        self.assertEqual(rows[-1]["imported"] + rows[-1]["unchanged"], PACKAGES)
        self.assertEqual(self.tarn("verify", "--deep")[0], 0)
        code, rows, errors = self.tarn("import", "verify", self.dump)
        self.assertEqual((code, rows[-1]["same"]), (0, PACKAGES), errors)


if __name__ == "__main__":
    if os.geteuid() != 0 and os.environ.get("TARN_IN_NAMESPACE") != "1":
        os.environ["TARN_IN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--mount", sys.executable, *sys.argv])
    unittest.main()
