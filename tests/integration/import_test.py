#!/usr/bin/env python3
"""`tarn import couchdb URL` from a server that speaks CouchDB's protocol and is not ours: PouchDB's. The registry of
migrate/testdata/couchdb is loaded into it, imported live, and followed while documents come, change, go and conflict.

usage: import_test.py BUILD_DIR    (the server is installed once from the npm registry into BUILD_DIR/clients)
"""

import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "blackbox"))
BUILD = pathlib.Path(sys.argv.pop() if len(sys.argv) > 1 else "build/release").resolve()
os.environ.setdefault("TARN_BIN", str(BUILD / "tarn"))
from common import BINARY  # noqa: E402
from import_couchdb_test import DATA, EXPECTED, PACKAGES, ImportCase, run_import, summary  # noqa: E402
from import_live_test import make_document  # noqa: E402

POUCHDB = "9.0.0"
PARTS = ("express@4.22.3", "express-pouchdb@4.2.0",
         *(f"pouchdb-{part}@{POUCHDB}" for part in ("core", "adapter-leveldb", "adapter-http", "mapreduce", "replication")))
PATIENCE_S = 60
MANY = 1300  # Documents: more than one page of changes.


def server_modules() -> pathlib.Path:
    """The folder of modules; installed when it is not there."""
    final = BUILD / "clients" / f"couch-server-{POUCHDB}"
    if not final.is_dir():
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = pathlib.Path(tempfile.mkdtemp(dir=final.parent))
        (partial / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        subprocess.run(["npm", "install", "--prefix", str(partial), "--ignore-scripts", "--no-audit", "--no-fund",
                        "--save-exact", *PARTS], check=True, timeout=600, stdout=subprocess.DEVNULL)
        partial.rename(final)
    return final / "node_modules"


class CouchServer:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.port = 0
        self.start()

    def start(self) -> None:
        command = ["node", str(HERE / "drivers" / "couch_server.js"), str(server_modules()), str(self.folder), str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def url(self, database: str = "registry") -> str:
        return f"http://127.0.0.1:{self.port}/{database}"

    def request(self, method: str, path: str, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read())

    def load(self, documents) -> None:
        """Revisions as they are, beside those that are there."""
        failed = self.request("POST", "registry/_bulk_docs", {"docs": documents, "new_edits": False})
        assert failed == [], failed

    def put(self, document) -> str:
        """A revision after the one that is there; its id."""
        plain = {key: value for key, value in document.items() if key != "_rev"}
        path = "registry/" + urllib.parse.quote(document["_id"], safe="")
        try:
            plain["_rev"] = self.request("GET", path)["_rev"]
        except urllib.error.HTTPError as error:
            error.close()
        return self.request("PUT", path, plain)["rev"]

    def delete(self, name: str) -> str:
        rev = self.request("GET", f"registry/{name}")["_rev"]
        return self.request("DELETE", f"registry/{name}?rev={rev}")["rev"]


def leaf(name: str, generation: int, digits: str, *versions: str):
    """A revision that follows none of those that are there: a conflict."""
    ids = [digits * 32] + [f"{generation - i}{digits}" * 11 for i in range(1, generation)]
    return {**make_document(name, f"{generation}-{ids[0]}", *versions),
            "_revisions": {"start": generation, "ids": [text[:32] for text in ids]}}


class Follower:
    """`tarn import couchdb --follow`; what it says comes out of `wait_for`."""

    def __init__(self, url: str, data: pathlib.Path) -> None:
        self.process = subprocess.Popen([BINARY, "import", "couchdb", url, "--follow", "--data", str(data), "--json"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.said: queue.Queue = queue.Queue()
        self.rows: list = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.said.put(json.loads(line))
        self.said.put(None)

    def wait_for(self, **fields) -> dict:
        """The next row that has these."""
        while True:
            row = self.said.get(timeout=PATIENCE_S)
            if row is None:
                raise AssertionError(f"it ended with {self.process.wait()} before {fields}")
            self.rows.append(row)
            if all(row.get(key) == value for key, value in fields.items()):
                return row

    def end(self, how: int = signal.SIGINT) -> int:
        self.process.send_signal(how)
        code = self.process.wait(timeout=PATIENCE_S)
        self.process.stdout.close()
        return code


class ImportFromPouchDB(ImportCase):
    def setUp(self):
        super().setUp()
        self.couch = CouchServer(self.folder / "couch")
        self.addCleanup(self.couch.stop)
        self.couch.request("PUT", "registry")

    def load_fixture(self):
        lines = (DATA / "3.5.0/couchbackup.attachments.txt").read_text(encoding="utf-8").split("\n")[1:]
        documents = [document for line in lines if line for document in json.loads(line)]
        for document in documents:
            for attachment in document.get("_attachments", {}).values():
                attachment["content_type"] = attachment.pop("contentType", "application/octet-stream")
        self.couch.load(documents)

    def check_same(self, count):
        done = subprocess.run([BINARY, "import", "verify", self.couch.url(), "--data", str(self.data), "--json"],
                              capture_output=True, timeout=120)
        rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
        differing = [row for row in rows if row.get("status") == "differs"]
        self.assertEqual((summary(rows)["same"], differing), (count, []), done.stderr.decode())

    def test_the_whole_registry(self):
        self.load_fixture()
        self.couch.request("PUT", "_users/org.couchdb.user:ann",
                           {"_id": "org.couchdb.user:ann", "name": "ann", "password": "of the couch", "type": "user",
                            "roles": [], "email": "ann@mail.example"})
        code, rows, errors = run_import(self.data, self.couch.url(), "--users", self.couch.url("_users"))
        self.assertEqual(code, 3, errors)
        self.assertEqual((summary(rows)["imported"], summary(rows)["users_imported"]), (len(PACKAGES), 1), errors)
        self.check_rows(rows, PACKAGES)
        conflicted = next(row for row in rows if row.get("package") == "conflicted")
        self.assertEqual(conflicted["rev"], EXPECTED["docs"]["conflicted"]["rev"])
        found = {(finding["finding"], finding["where"]) for finding in conflicted["findings"]}
        self.assertLessEqual({("conflict", ""), ("only-in-losers", "1.0.1")}, found)
        self.check_same(len(PACKAGES))
        self.verify()
        tarn = self.serve()
        self.check_packages(tarn, PACKAGES, exact=False)  # JavaScript rounded numbers in it.
        login = tarn.request("PUT", "/-/user/org.couchdb.user:ann",
                             {"_id": "org.couchdb.user:ann", "name": "ann", "password": "of the couch", "type": "user"})
        self.assertEqual(login.status, 201, login.body)

    def test_tarballs_of_a_backup_that_has_none(self):
        self.load_fixture()
        code, rows, errors = run_import(self.data, DATA / "3.5.0/couchbackup.txt", "--tarballs", self.couch.url())
        self.assertEqual(code, 3, errors)
        attached = sum(1 for facts in PACKAGES.values() for version in facts["versions"].values() if version["attachment"])
        self.assertEqual(summary(rows)["tarballs"], attached, errors)
        self.verify()
        self.check_packages(self.serve(), PACKAGES, exact=False)

    def test_followed(self):
        self.couch.load([make_document("a", "1-" + "a" * 32, "1.0.0"), make_document("b", "1-" + "b" * 32, "1.0.0")])
        follower = self.follow()
        follower.wait_for(type="changes", taken=2, behind=0)

        # Added, changed, deleted.
        follower.wait_for(package="c", rev=self.couch.put(make_document("c", "", "1.0.0")), status="imported")
        follower.wait_for(package="a", rev=self.couch.put(make_document("a", "", "1.0.0", "1.1.0")), status="updated")
        follower.wait_for(package="b", rev=self.couch.delete("b"), status="removed")

        # A revision that loses is told; one that wins takes the package's place, and what only the loser has is told.
        self.couch.load([leaf("a", 1, "0", "1.0.0", "7.0.0")])
        told = follower.wait_for(type="source", where="a")
        self.assertIn("1-" + "0" * 32, told["what"])
        self.couch.load([leaf("a", 5, "f", "1.0.0", "2.0.0")])
        won = follower.wait_for(package="a", status="updated")
        self.assertEqual(won["rev"], "5-" + "f" * 32)
        self.assertEqual({finding["where"] for finding in won["findings"] if finding["finding"] == "only-in-losers"},
                         {"1.1.0", "7.0.0"})

        # The server goes away and comes back.
        self.couch.stop()
        self.couch.start()
        follower.wait_for(package="d", rev=self.couch.put(make_document("d", "", "1.0.0")), status="imported")

        # The importer is killed; what happens meanwhile is more than one page of changes.
        follower.end(signal.SIGKILL)
        self.couch.load([make_document(f"many-{i}", "1-" + f"{i:032x}", "1.0.0") for i in range(MANY)])
        rev = self.couch.put(make_document("c", "", "1.0.0", "1.2.0"))
        follower = self.follow()
        self.assertGreaterEqual(follower.wait_for(type="changes", taken=1000)["behind"], MANY - 1000)
        follower.wait_for(type="changes", behind=0)
        followed = {row["package"]: row for row in follower.rows if row["type"] == "package"}
        self.assertEqual(followed["c"]["rev"], rev)
        self.assertFalse({"a", "d"} & set(followed), "what was in before is not looked at again")

        self.assertEqual(follower.end(), 0)
        self.check_same(MANY + 3)
        self.verify()
        tarn = self.serve()
        self.assertEqual(sorted(tarn.packument("a")["versions"]), ["1.0.0", "2.0.0"])
        self.assertEqual(sorted(tarn.packument("c")["versions"]), ["1.0.0", "1.2.0"])
        self.assertEqual(tarn.tarball("many-7", "1.0.0").body, b"many-7 1.0.0" * 100)
        self.assertIn("unpublished", tarn.packument("b").get("time", {}))

    def follow(self) -> Follower:
        follower = Follower(self.couch.url(), self.data)
        self.addCleanup(lambda: follower.process.poll() is None and follower.end(signal.SIGKILL))
        return follower


if __name__ == "__main__":
    if shutil.which("node") is None:
        raise SystemExit("import_test.py: node is needed")
    unittest.main()
