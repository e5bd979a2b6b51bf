#!/usr/bin/env python3
"""`tarn import couchdb` of everything that CouchDB 1.1.2, 1.6.1 and 3.5.0 wrote of one small registry
(migrate/testdata/couchdb), and what a server answers afterwards, compared with the source and with expected.json.
"""

import base64
import copy
import gzip
import hashlib
import json
import os
import pathlib
import pty
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse

from common import BINARY, Tarn, User, publish

DATA = pathlib.Path(__file__).resolve().parents[2] / "migrate" / "testdata" / "couchdb"
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
# Names to which no path leads: a slash that is no scope's, where the registry's own routes are, what browsers ask for.
UNSERVABLE = ('100%41 c++ "q" a/b?x#y', "-", "favicon.ico")
PACKAGES = {name: doc for name, doc in EXPECTED["docs"].items() if doc["kind"] == "package" and name not in UNSERVABLE}


def source_documents():
    rows = json.loads((DATA / "3.5.0/all_docs.attachments.json").read_text(encoding="utf-8"))["rows"]
    return {row["id"]: row["doc"] for row in rows}


SOURCE = source_documents()


def run_import(data, *arguments, stdin=None):
    """Exit status, what was printed as rows of JSON, and standard error."""
    data.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([BINARY, "import", "couchdb", *map(str, arguments), "--data", str(data), "--json"],
                          input=stdin, capture_output=True, timeout=120)
    rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    return done.returncode, rows, done.stderr.decode()


def summary(rows):
    return next(row for row in rows if row["type"] == "summary")


def path_of(name):
    return "/" + urllib.parse.quote(name, safe="@")


def comparable(document, of_source):
    """What must be equal: all but the fields that docs/import.md names."""
    result = copy.deepcopy(document)
    for field in ("_id", "_rev", "_attachments", "name"):
        result.pop(field, None)
    if "time" not in of_source:
        result.pop("time", None)
    for key, version in result.get("versions", {}).items():
        source_version = of_source["versions"][key]
        dist = version.get("dist", {})
        dist.pop("signatures", None)
        for field in ("integrity", "shasum", "tarball"):
            if field not in source_version.get("dist", {}):
                dist.pop(field, None)
        if "foreign-tarball-url" in PACKAGES[of_source["_id"]]["oddities"]:
            dist.pop("tarball", None)
        if "tarball" in dist:
            dist["tarball"] = urllib.parse.unquote(dist["tarball"]).rpartition("/")[2]
        if not dist and "dist" not in source_version:
            version.pop("dist", None)
    return result


class ImportCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-import-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = self.folder / "data"

    def verify(self):
        done = subprocess.run([BINARY, "verify", "--deep", "--data", str(self.data)], capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout.decode()[-4000:] + done.stderr.decode()[-1000:])

    def serve(self):
        tarn = Tarn(BINARY, self.folder)
        self.addCleanup(self.stop, tarn)
        return tarn

    def stop(self, tarn):
        if tarn.process.poll() is None:
            self.assertEqual(tarn.stop(), [])

    def check_packages(self, tarn, names, exact=True):
        for name in names:
            with self.subTest(package=name):
                answer = tarn.request("GET", path_of(name))
                self.assertEqual(answer.status, 200, name)
                served = answer.json()
                if exact:
                    self.assertEqual(comparable(served, SOURCE[name]), comparable(SOURCE[name], SOURCE[name]))
                self.check_versions(tarn, name, served)

    def check_versions(self, tarn, name, served):
        expected = PACKAGES[name]["versions"]
        self.assertEqual(set(served.get("versions", {})), set(expected))
        for version, facts in expected.items():
            url = served["versions"][version].get("dist", {}).get("tarball")
            if facts["status"] == "missing-attachment":
                if url:
                    self.assertEqual(tarn.request("GET", urllib.parse.urlsplit(url).path).status, 404, url)
                continue
            self.assertTrue(url.startswith(tarn.url), url)
            tarball = tarn.request("GET", urllib.parse.urlsplit(url).path)
            self.assertEqual(tarball.status, 200, url)
            self.assertEqual(hashlib.sha1(tarball.body).hexdigest(), facts["sha1"], url)
            abbreviated = tarn.request("GET", f"{path_of(name)}/{urllib.parse.quote(version, safe='')}")
            self.assertEqual(abbreviated.status, 200, (name, version))

    def check_rows(self, rows, names):
        packages = {row["package"]: row for row in rows
                    if row["type"] == "package" and row["status"] in ("imported", "updated")}
        for name in names:
            facts = PACKAGES[name]
            reported = {version["version"]: version for version in packages[name]["versions"]}
            self.assertEqual(set(reported), set(facts["versions"]), name)
            for version, expected in facts["versions"].items():
                self.assertEqual(reported[version]["status"], expected["status"], (name, version))
                if expected["attachment"]:
                    self.assertEqual(reported[version]["sha1"], expected["sha1"])
                    self.assertEqual(reported[version]["integrity"], expected["sha512"])
                    self.assertEqual(reported[version]["bytes"], expected["bytes"])
            found = {finding["finding"] for finding in packages[name]["findings"]}
            for oddity in ("invalid-semver", "semver-duplicate", "orphan-attachment", "missing-attachment",
                           "digest-mismatch", "no-shasum", "no-dist", "foreign-tarball-url",
                           "id-differs-from-name", "tag-to-missing-version", "no-latest", "no-time",
                           "version-field-differs", "maintainers-odd"):
                if oddity in facts["oddities"]:
                    self.assertIn(oddity, found, name)


