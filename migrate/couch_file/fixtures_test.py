#!/usr/bin/env python3
"""Reads database files that CouchDB 3.5.0, 1.6.1 and 1.1.2 wrote, and compares all that is in them with expected.json and
with what the same CouchDB answered over HTTP (migrate/testdata/couchdb/README.md).

Environment: COUCH_FILE_DUMP, the binary of dump_for_test.cc.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

DATA = pathlib.Path(__file__).resolve().parents[1] / "testdata" / "couchdb"
DUMP = os.environ["COUCH_FILE_DUMP"]
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))



def run(*arguments):
    done = subprocess.run([DUMP, *map(str, arguments)], capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def dump(*arguments):
    """Documents by id, and findings."""
    code, out, errors = run(*arguments)
    assert code == 0, errors
    documents, findings = {}, []
    for line in out.split("\n"):
        if not line:
            continue
        # Numbers stay what they are, letter for letter.
        row = json.loads(line, parse_float=lambda text: ("float", float(text)))
        if "finding" in row:
            findings.append(row)
        else:
            assert row["id"] not in documents, row["id"]
            documents[row["id"]] = row
    return documents, findings


def exact(text):
    return json.loads(text, parse_float=lambda number: ("float", float(number)))


def own(document):
    """Without what CouchDB adds."""
    return {key: value for key, value in document.items()
            if not key.startswith("_") or key in ("_id", "_rev", "_deleted")}


def changes(path):
    """Bodies by id from a continuous feed."""
    bodies = {}
    for line in (DATA / path).read_text(encoding="utf-8").split("\n"):
        row = exact(line) if line else {}
        if "doc" in row:
            bodies[row["id"]] = row["doc"]
    return bodies


def backup():
    """Leaves by (id, rev) from couchbackup."""
    leaves = {}
    for line in (DATA / "3.5.0/couchbackup.txt").read_text(encoding="utf-8").split("\n")[1:]:
        for document in exact(line) if line else []:
            leaves[document["_id"], document["_rev"]] = document
    return leaves


LEAVES = backup()


class Documents(unittest.TestCase):
    def check_documents(self, documents, ids, revision):
        self.assertEqual(sorted(documents), sorted(ids))
        for id_ in ids:
            expected, found = EXPECTED["docs"][id_], documents[id_]
            with self.subTest(id=id_):
                self.assertEqual(found["rev"], expected.get(revision) or expected["rev"])
                self.assertEqual(found["deleted"], expected["kind"] == "tombstone")
                if revision == "rev":
                    self.assertEqual(found["conflicts"], expected.get("conflicts", []))
                    losers = {rev for leaf_id, rev in LEAVES if leaf_id == id_} - {found["rev"]}
                    self.assertEqual(losers, {*found["conflicts"], *found["deleted_conflicts"]})
                else:
                    self.assertEqual(len(found["conflicts"]), len(expected.get("conflicts", [])))
                self.check_attachments(found, expected)

    def check_attachments(self, found, expected):
        wanted = {}
        for version in expected.get("versions", {}).values():
            # An attachment that does not exist is named all the same.
            if version["attachment"] is not None and version["status"] != "missing-attachment":
                wanted[version["attachment"]] = version
        wanted.update(expected.get("other_attachments", {}))
        self.assertEqual(sorted(found["attachments"]), sorted(wanted))
        for name, attachment in wanted.items():
            got = found["attachments"][name]
            self.assertEqual(got["sha1"], attachment["sha1"], name)
            self.assertEqual(got["bytes"], attachment["bytes"], name)
            self.assertEqual(got["length"], attachment["bytes"], name)
            if "sha512" in attachment:
                self.assertEqual(got["sha512"], attachment["sha512"], name)
            if "content_type" in attachment:
                self.assertEqual(got["content_type"], attachment["content_type"], name)

    def check_bodies(self, documents, bodies):
        for id_, found in documents.items():
            with self.subTest(id=id_):
                wanted = own(bodies[id_])
                if found["body"] is None:
                    self.assertEqual(set(wanted), {"_id", "_rev", "_deleted"})
                else:
                    self.assertEqual(list(found["body"].items()), sorted_as(found["body"], wanted))

    def check_digests(self, documents, bodies):
        """CouchDB's digests are of the stored bytes: also of those that it compressed."""
        for id_, found in documents.items():
            stubs = bodies[id_].get("_attachments", {})
            for name, got in found["attachments"].items():
                self.assertEqual(got["digest"], stubs[name]["digest"], (id_, name))

    def test_of_3_5(self):
        bodies = changes("3.5.0/changes.attachments.jsonl")
        all_ids, subset = EXPECTED["docs"], EXPECTED["subset"]
        for path, ids in [("q2-snappy-fresh", all_ids), ("q2-snappy-compacted", all_ids),
                          ("q1-deflate_6.couch", subset), ("q1-none.couch", subset)]:
            with self.subTest(path=path):
                documents, findings = dump(DATA / "3.5.0/couch" / path)
                self.assertEqual(findings, [])
                self.check_documents(documents, ids, "rev")
                self.check_bodies(documents, bodies)
                self.check_digests(documents, bodies)

    def test_of_1_6(self):
        documents, findings = dump(DATA / "1.6.1", "registry")
        self.assertEqual(findings, [])
        self.check_documents(documents, EXPECTED["docs"], "rev_1x")
        feed = exact((DATA / "1.6.1/changes.attachments.subset.json").read_text(encoding="utf-8"))
        bodies = {row["id"]: row["doc"] for row in feed["results"]}
        self.check_bodies({id_: documents[id_] for id_ in EXPECTED["subset"]}, bodies)
        self.check_digests({id_: documents[id_] for id_ in EXPECTED["subset"]}, bodies)

    def test_of_1_1(self):
        documents, findings = dump(DATA / "1.1.2/registry.subset.couch")
        self.assertEqual(findings, [])
        self.check_documents(documents, EXPECTED["subset"], "rev_1x")
        feed = exact((DATA / "1.6.1/changes.attachments.subset.json").read_text(encoding="utf-8"))
        self.check_bodies(documents, {row["id"]: row["doc"] for row in feed["results"]})

    def test_bodies_of_losers(self):
        for path in ["q2-snappy-fresh", "q2-snappy-compacted", "q1-none.couch"]:
            documents, _ = dump(DATA / "3.5.0/couch" / path)
            found = documents["conflicted"]
            self.assertEqual(list(found["conflicting_bodies"]), found["conflicts"])
            for rev, body in found["conflicting_bodies"].items():
                self.assertEqual(body, own(LEAVES["conflicted", rev]))

    def test_accounts(self):
        bodies = changes("3.5.0/users/changes.jsonl")
        documents, findings = dump(DATA / "3.5.0/users/couch")
        self.assertEqual(findings, [])
        self.check_bodies(documents, bodies)
        for version, path, database in [("3.5.0", "3.5.0/users/couch", "_users"), ("1.6.1", "1.6.1", "_users")]:
            documents, findings = dump(DATA / path, database)
            self.assertEqual(findings, [])
            for name, account in EXPECTED["users"][version].items():
                body = documents["org.couchdb.user:" + name]["body"]
                for field in ("salt", "derived_key", "iterations"):
                    if field in account:
                        self.assertEqual(body[field], account[field], (version, name))

    def test_single_documents(self):
        file = DATA / "3.5.0/couch/q1-none.couch"
        whole, _ = dump(file)
        for id_ in EXPECTED["subset"]:
            documents, _ = dump("--document", id_, file)
            self.assertEqual(documents, {id_: whole[id_]})
        for missing in ["nobody", "", "_local/checkpoint-abc", "zzzz"]:
            code, _, errors = run("--document", missing, file)
            self.assertEqual((code, "NotFound" in errors), (1, True), missing)

    def test_security(self):
        wanted = json.loads((DATA / "3.5.0/security.json").read_text())
        for path in ["3.5.0/couch/q2-snappy-fresh/shards/00000000-7fffffff/registry.1795472227.couch",
                     "3.5.0/couch/q2-snappy-compacted/shards/80000000-ffffffff/registry.1795472227.couch",
                     "1.6.1/registry.couch"]:
            code, out, errors = run("--security", DATA / path)
            self.assertEqual((code, json.loads(out)), (0, wanted), errors)
        wanted = json.loads((DATA / "3.5.0/users/security.json").read_text())
        for path in (DATA / "3.5.0/users/couch/shards").glob("*/*.couch"):
            code, out, errors = run("--security", path)
            self.assertEqual((code, json.loads(out)), (0, wanted), errors)
        # It never had one.
        self.assertEqual(run("--security", DATA / "1.1.2/registry.subset.couch"), (0, "\n", ""))

    def test_folders(self):
        for path, wanted in [("3.5.0/couch", "no database"), ("nowhere", "no CouchDB database file"),
                             ("expected.json", "no whole CouchDB database header")]:
            code, _, errors = run(DATA / path, *(["x"] if path == "3.5.0/couch" else []))
            self.assertEqual((code, wanted in errors), (1, True), errors)

    def test_one_shard_is_not_the_database(self):
        shards = DATA / "3.5.0/couch/q2-snappy-fresh/shards"
        for path in [shards / "80000000-ffffffff", next((shards / "80000000-ffffffff").iterdir())]:
            documents, findings = dump(path)
            self.assertTrue(0 < len(documents) < len(EXPECTED["docs"]))
            self.assertIn("00000000-7fffffff", findings[0]["finding"])

    def test_leftovers(self):
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "data"
            shutil.copytree(DATA / "3.5.0/couch/q2-snappy-compacted", data)
            for shard in (data / "shards").iterdir():
                current = next(shard.iterdir())
                # An older database of this name, a deleted one, what compactions leave, an index.
                for name in ["registry.1600000000.couch", "registry.1795472227.couch.compact",
                             "registry.1795472227.couch.compact.data", "registry.1795472227.couch.compact.meta",
                             "registry.1795472227.20260101.deleted.couch"]:
                    (shard / name).write_bytes(b"not to be read")
                    self.assertNotEqual(shard / name, current)
            (data / ".delete").mkdir()
            (data / ".delete" / "gone.couch").write_bytes(b"")
            documents, findings = dump(data)
            self.assertEqual(sorted(documents), sorted(EXPECTED["docs"]))
            self.assertEqual({finding["severity"] for finding in findings}, {0})
            # The switch of a compaction was interrupted.
            current = next((data / "shards/00000000-7fffffff").glob("registry.1795472227.couch"))
            current.rename(str(current) + ".compact")
            documents, findings = dump(data)
            self.assertEqual(sorted(documents), sorted(EXPECTED["docs"]))
            self.assertEqual(max(finding["severity"] for finding in findings), 1)


def sorted_as(found, wanted):
    """wanted's members in found's order where both have them: CouchDB prints _id and _rev first, and so do we."""
    return [(key, wanted[key]) for key in found if key in wanted] + \
           [(key, wanted[key]) for key in wanted if key not in found]


if __name__ == "__main__":
    unittest.main()
