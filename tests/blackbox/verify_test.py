#!/usr/bin/env python3
"""`tarn verify` of a running server: finds damage beside its work, and what is damaged is not served any more."""

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
from two_regions_test import wait_for


class Verify(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-verify-"))
        self.tarn = Tarn(BINARY, self.folder)
        self.tarn.add_user(User("alice", "alice-password-1"))
        self.token = self.tarn.token_for(User("alice", "alice-password-1"))

    def tearDown(self):
        self.tarn.process.kill()
        self.tarn.process.wait()
        self.tarn.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def verify(self, *arguments):
        return subprocess.run([str(BINARY), "verify", "--data", str(self.tarn.data), "--json", *arguments], capture_output=True,
                              text=True, timeout=120)

    def publish(self, name, extra):
        answer, tarball = publish(self.tarn, self.token, name, "1.0.0", extra)
        self.assertEqual(answer.status, 201, answer.body)
        return tarball

    def test_a_sound_store_under_load(self):
        stopping, published = threading.Event(), []

        def write():
            registry = Registry(self.tarn.url)
            while not stopping.is_set():
                answer, _ = publish(registry, self.token, f"load-{len(published)}", "1.0.0", os.urandom(20_000))
                if answer.status == 201:
                    published.append(answer)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            time.sleep(0.5)
            for arguments in ([], ["--deep", "--megabytes-per-second", "0"]):
                done = self.verify(*arguments)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                report = json.loads(done.stdout)
                self.assertGreater(report["blobs"], 0)
                self.assertEqual(report["findings"], [])
        finally:
            stopping.set()
            writer.join()
        self.assertEqual(self.tarn.stop(), [])

    def test_damage_is_named_and_not_served(self):
        noise = random.Random(1).randbytes(100_000)
        tarball = self.publish("damaged", noise)
        sound = self.publish("sound", random.Random(2).randbytes(100_000))
        segment = next((self.tarn.data / "segments").glob("*.seg"))
        content = segment.read_bytes()
        at = content.index(tarball) + len(tarball) // 2
        with open(segment, "r+b") as file:
            file.seek(at)
            file.write(bytes([content[at] ^ 1]))
        done = self.verify()
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn(segment.name, done.stdout)
        self.assertEqual(self.tarn.tarball("damaged", "1.0.0").status, 500)
        self.assertEqual(self.tarn.tarball("sound", "1.0.0").body, sound)
        self.publish("afterwards", b"")

    def test_one_job_at_a_time_and_it_ends_with_the_server(self):
        self.publish("large", os.urandom(6_000_000))
        slow = subprocess.Popen([str(BINARY), "verify", "--data", str(self.tarn.data), "--megabytes-per-second", "1"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for("the job begins", lambda: "job begins" in self.tarn.log_since(0))
        done = self.verify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("a verify is under way", done.stderr)
        self.assertEqual(self.tarn.stop(), [])
        self.assertIn("stopping", self.tarn.log_since(0), "it did not wait for the job's own end")
        slow.communicate(timeout=60)
        self.assertEqual(slow.returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