class DumpTest(ImportCase):
    def whole(self, *arguments, stdin=None, exact=True):
        code, rows, errors = run_import(self.data, *arguments, stdin=stdin)
        self.assertEqual(code, 3, errors)
        self.check_rows(rows, PACKAGES)
        total = summary(rows)
        self.assertTrue(total["complete"])
        self.assertNotIn("md5-mismatch", total["findings"])
        self.verify()
        tarn = self.serve()
        self.check_packages(tarn, PACKAGES, exact)
        for name in ("was-deleted", "deleted-with-body", "all-deleted", "ping", "just-a-name"):
            self.assertEqual(tarn.request("GET", "/" + name).status, 404, name)
        return tarn, rows

    def test_all_docs(self):
        tarn, rows = self.whole(DATA / "3.5.0/all_docs.attachments.json")
        self.assertEqual(summary(rows)["versions"], EXPECTED["totals"]["versions"] -
                         sum(len(EXPECTED["docs"][name]["versions"]) for name in UNSERVABLE))
        self.check_orphans(tarn)
        self.check_life_goes_on(tarn)

    def check_orphans(self, tarn):
        for name in ("orphan-attachment", "odd-attachments"):
            for file, facts in EXPECTED["docs"][name]["other_attachments"].items():
                answer = tarn.request("GET", f"/{name}/-/{urllib.parse.quote(file, safe='')}")
                self.assertEqual(answer.status, 200, file)
                self.assertEqual(hashlib.sha1(answer.body).hexdigest(), facts["sha1"], file)

    def check_life_goes_on(self, tarn):
        """Imported packages are published into, deprecated and unpublished as any."""
        root = tarn.admin_token
        answer, _ = publish(tarn, root, "isarray", "9.0.0")
        self.assertEqual(answer.status, 201, answer.body)
        document = tarn.packument("isarray")
        self.assertEqual(document["dist-tags"]["latest"], "9.0.0")
        self.assertIn("2.0.5", document["versions"])
        self.assertEqual(tarn.tarball("isarray", "9.0.0").status, 200)
        # A number that was used once is never given again.
        again, _ = publish(tarn, root, "isarray", "2.0.5")
        self.assertEqual(again.status, 403, again.body)
        gone, _ = publish(tarn, root, "unpublished", "1.0.1")
        self.assertEqual(gone.status, 403, gone.body)
        # The first publish of a package that never had a version.
        first, _ = publish(tarn, root, "empty-package", "1.0.0")
        self.assertEqual(first.status, 201, first.body)
        # Among versions that no semver stands for.
        odd, _ = publish(tarn, root, "legacy-semver", "5.0.0")
        self.assertEqual(odd.status, 201, odd.body)
        document = tarn.packument("legacy-semver")
        self.assertIn("1.2.3.4", document["versions"])
        removed = tarn.request("DELETE", f"/legacy-semver/-rev/{document['_rev']}", token=root)
        self.assertEqual(removed.status, 200, removed.body)
        self.assertNotIn("versions", tarn.packument("legacy-semver"))

    def test_changes(self):
        self.whole(DATA / "3.5.0/changes.attachments.jsonl")

    def test_couchbackup(self):
        # JavaScript has rounded numbers in it, so the documents are not quite the same.
        self.whole(DATA / "3.5.0/couchbackup.attachments.txt", exact=False)

    def test_compressed_and_from_standard_input(self):
        plain = (DATA / "3.5.0/changes.attachments.jsonl").read_bytes()
        self.whole("-", stdin=gzip.compress(plain[:100_000]) + gzip.compress(plain[100_000:]))

    def test_database_files(self):
        for source, exact in (("3.5.0/couch/q2-snappy-fresh", True), ("1.6.1/registry.couch", False)):
            with self.subTest(source=source):
                self.data = self.folder / source.replace("/", "-") / "data"
                code, rows, errors = run_import(self.data, DATA / source)
                self.assertEqual(code, 3, errors)
                self.check_rows(rows, PACKAGES)
                self.verify()

    def test_stubs_are_said(self):
        code, rows, errors = run_import(self.data, DATA / "3.5.0/couchbackup.txt")
        self.assertEqual(code, 3, errors)
        self.assertEqual(summary(rows)["tarballs"], 0)
        self.assertGreaterEqual(summary(rows)["findings"]["missing-attachment"], 97)
        self.verify()

    def test_conflicts_are_resolved_as_couchdb_does(self):
        for source in ("3.5.0/couchbackup.attachments.txt", "3.5.0/multipart/conflicted.open_revs.mixed"):
            data = self.folder / source.replace("/", "-")
            code, rows, errors = run_import(data, DATA / source)
            self.assertEqual(code, 3, errors)
            of_conflicted = [row for row in rows if row.get("package") == "conflicted"]
            final = [row for row in of_conflicted if row["status"] in ("imported", "updated")][-1]
            self.assertEqual(final["rev"], EXPECTED["docs"]["conflicted"]["rev"])
            found = [finding for row in of_conflicted for finding in row["findings"]]
            self.assertIn("conflict", {finding["finding"] for finding in found})
            losers = {finding["where"] for finding in found if finding["finding"] == "only-in-losers"}
            self.assertEqual(losers, {"1.0.1"})

    def test_multipart(self):
        folder = DATA / "3.5.0/multipart"
        for source in sorted(folder.iterdir()):
            with self.subTest(source=source.name):
                data = self.folder / source.name
                code, rows, errors = run_import(data, source)
                self.assertIn(code, (0, 3), errors)
                imported = {row["package"]: row for row in rows
                            if row["type"] == "package" and row["status"] in ("imported", "updated")}
                self.assertTrue(imported)
                for name, row in imported.items():
                    for version in row["versions"]:
                        facts = PACKAGES[name]["versions"].get(version["version"])
                        if facts is None:
                            continue  # Of a leaf that lost later.
                        self.assertEqual(version["status"], facts["status"])
                        if facts["attachment"]:
                            self.assertEqual(version["sha1"], facts["sha1"], (name, version))


