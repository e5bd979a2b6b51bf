#!/usr/bin/env python3
"""`tarn import couchdb URL` from a server that answers as CouchDB does: pages of changes, documents with their attachments as
multipart/related, passwords, and restarts of both sides. The documents are those of migrate/testdata/couchdb.
"""

import base64
import hashlib
import http.server
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from common import BINARY
from import_couchdb_test import PACKAGES, SOURCE, run_import, summary

CREDENTIALS = "Basic " + base64.b64encode(b"reader:secret").decode()


class Couch:
    """The half of CouchDB that an importer reads, over documents in memory."""

    def __init__(self, documents):
        self.lock = threading.Lock()
        self.documents = {}
        self.changes = []
        self.seq = 0
        self.fetched = []
        self.broken_answers = 0
        self.damaged = set()  # Documents that it cannot read any more.
        for document in documents:
            self.put(document)
        self.server = None
        self.port = 0

    def put(self, document):
        with self.lock:
            self.documents[document["_id"]] = document
            self.changes = [row for row in self.changes if row["id"] != document["_id"]]
            self.changes.append({"seq": f"{self.next_seq()}-opaque", "id": document["_id"],
                                 "changes": [{"rev": document["_rev"]}],
                                 **({"deleted": True} if document.get("_deleted") else {})})

    def next_seq(self):
        self.seq += 1
        return self.seq

    def start(self):
        couch = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                couch.answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # Of an importer that was killed while it waited.
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path="/registry", credentials="reader:secret@"):
        return f"http://{credentials}127.0.0.1:{self.port}{path}"

    @staticmethod
    def send(request, status, body, content_type="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def answer(self, request):
        path, _, query = request.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        if request.headers.get("Authorization") != CREDENTIALS:
            self.send(request, 401, {"error": "unauthorized", "reason": "Name or password is incorrect."})
        elif path == "/":
            self.send(request, 200, {"couchdb": "Welcome", "version": "3.5.0"})
        elif path == "/registry":
            self.send(request, 200, {"db_name": "registry", "doc_count": len(self.documents), "update_seq": "9-x"})
        elif path == "/registry/_changes":
            self.answer_changes(request, query)
        elif path.startswith("/registry/"):
            self.answer_document(request, urllib.parse.unquote(path[len("/registry/"):]))
        else:
            self.send(request, 404, {"error": "not_found", "reason": "Database does not exist."})

    def answer_changes(self, request, query):
        since = int(query.get("since", "0").split("-")[0])
        deadline = time.monotonic() + (int(query["timeout"]) / 1000 if query.get("feed") == "longpoll" else 0)
        while True:
            with self.lock:
                later = [row for row in self.changes if int(row["seq"].split("-")[0]) > since]
            if later or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        rows = later[:int(query["limit"])]
        last = rows[-1]["seq"] if rows else query.get("since", "0")
        self.send(request, 200, {"results": rows, "last_seq": last, "pending": len(later) - len(rows)})

    def answer_document(self, request, name):
        document = self.documents.get(name)
        if document is None or document.get("_deleted"):
            self.send(request, 404, {"error": "not_found", "reason": "missing"})
            return
        if name in self.damaged:
            self.send(request, 500, {"error": "badmatch", "reason": "{badmatch,eof}"})
            return
        self.fetched.append(name)
        attachments = document.get("_attachments", {})
        if not attachments:
            self.send(request, 200, document)
            return
        parts, stated = [], {}
        for key, value in attachments.items():
            data = base64.b64decode(value["data"])
            stated[key] = {"content_type": value["content_type"], "revpos": 1, "digest": value.get("digest", ""),
                           "length": len(data), "follows": True}
            parts.append(data)
        boundary = b"8d2f6c0b"
        body = b"--" + boundary + b"\r\nContent-Type: application/json\r\n\r\n"
        body += json.dumps({**document, "_attachments": stated}, ensure_ascii=False).encode()
        for data in parts:
            body += b"\r\n--" + boundary + b"\r\nContent-Length: " + str(len(data)).encode() + b"\r\n\r\n" + data
        body += b"\r\n--" + boundary + b"--"
        if self.broken_answers > 0:
            self.broken_answers -= 1
            request.send_response(200)
            request.send_header("Content-Type", 'multipart/related; boundary="8d2f6c0b"')
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body[:len(body) // 2])
            request.close_connection = True
            return
        self.send(request, 200, body, 'multipart/related; boundary="8d2f6c0b"')


def make_document(name, rev, *versions):
    attachments, listed = {}, {}
    for version in versions:
        tarball = f"{name} {version}".encode() * 100
        listed[version] = {"name": name, "version": version,
                           "dist": {"shasum": hashlib.sha1(tarball).hexdigest(),
                                    "tarball": f"http://registry.example/{name}/-/{name}-{version}.tgz"}}
        attachments[f"{name}-{version}.tgz"] = {"content_type": "application/octet-stream",
                                                "data": base64.b64encode(tarball).decode()}
    times = {version: "2012-01-01T12:00:00.000Z" for version in versions}
    return {"_id": name, "_rev": rev, "name": name, "dist-tags": {"latest": versions[-1]}, "versions": listed,
            "time": {"created": "2012-01-01T12:00:00.000Z", "modified": "2012-01-01T12:00:00.000Z", **times},
            "maintainers": [{"name": "m", "email": "m@mail.example"}], "_attachments": attachments}


class LiveTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-import-live-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = self.folder / "data"

    def couch(self, documents):
        couch = Couch(documents)
        couch.start()
        self.addCleanup(couch.stop)
        return couch

    def test_everything_once(self):
        couch = self.couch(SOURCE.values())
        code, rows, errors = run_import(self.data, couch.url())
        self.assertEqual(code, 3, errors)
        self.assertEqual(summary(rows)["imported"], len(PACKAGES))
        self.assertNotIn("secret", errors + json.dumps(rows))
        fetched = len(couch.fetched)
        # From where it came to: nothing is fetched again, nor is it from the start.
        code, rows, errors = run_import(self.data, couch.url())
        self.assertEqual((code, len(couch.fetched)), (0, fetched), errors)
        code, rows, errors = run_import(self.data, couch.url(), "--from-start")
        self.assertEqual(summary(rows)["unchanged"], len(PACKAGES), errors)
        done = subprocess.run([BINARY, "verify", "--deep", "--data", str(self.data)], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_broken_connections_are_tried_again(self):
        couch = self.couch([make_document("a", "1-a", "1.0.0"), make_document("b", "1-b", "1.0.0")])
        couch.broken_answers = 2
        code, rows, errors = run_import(self.data, couch.url())
        self.assertEqual(code, 0, errors)
        self.assertEqual(summary(rows)["tarballs"], 2)
        self.assertIn("trying again", errors)

    def test_a_damaged_document_costs_itself_alone(self):
        couch = self.couch([make_document(name, f"1-{name}", "1.0.0") for name in "abc"])
        couch.damaged = {"b"}
        code, rows, errors = run_import(self.data, couch.url())
        self.assertEqual(code, 3, errors)
        self.assertEqual(summary(rows)["imported"], 2)
        told = [row for row in rows if row["type"] == "source"]
        self.assertEqual([row["where"] for row in told], ["b"])
        self.assertIn("badmatch,eof", told[0]["what"])
        couch.damaged.clear()
        code, rows, errors = run_import(self.data, couch.url(), "--from-start")
        self.assertEqual((code, summary(rows)["imported"], summary(rows)["unchanged"]), (0, 1, 2), errors)

    def test_clear_errors(self):
        couch = self.couch([])
        for url, words in ((couch.url(credentials="reader:wrong@"), "Name or password is incorrect"),
                           (couch.url(credentials=""), "user and password"),
                           (couch.url("/nothing"), "Database does not exist"),
                           (couch.url(""), "name a database"),
                           ("http://127.0.0.1:9/registry", "127.0.0.1"),
                           ("http://", "not a URL")):
            with self.subTest(url=url):
                code, _, errors = run_import(self.data, url)
                self.assertEqual(code, 1, errors)
                self.assertIn(words, errors)
                self.assertNotIn("wrong@", errors)

    def test_follow_survives_restarts_of_both_sides(self):
        couch = self.couch([make_document("a", "1-a", "1.0.0")])
        follower = self.follow(couch)
        self.wait_for(couch, "a", "1-a")
        couch.put(make_document("a", "2-b", "1.0.0", "1.1.0"))
        self.wait_for(couch, "a", "2-b")
        couch.stop()
        time.sleep(1)
        couch.put(make_document("b", "1-b", "1.0.0"))
        couch.start()
        self.wait_for(couch, "b", "1-b")
        follower.send_signal(signal.SIGKILL)
        follower.wait()
        couch.put(make_document("c", "1-c", "1.0.0"))
        couch.put({"_id": "a", "_rev": "3-d", "_deleted": True})
        follower = self.follow(couch)
        self.wait_for(couch, "c", "1-c")
        follower.send_signal(signal.SIGINT)
        self.assertEqual(follower.wait(timeout=20), 0, follower.stderr.read())
        done = subprocess.run([BINARY, "import", "couchdb", couch.url(), "--from-start", "--data", str(self.data), "--json"],
                              capture_output=True, timeout=60)
        rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
        self.assertEqual(summary(rows)["unchanged"], 2, done.stdout.decode() + done.stderr.decode())
        self.assertEqual(summary(rows)["imported"], 0)

    def follow(self, couch):
        process = subprocess.Popen([BINARY, "import", "couchdb", couch.url(), "--follow", "--data", str(self.data)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        def end():
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stderr.close()

        self.addCleanup(end)
        return process

    def wait_for(self, couch, name, rev, timeout=30):
        """Until the document was fetched in this revision: what follows it in the feed can only come later."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if name in couch.fetched and couch.documents[name]["_rev"] == rev:
                couch.fetched.clear()
                time.sleep(0.5)
                return
            time.sleep(0.1)
        self.fail(f"{name} {rev} was not fetched")


if __name__ == "__main__":
    unittest.main()
