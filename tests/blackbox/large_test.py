#!/usr/bin/env python3
"""A tarball of 1 GiB goes in and out while the server's memory stays flat. LARGE_MB makes it smaller (default 1024)."""

import base64
import gzip
import hashlib
import http.client
import io
import json
import os
import pathlib
import shutil
import tarfile
import tempfile
import threading
import time
import unittest

from common import BINARY, Tarn, User

LARGE_MB = int(os.environ.get("LARGE_MB", "1024"))
RSS_MB_MAX = 128
NAME = "large"


def write_tarball(path, size):
    """A .tgz of about `size` bytes of noise, stored rather than compressed, as fast as the disk takes it."""
    block = os.urandom(1 << 20)
    with gzip.GzipFile(path, "wb", compresslevel=0, mtime=0) as zipped, \
            tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        text = json.dumps({"name": NAME, "version": "1.0.0"}).encode()
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))

        class Noise(io.RawIOBase):
            def __init__(self):
                self.left = size

            def readable(self):
                return True

            def read(self, count=-1):
                count = min(count if count > 0 else len(block), len(block), self.left)
                self.left -= count
                return block[:count]

        entry = tarfile.TarInfo("package/noise.bin")
        entry.size = size
        tar.addfile(entry, Noise())


class MemoryWatch:
    """The largest resident set of a process while the block runs, in MB, over what it was before."""

    def __init__(self, pid):
        self.pid = pid
        self.peak = 0
        self.done = threading.Event()

    def resident(self):
        with open(f"/proc/{self.pid}/statm") as statm:
            pages = [int(word) for word in statm.read().split()]
        return (pages[1] - pages[2]) * os.sysconf("SC_PAGE_SIZE") / 1e6  # Without pages of files.

    def __enter__(self):
        self.before = self.resident()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.done.is_set():
            self.peak = max(self.peak, self.resident())
            time.sleep(0.02)

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    @property
    def extra(self):
        return self.peak - self.before


class Large(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-large-"))
        self.tarn = Tarn(BINARY, self.folder)
        self.tarn.add_user(User("alice", "alice-password-1"))
        self.token = self.tarn.token_for(User("alice", "alice-password-1"))

    def tearDown(self):
        faults = self.tarn.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(faults, [])

    def body_pieces(self, path, sha512, sha1, length):
        dist = {"integrity": "sha512-" + base64.b64encode(sha512).decode(), "shasum": sha1}
        head = {"_id": NAME, "name": NAME, "dist-tags": {"latest": "1.0.0"},
                "versions": {"1.0.0": {"name": NAME, "version": "1.0.0", "dist": dist}}, "access": None}
        text = json.dumps(head)[:-1]
        text += f', "_attachments": {{"{NAME}-1.0.0.tgz": {{"content_type": "application/octet-stream", "length": {length}, "data": "'
        yield text.encode()
        with open(path, "rb") as tarball:
            while piece := tarball.read(3 << 18):
                yield base64.b64encode(piece)
        yield b'"}}}'

    def test_in_and_out(self):
        path = self.folder / "large.tgz"
        write_tarball(path, LARGE_MB << 20)
        length = path.stat().st_size
        sha512, sha1 = hashlib.sha512(), hashlib.sha1()
        with open(path, "rb") as tarball:
            while piece := tarball.read(1 << 20):
                sha512.update(piece)
                sha1.update(piece)
        pieces = lambda: self.body_pieces(path, sha512.digest(), sha1.hexdigest(), length)  # noqa: E731
        total = sum(len(piece) for piece in pieces())
        with MemoryWatch(self.tarn.process.pid) as memory:
            begin = time.monotonic()
            connection = http.client.HTTPConnection(self.tarn.netloc, timeout=300)
            connection.request("PUT", f"/{NAME}", body=pieces(), headers={
                "content-type": "application/json", "content-length": str(total), "authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            text = answer.read()
            self.assertEqual(answer.status, 201, text)
            published = time.monotonic() - begin
            begin = time.monotonic()
            connection.request("GET", f"/{NAME}/-/{NAME}-1.0.0.tgz")
            answer = connection.getresponse()
            received = hashlib.sha512()
            while piece := answer.read(1 << 20):
                received.update(piece)
            fetched = time.monotonic() - begin
        self.assertEqual(received.digest(), sha512.digest())
        print(f"{length} bytes: published in {published:.1f} s, fetched in {fetched:.1f} s, peak memory "
              f"{memory.extra:.1f} MB above idle ({memory.before:.1f} MB)", flush=True)
        self.assertLess(memory.extra, RSS_MB_MAX)

    def test_an_aborted_upload_leaves_nothing(self):
        path = self.folder / "large.tgz"
        write_tarball(path, 30 << 20)
        length = path.stat().st_size
        before = {f.name for f in (self.tarn.data / "segments").iterdir()}
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=60)
        connection.putrequest("PUT", f"/{NAME}")
        connection.putheader("authorization", f"Bearer {self.token}")
        connection.putheader("content-length", str(length * 2))
        connection.endheaders()
        for piece in list(self.body_pieces(path, bytes(64), "0" * 40, length))[:-5]:
            connection.send(piece)
        time.sleep(0.3)
        connection.close()
        end = time.monotonic() + 10
        while time.monotonic() < end and {f.name for f in (self.tarn.data / "segments").iterdir()} != before:
            time.sleep(0.1)
        self.assertEqual({f.name for f in (self.tarn.data / "segments").iterdir()}, before)
        self.assertEqual(self.tarn.packument(NAME), {})


if __name__ == "__main__":
    unittest.main()