class RepeatTest(ImportCase):
    def test_twice_changes_nothing(self):
        code, _, _ = run_import(self.data, DATA / "3.5.0/all_docs.attachments.json")
        self.assertEqual(code, 3)
        before = subprocess.run([BINARY, "verify", "--data", str(self.data), "--json"], capture_output=True).stdout
        code, rows, errors = run_import(self.data, DATA / "3.5.0/all_docs.attachments.json")
        self.assertEqual(code, 3, errors)
        self.assertEqual(summary(rows)["imported"], 0)
        self.assertEqual(summary(rows)["unchanged"], len(PACKAGES))
        # The same again from another form of the same database.
        code, rows, errors = run_import(self.data, DATA / "3.5.0/changes.attachments.jsonl")
        self.assertEqual(summary(rows)["imported"], 0)
        self.assertEqual(summary(rows)["unchanged"], len(PACKAGES))
        after = subprocess.run([BINARY, "verify", "--data", str(self.data), "--json"], capture_output=True).stdout
        self.assertEqual(json.loads(before)["lsn"], json.loads(after)["lsn"])

    def test_verify_compares_with_the_source(self):
        source = DATA / "3.5.0/all_docs.attachments.json"
        run_import(self.data, source)

        def compare(path):
            done = subprocess.run([BINARY, "import", "verify", str(path), "--data", str(self.data), "--json"],
                                  capture_output=True, timeout=120)
            rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
            return done.returncode, summary(rows), rows

        code, total, _ = compare(source)
        self.assertEqual((total["same"], total["differing"]), (len(PACKAGES), 0))
        changed = json.loads(source.read_text(encoding="utf-8"))
        document = next(row["doc"] for row in changed["rows"] if row["id"] == "isarray")
        document["versions"]["1.0.0"]["description"] = "another"
        other = self.folder / "changed.json"
        other.write_text(json.dumps(changed), encoding="utf-8")
        code, total, rows = compare(other)
        self.assertEqual(code, 3)
        self.assertGreaterEqual(total["differing"], 1)

    def test_verify_compares_with_a_server_that_runs(self):
        source = DATA / "3.5.0/all_docs.attachments.json"
        run_import(self.data, source)
        tarn = self.serve()

        def compare(path):
            done = subprocess.run([BINARY, "import", "verify", str(path), "--against", tarn.url, "--json"],
                                  capture_output=True, timeout=120)
            rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
            return {row["package"]: [finding["what"] for finding in row["findings"]] for row in rows
                    if row.get("status") == "differs"}, summary(rows)

        differing, total = compare(source)
        self.assertEqual((total["same"], differing), (len(PACKAGES), {}))
        # Other bytes, another field, a version more here, one more there.
        changed = json.loads(source.read_text(encoding="utf-8"))
        documents = {row["id"]: row["doc"] for row in changed["rows"]}
        attachments = documents["isarray"]["_attachments"]
        attachments["isarray-1.0.0.tgz"]["data"] = base64.b64encode(b"other bytes").decode()
        del documents["jsonstream"]["versions"][next(iter(documents["jsonstream"]["versions"]))]
        documents["sigmund"]["description"] = "another"
        other = self.folder / "changed.json"
        other.write_text(json.dumps(changed), encoding="utf-8")
        answer, _ = publish(tarn, tarn.admin_token, "inherits", "99.0.0")
        self.assertEqual(answer.status, 201, answer.body)
        differing, total = compare(other)
        differing.pop("odd-json", None)  # Python knows no such numbers.
        self.assertEqual(set(differing), {"isarray", "jsonstream", "sigmund", "inherits"})
        self.assertIn("version 1.0.0, tarball: has other bytes there", differing["isarray"])
        self.assertTrue(any("there alone" in what for what in differing["jsonstream"]))
        self.assertIn("has another description there", differing["sigmund"])
        self.assertIn("version 99.0.0 is there alone", differing["inherits"])

    def test_dry_run_writes_nothing(self):
        code, rows, errors = run_import(self.data, DATA / "3.5.0/all_docs.attachments.json", "--dry-run")
        self.assertEqual(code, 3, errors)
        self.assertFalse(self.data.exists())
        self.check_rows(rows, PACKAGES)

    def test_what_changed_here_stays(self):
        run_import(self.data, DATA / "1.6.1/changes.attachments.subset.json")
        tarn = self.serve()
        answer, _ = publish(tarn, tarn.admin_token, "isarray", "9.0.0")
        self.assertEqual(answer.status, 201)
        tarn.stop()
        code, rows, errors = run_import(self.data, DATA / "3.5.0/all_docs.attachments.json")
        self.assertEqual(code, 3, errors)
        row = next(row for row in rows if row.get("package") == "isarray")
        self.assertEqual(row["status"], "kept")
        self.verify()


