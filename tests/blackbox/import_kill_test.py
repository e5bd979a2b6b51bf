#!/usr/bin/env python3
"""kill -9 during an import, again and again, at random points: in the end everything is as after one undisturbed run: the same
packuments, the same bytes, nothing missing and nothing damaged. IMPORT_KILLS says how many (50), TEST_SEED repeats the times.
"""

import base64
import hashlib
import json
import os
import random
import signal
import subprocess
import time
import unittest
import urllib.parse

from common import BINARY
from import_couchdb_test import DATA, ImportCase, path_of, run_import, summary

KILLS = int(os.environ.get("IMPORT_KILLS", "50"))
SEED = int(os.environ.get("TEST_SEED", str(int(time.time()))))
# What an import decides itself: revisions are random, and move on with what was begun more than once.
OWN = ("_id", "_rev")


def write_dump(path, dice):
    """The registry of the fixtures, and packages that commit in every way: many small ones, one of many versions, tarballs
    that get a file of their own, and a document that is larger than one record of the journal."""
    lines = (DATA / "3.5.0/changes.attachments.jsonl").read_bytes().split(b"\n")
    lines = [line for line in lines if line and b'"last_seq"' not in line]

    def add(name, versions, size, padding=0):
        manifests, attachments = {}, {}
        for version in versions:
            tarball = dice.randbytes(size)
            manifests[version] = {"name": name, "version": version, "padding": "x" * padding,
                                  "dist": {"shasum": hashlib.sha1(tarball).hexdigest(),
                                           "tarball": f"http://registry.example/{name}/-/{name}-{version}.tgz"}}
            attachments[f"{name}-{version}.tgz"] = {"content_type": "application/octet-stream", "revpos": 1,
                                                    "data": base64.b64encode(tarball).decode()}
        at = "2012-01-01T12:00:00.000Z"
        document = {"_id": name, "_rev": f"1-{len(lines):032x}", "name": name, "dist-tags": {"latest": versions[-1]},
                    "versions": manifests, "time": {"created": at, "modified": at, **{version: at for version in versions}},
                    "maintainers": [{"name": "alice", "email": "alice@mail.example"}], "_attachments": attachments}
        lines.append(json.dumps({"seq": len(lines), "id": name, "changes": [{"rev": document["_rev"]}],
                                 "doc": document}).encode())

    for i in range(200):
        add(f"small-{i}", ["1.0.0"], 20_000)
    add("many", [f"1.0.{i}" for i in range(300)], 3_000)
    add("wide", [f"1.0.{i}" for i in range(60)], 100, padding=600_000)  # Its versions take several records.
    for i in range(4):
        add(f"large-{i}", ["1.0.0"], 12_000_000)
    dice.shuffle(lines)
    path.write_bytes(b"\n".join(lines) + b"\n")


class KillTest(ImportCase):
    def state_of(self, folder):
        """Every packument, with the digest of every tarball that is in it. Not the registry's signatures: each data
        directory has a key of its own, and old versions are signed after the start, in the background."""
        self.folder = folder
        tarn = self.serve()
        listed = tarn.request("GET", "/_all_docs").json()["rows"]
        state = {}
        for row in listed:
            answer = tarn.request("GET", path_of(row["id"]))
            self.assertEqual(answer.status, 200, row["id"])
            document = answer.json()
            state[row["id"]] = {key: value for key, value in document.items() if key not in OWN}
            for version in document.get("versions", {}).values():
                version["dist"].pop("signatures", None)
                version["dist"]["tarball"] = urllib.parse.urlsplit(version["dist"]["tarball"]).path
        tarn.stop()
        return state

    def test_killed_again_and_again(self):
        dice = random.Random(SEED)
        print(f"TEST_SEED={SEED}")
        source = self.folder / "dump.jsonl"
        write_dump(source, dice)
        calm, torn = self.folder / "calm", self.folder / "torn"
        began = time.monotonic()
        code, rows, errors = run_import(calm / "data", source)
        whole_s = time.monotonic() - began
        self.assertEqual(code, 3, errors)
        packages = summary(rows)["imported"]

        torn.mkdir()
        command = [BINARY, "import", "couchdb", str(source), "--data", str(torn / "data")]
        kills = ended = 0
        while kills < KILLS:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                # Over the length of a whole run, so that early and late points are met alike.
                process.wait(timeout=dice.uniform(0, whole_s))
                ended += 1
                if ended % 3 == 0:  # All is in: once more from nothing, so that there is something to disturb.
                    subprocess.run(["rm", "-rf", str(torn / "data")], check=True)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
        print(f"{kills} kills, {ended} runs came to their end in between")
        code, rows, errors = run_import(torn / "data", source)
        self.assertEqual(code, 3, errors)
        self.assertEqual(summary(rows)["imported"] + summary(rows)["unchanged"], packages)
        self.data = torn / "data"
        self.verify()
        self.check_source_is_in(source, torn / "data", packages)
        self.assertEqual(self.state_of(torn), self.state_of(calm))

    def check_source_is_in(self, source, data, packages):
        """Every version and every byte, compared with the source by the importer."""
        done = subprocess.run([BINARY, "import", "verify", str(source), "--data", str(data), "--json"],
                              capture_output=True, timeout=300)
        total = summary([json.loads(line) for line in done.stdout.decode().split("\n") if line])
        self.assertEqual((total["same"], total["differing"]), (packages, 0), done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
