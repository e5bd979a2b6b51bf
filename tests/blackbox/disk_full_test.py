#!/usr/bin/env python3
"""A full disk: writes answer 507 with a reason, reads go on, and writes resume by themselves when space is free again.

Needs to mount a small tmpfs; as another user than root it runs in a user namespace of its own.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from common import BINARY, Tarn, User, publish

SIZE_MB = 192


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-full-"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(self.folder)], check=True)
        os.environ["TARN_STORAGE_DISK_RESERVE_BYTES"] = "32M"
        os.environ["TARN_STORAGE_BALLAST_BYTES"] = "4M"
        self.tarn = Tarn(BINARY, self.folder)
        self.tarn.add_user(User("alice", "alice-password-1"))
        self.token = self.tarn.token_for(User("alice", "alice-password-1"))

    def tearDown(self):
        if self.tarn.process.poll() is None:
            self.tarn.process.kill()
            self.tarn.process.wait()
        subprocess.run(["umount", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        del os.environ["TARN_STORAGE_DISK_RESERVE_BYTES"], os.environ["TARN_STORAGE_BALLAST_BYTES"]

    def publish_until_full(self, prefix, size):
        stored = {}
        for number in range(2000):
            answer, tarball = publish(self.tarn, self.token, f"{prefix}-{number}", "1.0.0", extra=os.urandom(size))
            if answer.status == 507:
                self.assertIsInstance(answer.json()["error"], str)
                self.assertIsInstance(answer.json()["reason"], str)
                return stored
            self.assertEqual(answer.status, 201, answer.body)
            stored[f"{prefix}-{number}"] = tarball
        self.fail("the disk never filled")

    def check_reads(self, stored):
        for name, tarball in stored.items():
            answer = self.tarn.tarball(name, "1.0.0")
            self.assertEqual((answer.status, answer.body == tarball), (200, True), name)
            self.assertEqual(list(self.tarn.packument(name)["versions"]), ["1.0.0"])

    def wait_until_writable(self, name):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            answer, tarball = publish(self.tarn, self.token, name, "1.0.0", extra=os.urandom(1000))
            if answer.status == 201:
                return tarball
            self.assertEqual(answer.status, 507, answer.body)
            time.sleep(0.2)
        self.fail("writes did not resume")

    def cycle(self, turn, ballast):
        """Fills up to the reserve, then fills the reserve itself from outside, then frees it."""
        stored = self.publish_until_full(f"small-{turn}", 300_000)
        self.check_reads(stored)
        self.assertEqual(publish(self.tarn, self.token, f"large-{turn}", "1.0.0", extra=os.urandom(20_000_000))[0].status, 507)
        with open(ballast, "wb") as filler:  # Another program takes all there is.
            try:
                while True:
                    filler.write(bytes(1 << 20))
                    filler.flush()
            except OSError:
                pass
        for number in range(20):
            answer, _ = publish(self.tarn, self.token, f"never-{turn}-{number}", "1.0.0", extra=os.urandom(100_000))
            self.assertEqual(answer.status, 507, answer.body)
        self.check_reads(stored)
        return stored

    def test_writes_stop_and_resume(self):
        # Room that can be given back: a file beside the data.
        spare = self.folder / "spare"
        spare.write_bytes(bytes(60 << 20))
        stored = self.cycle(0, self.folder / "filler")
        (self.folder / "filler").unlink()
        spare.unlink()
        stored["resumed"] = self.wait_until_writable("resumed")
        more = self.cycle(1, self.folder / "filler")
        (self.folder / "filler").unlink()
        self.check_reads({**stored, **more})
        self.assertIsNone(self.tarn.process.poll(), "the server is the one that was started")
        # The same again after a crash on a full disk: nothing acknowledged is lost.
        self.tarn.crash_and_restart()
        self.check_reads({**stored, **more})
        self.assertEqual(self.tarn.packument("never-0-0"), {})
        self.assertEqual(self.tarn.stop(), [])


if __name__ == "__main__":
    if os.geteuid() != 0 and os.environ.get("TARN_IN_NAMESPACE") != "1":
        os.environ["TARN_IN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--mount", sys.executable, *sys.argv])
    unittest.main()