class ProgressTest(ImportCase):
    def test_a_bar_on_a_terminal(self):
        source = self.folder / "source"
        rows = json.loads((DATA / "3.5.0/all_docs.attachments.json").read_text(encoding="utf-8"))["rows"]
        document = next(row["doc"] for row in rows if row["id"] == "isarray")
        with open(source, "w", encoding="utf-8") as out:
            for i in range(60):  # Long enough for the bar to be drawn.
                more = {**document, "_id": f"isarray-{i}", "_attachments": {"more": {
                    "content_type": "x/x", "data": base64.b64encode(os.urandom(2_000_000)).decode()}}}
                out.write(json.dumps({"seq": i, "id": more["_id"], "changes": [{"rev": more["_rev"]}], "doc": more}) + "\n")
        terminal, end = pty.openpty()
        process = subprocess.Popen([BINARY, "import", "couchdb", str(source), "--data", str(self.data)],
                                   stdout=subprocess.DEVNULL, stderr=end)
        os.close(end)
        drawn = b""
        try:
            while piece := os.read(terminal, 65536):
                drawn += piece
        except OSError:
            pass  # How a terminal ends.
        os.close(terminal)
        self.assertEqual(process.wait(timeout=60), 3)
        self.assertRegex(drawn.decode(), r"\[#+\.*\] \S+: \d+ documents, \S+ MB of \S+ MB, \S+ MB/s, \d+ s left, \d+ findings")
        # Elsewhere there is a line now and then, and here none was due.
        done = subprocess.run([BINARY, "import", "couchdb", str(source), "--data", str(self.data)], capture_output=True, timeout=60)
        self.assertNotIn(b"\r", done.stderr)

    def test_a_report_in_words(self):
        report = self.folder / "report.txt"
        run_import(self.data, DATA / "3.5.0/couchbackup.attachments.txt", "--report", report)
        lines = report.read_text(encoding="utf-8").split("\n")
        facts = PACKAGES["isarray"]["versions"]["1.0.0"]
        self.assertIn(f"  isarray 1.0.0 ok {facts['bytes']} bytes, sha1 {facts['sha1']}, {facts['sha512']}, isarray-1.0.0.tgz", lines)
        self.assertTrue(any(line.startswith("  missing-attachment 0.0.2 missing-attachment; missing-attachment: ") for line in lines))
        self.assertIn(" packages imported, ", lines[-2])


