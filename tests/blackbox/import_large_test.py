#!/usr/bin/env python3
"""Memory of an import does not grow with what is imported: one attachment of IMPORT_LARGE_MB (400) in a dump, plain, compressed and
read from a pipe. Twice as much may not take more.
"""

import base64
import gzip
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

LARGE_MB = int(os.environ.get("IMPORT_LARGE_MB", "400"))
# The program, RocksDB, and what may wait: limits::kImportStagedBytes and the buffers of a large file.
RSS_MB_MAX = 160
PIECE = random.Random(1).randbytes(3 << 20)

MEASURE = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(json.dumps([code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""


def write_dump(out, megabytes):
    at = "2012-01-01T12:00:00.000Z"
    document = {"_id": "large", "_rev": "1-a", "name": "large", "dist-tags": {"latest": "1.0.0"},
                "versions": {"1.0.0": {"name": "large", "version": "1.0.0", "dist": {
                    "tarball": "http://registry.example/large/-/large-1.0.0.tgz"}}},
                "time": {"created": at, "modified": at, "1.0.0": at},
                "maintainers": [{"name": "alice", "email": "alice@mail.example"}]}
    head = json.dumps({"seq": 1, "id": "large", "changes": [{"rev": "1-a"}], "doc": document})[:-2]
    out.write(head.encode() + b',"_attachments":{"large-1.0.0.tgz":{"content_type":"application/octet-stream","data":"')
    piece = base64.b64encode(PIECE)
    for _ in range(megabytes // 3):
        out.write(piece)
    out.write(b'"}}}}\n')


class LargeTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-import-large-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def memory_of(self, source, stdin=None):
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        done = subprocess.run([sys.executable, "-c", MEASURE, str(BINARY), "import", "couchdb", str(source), "--data", str(data)],
                              stdin=stdin, capture_output=True, timeout=600)
        code, rss_mb = json.loads(done.stdout)
        self.assertEqual(code, 3, done.stderr.decode())  # It has no shasum.
        verified = subprocess.run([BINARY, "verify", "--data", str(data)], capture_output=True, timeout=600)
        self.assertEqual(verified.returncode, 0, verified.stdout)
        return rss_mb

    def test_one_large_attachment(self):
        sizes = {}
        for megabytes in (LARGE_MB // 2, LARGE_MB):
            source = self.folder / "dump.jsonl"
            with open(source, "wb") as out:
                write_dump(out, megabytes)
            sizes[megabytes] = self.memory_of(source)
        with open(source, "rb") as plain:
            from_pipe = self.memory_of("-", stdin=plain)
        with gzip.open(self.folder / "dump.gz", "wb", compresslevel=1) as out:
            write_dump(out, LARGE_MB // 2)
        compressed = self.memory_of(self.folder / "dump.gz")
        print(f"{sizes}, from a pipe {from_pipe:.0f}, compressed {compressed:.0f} MB")
        for rss_mb in (*sizes.values(), from_pipe, compressed):
            self.assertLess(rss_mb, RSS_MB_MAX)
        # What grew with it would have grown by half of it.
        self.assertLess(sizes[LARGE_MB] - sizes[LARGE_MB // 2], LARGE_MB / 20)


if __name__ == "__main__":
    unittest.main()