class UsersTest(ImportCase):
    def test_passwords_work_at_once(self):
        for source in ("3.5.0/users/all_docs.json", "3.5.0/users/changes.jsonl", "3.5.0/users/couchbackup.txt",
                       "3.5.0/users/couch", "1.6.1/_users.couch"):
            with self.subTest(source=source):
                data = self.folder / source.replace("/", "-") / "data"
                arguments = ["--database", "_users"] if source.endswith("couch") else []
                code, rows, errors = run_import(data, DATA / source, *arguments)
                self.assertEqual(code, 3, errors)
                imported = {row["user"] for row in rows if row["type"] == "user" and row["status"] == "imported"}
                expected = {name for name, user in EXPECTED["users"][source[:5]].items() if not user.get("deleted")}
                self.assertEqual(imported, expected)
        self.data = self.folder / "3.5.0-users-all_docs.json" / "data"
        self.folder = self.data.parent
        tarn = self.serve()
        for name, user in EXPECTED["users"]["3.5.0"].items():
            if not user.get("password"):
                continue
            with self.subTest(user=name):
                self.assertEqual(self.log_in(tarn, name, "not " + user["password"]).status, 401)
                for _ in range(2):  # The second time it is a hash of ours.
                    answer = self.log_in(tarn, name, user["password"])
                    self.assertEqual(answer.status, 201, answer.body)
                    self.assertEqual(tarn.who_is(answer.json()["token"]), name)
        self.assertIn(self.log_in(tarn, "nopassword", "x").status, (401, 403))
        self.assertIn(self.log_in(tarn, "deleted-user", "x").status, (201, 401, 403))

    @staticmethod
    def log_in(tarn, name, password):
        document = {"_id": f"org.couchdb.user:{name}", "name": name, "password": password, "email": "x@mail.example",
                    "type": "user", "roles": []}
        return tarn.request("PUT", "/-/user/org.couchdb.user:" + urllib.parse.quote(name, safe=""), document)


class BadInputTest(ImportCase):
    def refused(self, content, *words, arguments=()):
        source = self.folder / "source"
        source.write_bytes(content)
        code, rows, errors = run_import(self.data, source, *arguments)
        self.assertEqual(code, 1, errors)
        for word in words:
            self.assertIn(word, errors)
        return rows

    def test_clear_errors(self):
        changes = (DATA / "3.5.0/changes.attachments.jsonl").read_bytes()
        all_docs = (DATA / "3.5.0/all_docs.attachments.json").read_bytes()
        self.refused(b"", "empty")
        self.refused(b"\x7fELF" + bytes(1000), "neither JSON")
        self.refused(b"{}", "not the database of a registry")
        self.refused(b'{"rows":[{"id":"a","key":"a","value":{"rev":"1-a"}}]}', "include_docs=true")
        self.refused(b'{"total_rows":1,"rows":[{"id":"a","doc":{"_id":"a","n":1}}]}', "not the database of a registry")
        self.refused(changes[:len(changes) // 2], "ends in the middle")
        self.refused(all_docs[:len(all_docs) // 2], "ends in the middle")
        self.refused(gzip.compress(changes)[:50_000], "ends in the middle")
        self.refused(b"\x1f\x8b" + bytes(200), "damaged")
        self.refused(gzip.compress(bytes(200_000_000)), "neither JSON")
        self.refused(b"[" * 2_000_000, "")
        self.refused(b'{"_id":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not the database of a registry")
        related = (DATA / "3.5.0/multipart/isarray.related").read_bytes()
        self.refused(related[:len(related) // 2], "ends in the middle")
        code, _, errors = run_import(self.data, self.folder / "missing")
        self.assertEqual(code, 1)
        self.assertIn("missing", errors)

    def test_a_file_is_what_its_bytes_say(self):
        # A database file without its ending, a dump with that of another, and the option that says it.
        database = DATA / "1.6.1/registry.couch"
        other = self.folder / "no-ending"
        shutil.copy(database, other)
        code, rows, errors = run_import(self.data, other)
        self.assertEqual((code, summary(rows)["imported"]), (3, len(PACKAGES)), errors)
        dump = self.folder / "dump.couch"
        shutil.copy(DATA / "3.5.0/all_docs.attachments.json", dump)
        code, rows, errors = run_import(self.folder / "second", dump)
        self.assertEqual((code, summary(rows)["imported"]), (3, len(PACKAGES)), errors)
        for path, form in ((DATA / "3.5.0/all_docs.attachments.json", "couch"), (database, "json"), (database, "multipart")):
            code, _, errors = run_import(self.folder / "third", path, "--format", form)
            self.assertEqual(code, 1, (form, errors))
            self.assertIn(path.name, errors)

    def test_half_a_database_file_gives_what_is_readable(self):
        whole = (DATA / "1.6.1/registry.couch").read_bytes()
        source = self.folder / "half.couch"
        source.write_bytes(whole[:len(whole) * 2 // 3])
        code, rows, errors = run_import(self.data, source)
        self.assertIn(code, (1, 3), errors)
        self.assertIn("source", {row["type"] for row in rows})
        code, rows, errors = run_import(self.data, DATA / "1.6.1/registry.couch")
        self.assertEqual(summary(rows)["imported"] + summary(rows)["updated"] + summary(rows)["unchanged"], len(PACKAGES), errors)
        self.verify()

    def test_what_is_too_large_or_no_base64_costs_itself_alone(self):
        good = json.loads((DATA / "3.5.0/all_docs.attachments.json").read_text(encoding="utf-8"))["rows"]
        document = next(row["doc"] for row in good if row["id"] == "isarray")
        broken = json.loads(json.dumps(document))
        broken["_id"] = broken["name"] = "broken"
        broken["_attachments"]["isarray-1.0.0.tgz"]["data"] = "this is !! no base64"
        large = {"_id": "large", "_rev": "1-a", "name": "large", "versions": {}, "readme": "x" * (65 << 20)}
        source = self.folder / "source"
        source.write_text(json.dumps({"docs": [large, broken, document]}), encoding="utf-8")
        code, rows, errors = run_import(self.data, source)
        self.assertEqual((code, summary(rows)["imported"]), (3, 2), errors)
        told = {row["where"]: row["what"] for row in rows if row["type"] == "source"}
        self.assertIn("larger than", told["large"])
        self.assertIn("isarray-1.0.0.tgz", told["broken"])
        self.assertEqual(summary(rows)["findings"]["damaged-attachment"], 1)

    def test_one_damaged_line_costs_one_document(self):
        lines = (DATA / "3.5.0/changes.attachments.jsonl").read_bytes().split(b"\n")
        # Not the first: a file whose first line is damaged is no dump.
        damaged = next(i for i, line in enumerate(lines) if i > 5 and json.loads(line)["id"] in PACKAGES)
        lines[damaged] = lines[damaged][:500]
        source = self.folder / "source"
        source.write_bytes(b"\n".join(lines))
        code, rows, errors = run_import(self.data, source)
        self.assertEqual(code, 3, errors)
        self.assertIn("source", {row["type"] for row in rows})
        self.assertEqual(summary(rows)["imported"], len(PACKAGES) - 1)

    def test_couchdbs_digest_is_checked_where_there_is_no_shasum(self):
        dump = json.loads((DATA / "3.5.0/all_docs.attachments.json").read_text(encoding="utf-8"))
        documents = {row["id"]: row["doc"] for row in dump["rows"]}
        wrong = "md5-" + base64.b64encode(bytes(16)).decode()
        for name, file in (("odd-attachments", "empty.bin"), ("isarray", "isarray-1.0.0.tgz")):
            documents[name]["_attachments"][file]["digest"] = wrong
        source = self.folder / "source.json"
        source.write_text(json.dumps(dump), encoding="utf-8")
        code, rows, errors = run_import(self.data, source)
        self.assertEqual(code, 3, errors)
        found = [(row["package"], finding["where"]) for row in rows if row["type"] == "package"
                 for finding in row["findings"] if finding["finding"] == "md5-mismatch"]
        # Of the other one the SHA-1 says that it is right.
        self.assertEqual(found, [("odd-attachments", "empty.bin")])
        self.assertEqual(summary(rows)["imported"], len(PACKAGES))

    def test_a_running_server_is_said(self):
        self.serve()
        code, _, errors = run_import(self.data, DATA / "1.6.1/changes.attachments.subset.json")
        self.assertEqual(code, 1)
        self.assertIn("stop the server", errors)


if __name__ == "__main__":
    unittest.main()
