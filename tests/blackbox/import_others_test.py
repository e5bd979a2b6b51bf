#!/usr/bin/env python3
"""Imports that are not from CouchDB alone: tarballs from elsewhere for dumps that have none, a registry by its protocol with a
list or a lockfile, a Verdaccio's storage folder with what goes wrong in one.
"""

import base64
import hashlib
import json
import subprocess
import unittest
import urllib.parse

from common import BINARY, Tarn, integrity, make_tarball, publish
from import_couchdb_test import DATA, PACKAGES, SOURCE, ImportCase, path_of, run_import, summary

BACKUP = DATA / "3.5.0/couchbackup.txt"


def run_other(kind, data, *arguments):
    done = subprocess.run([BINARY, "import", kind, *map(str, arguments), "--data", str(data), "--json"],
                          capture_output=True, timeout=120)
    rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    return done.returncode, rows, done.stderr.decode()


def findings(rows, kind):
    return [(row["package"], finding["where"]) for row in rows if row["type"] == "package"
            for finding in row["findings"] if finding["finding"] == kind]


class TarballsTest(ImportCase):
    """A couchbackup without --attachments."""

    def origin(self):
        """A registry that still serves what the backup is of."""
        folder = self.folder / "origin"
        code, _, errors = run_import(folder / "data", DATA / "3.5.0/all_docs.attachments.json")
        self.assertEqual(code, 3, errors)
        tarn = Tarn(BINARY, folder)
        self.addCleanup(self.stop, tarn)
        return tarn

    def write_folder(self):
        folder = self.folder / "tarballs"
        for name, document in SOURCE.items():
            for file, attachment in document.get("_attachments", {}).items():
                path = folder / name / file
                if name in PACKAGES and file in {facts["attachment"] for facts in PACKAGES[name]["versions"].values()}:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(base64.b64decode(attachment["data"]))
        return folder

    def test_it_says_that_there_are_none_and_takes_them_later(self):
        code, rows, errors = run_import(self.data, BACKUP)
        self.assertEqual(code, 3, errors)
        self.assertEqual(summary(rows)["tarballs"], 0)
        told = [row["what"] for row in rows if row["type"] == "source"]
        self.assertTrue(any("NO TARBALLS" in what and "--tarballs" in what for what in told), told)
        code, rows, errors = run_import(self.data, BACKUP, "--tarballs", self.write_folder())
        self.assertEqual(code, 3, errors)
        self.assertEqual(summary(rows)["tarballs"], EXPECTED_TARBALLS, errors)
        self.verify()
        # And then there is nothing left to do.
        code, rows, errors = run_import(self.data, BACKUP, "--tarballs", self.folder / "tarballs")
        self.assertEqual((summary(rows)["imported"], summary(rows)["updated"]), (0, 0), errors)
        # Nor is anything lost when the backup is imported without them once more.
        code, rows, errors = run_import(self.data, BACKUP)
        self.assertEqual((summary(rows)["imported"], summary(rows)["updated"]), (0, 0), errors)
        self.check_packages(self.serve(), PACKAGES, exact=False)

    def test_from_a_registry_that_runs(self):
        origin = self.origin()
        code, rows, errors = run_import(self.data, BACKUP, "--tarballs", origin.url)
        self.assertEqual(code, 3, errors)
        self.assertEqual(summary(rows)["tarballs"], EXPECTED_TARBALLS, errors)
        self.verify()
        self.check_packages(self.serve(), PACKAGES, exact=False)

    def test_a_place_that_is_not_there(self):
        code, _, errors = run_import(self.data, BACKUP, "--tarballs", self.folder / "nowhere")
        self.assertEqual(code, 1)
        self.assertIn("nowhere", errors)


EXPECTED_TARBALLS = sum(1 for doc in PACKAGES.values() for version in doc["versions"].values() if version["attachment"])


class RegistryTest(ImportCase):
    def setUp(self):
        super().setUp()
        self.origin = Tarn(BINARY, self.folder / "origin")
        self.addCleanup(self.stop, self.origin)
        self.published = {}
        for name, version in (("a", "1.0.0"), ("a", "1.1.0"), ("a", "2.0.0"), ("@s/b", "0.1.0"), ("c", "1.0.0")):
            answer, tarball = publish(self.origin, self.origin.admin_token, name, version)
            self.assertEqual(answer.status, 201, answer.body)
            self.published[(name, version)] = tarball

    def write(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def check(self, tarn, name, *versions):
        served = tarn.packument(name)
        self.assertEqual(sorted(served["versions"]), sorted(versions))
        theirs = self.origin.packument(name)
        for version in versions:
            ours = served["versions"][version]
            for manifest in (ours, theirs["versions"][version]):
                manifest["dist"].pop("tarball")
                manifest["dist"].pop("signatures", None)
            self.assertEqual(ours, theirs["versions"][version])
            self.assertEqual(tarn.tarball(name, version).body, self.published[(name, version)])

    def test_lockfiles(self):
        first = self.write("package-lock.json", {"lockfileVersion": 3, "packages": {
            "": {"name": "app"}, "node_modules/a": {"version": "1.0.0", "resolved": self.origin.url + "/a/-/a-1.0.0.tgz"},
            "node_modules/local": {"link": True, "resolved": "local"},
            "node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@git.example/x.git#1"},
            "node_modules/alias": {"name": "@s/b", "version": "0.1.0"}}})
        code, rows, errors = run_other("registry", self.data, self.origin.url, "--from", first)
        self.assertEqual(code, 3, errors)  # Of git there is nothing to import.
        self.assertEqual(summary(rows)["imported"], 2, errors)
        self.assertIn("git", " ".join(row["what"] for row in rows if row["type"] == "source"))
        second = self.write("npm-shrinkwrap.json", {"lockfileVersion": 1, "dependencies": {
            "c": {"version": "1.0.0", "dependencies": {"a": {"version": "1.1.0"}}}}})
        code, rows, errors = run_other("registry", self.data, self.origin.url, "--from", second)
        self.assertEqual((code, summary(rows)["imported"], summary(rows)["updated"]), (0, 1, 1), errors)
        # Once more, and as one: nothing changes.
        for lock, count in ((first, 2), (second, 2)):
            code, rows, errors = run_other("registry", self.data, self.origin.url, "--from", lock)
            self.assertEqual((summary(rows)["unchanged"], summary(rows)["updated"]), (count, 0), errors)
        self.verify()
        tarn = self.serve()
        self.check(tarn, "a", "1.0.0", "1.1.0")
        self.check(tarn, "@s/b", "0.1.0")
        self.check(tarn, "c", "1.0.0")
        self.assertEqual(tarn.packument("a")["dist-tags"], {"latest": "1.1.0"})
        # A version that was not locked was never here.
        answer, _ = publish(tarn, tarn.admin_token, "a", "2.0.0")
        self.assertEqual(answer.status, 201, answer.body)

    def test_a_list(self):
        names = self.write("names.txt", "a\nc@1.0.0\nnot-there\n")
        code, rows, errors = run_other("registry", self.data, self.origin.url, "--from", names, "--package", "@s/b")
        self.assertEqual((code, summary(rows)["imported"]), (3, 3), errors)
        self.assertIn("not-there", [row["where"] for row in rows if row["type"] == "source"])
        code, rows, errors = run_other("verify", self.data, self.origin.url, "--kind", "registry", "--from", names)
        self.assertEqual((summary(rows)["same"], summary(rows)["differing"]), (2, 0), errors)
        self.verify()
        tarn = self.serve()
        self.check(tarn, "a", "1.0.0", "1.1.0", "2.0.0")
        self.check(tarn, "@s/b", "0.1.0")

    def test_a_registry_of_old_packages(self):
        """From one tarn to another: everything that was ever odd, once more."""
        first = self.folder / "first"
        run_import(first / "data", DATA / "3.5.0/all_docs.attachments.json")
        origin = Tarn(BINARY, first)
        self.addCleanup(self.stop, origin)
        # Names that a list can hold; where the tarball has no URL of its own, the packument says so.
        names = sorted(name for name in PACKAGES if " " not in name and "#" not in name)
        code, rows, errors = run_other("registry", self.data, origin.url, "--from", self.write("names", "\n".join(names)))
        self.assertEqual((code, summary(rows)["imported"]), (3, len(names)), errors)
        self.verify()
        tarn = self.serve()
        for name in names:
            with self.subTest(package=name):
                ours, theirs = (registry.request("GET", path_of(name)).json() for registry in (tarn, origin))
                self.assertEqual(set(ours.get("versions", {})), set(theirs.get("versions", {})))
                for version, manifest in ours.get("versions", {}).items():
                    other = theirs["versions"][version]
                    urls = [one["dist"].pop("tarball", None) for one in (manifest, other)]
                    for one in (manifest, other):
                        one["dist"].pop("signatures", None)  # Each signs what it serves.
                    self.assertEqual(manifest, other)
                    if urls[1] is None:
                        continue
                    answers = [registry.request("GET", urllib.parse.urlsplit(url).path)
                               for registry, url in zip((tarn, origin), urls)]
                    self.assertEqual(answers[0].status, answers[1].status, urls)
                    if answers[1].status == 200:
                        self.assertEqual(answers[0].body, answers[1].body)

    def test_clear_errors(self):
        for content, words in (("", "empty"), ("{}", "package-lock.json"), ("a\nA B C\n", "line 2"), ("a@latest\n", "exact"),
                               ("# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.\n# yarn lockfile v1\n",
                                "yarn"), ("# nothing\n", "no package is named"), ('["a", 1', "")):
            with self.subTest(content=content):
                code, _, errors = run_other("registry", self.data, self.origin.url, "--from", self.write("list", content))
                self.assertEqual(code, 1, errors)
                self.assertIn(words, errors)
        for url, words in (("http://127.0.0.1:9", "127.0.0.1"), ("nothing", "URL"), ("http://", "URL")):
            with self.subTest(url=url):
                code, _, errors = run_other("registry", self.data, url, "--package", "a")
                self.assertEqual(code, 1, errors)
                self.assertIn(words, errors)


class VerdaccioTest(ImportCase):
    """A folder made by hand, for what goes wrong; one that Verdaccio made is in tests/integration."""

    def setUp(self):
        super().setUp()
        self.storage = self.folder / "storage"
        self.storage.mkdir()

    def add(self, name, *versions, without=(), **more):
        folder = self.storage / name
        folder.mkdir(parents=True)
        listed, attachments = {}, {}
        base = name.rpartition("/")[2]
        for version in versions:
            tarball = make_tarball(name, version)
            if version not in without:
                (folder / f"{base}-{version}.tgz").write_bytes(tarball)
            listed[version] = {"name": name, "version": version, "dist": {
                "shasum": hashlib.sha1(tarball).hexdigest(), "integrity": integrity(tarball),
                "tarball": f"http://registry.example/{name}/-/{name}-{version}.tgz"}}
            attachments[f"{base}-{version}.tgz"] = {"shasum": hashlib.sha1(tarball).hexdigest(), "version": version}
        at = "2020-01-01T12:00:00.000Z"
        document = {"name": name, "versions": listed, "dist-tags": {"latest": versions[-1]},
                    "time": {"created": at, "modified": at, **{version: at for version in versions}},
                    "_distfiles": {}, "_attachments": attachments, "_uplinks": {}, "_rev": "3-abc", "readme": "", **more}
        (folder / "package.json").write_text(json.dumps(document, indent="\t"), encoding="utf-8")

    def list(self, *names):
        (self.storage / ".verdaccio-db.json").write_text(json.dumps({"list": names, "secret": "s"}), encoding="utf-8")

    def test_what_goes_wrong(self):
        ann = [{"name": "ann", "email": "ann@mail.example"}]
        self.add("whole", "1.0.0", "1.0.1", maintainers=ann)
        self.add("@scope/inner", "1.0.0", maintainers=ann)
        self.add("cached", "1.0.0", maintainers=ann)
        self.add("torn", "1.0.0", "1.1.0", without=("1.1.0",), maintainers=ann)
        self.add("changed", "1.0.0", maintainers=ann)
        (self.storage / "changed" / "changed-1.0.0.tgz").write_bytes(b"other bytes")
        (self.storage / "whole" / "whole-0.9.0.tgz").write_bytes(b"left over")
        self.add("half", "1.0.0")
        text = (self.storage / "half" / "package.json").read_text(encoding="utf-8")
        (self.storage / "half" / "package.json").write_text(text[:len(text) // 2], encoding="utf-8")
        (self.storage / "empty-folder").mkdir()
        self.list("whole", "@scope/inner", "torn", "changed", "half", "lost")
        code, rows, errors = run_other("verdaccio", self.data, self.storage)
        self.assertEqual(code, 3, errors)
        states = {row["package"]: row["status"] for row in rows if row["type"] == "package"}
        self.assertEqual(states, {name: "imported" for name in ("whole", "@scope/inner", "torn", "changed")})
        self.assertEqual(findings(rows, "missing-attachment"), [("torn", "1.1.0")])
        self.assertEqual(findings(rows, "digest-mismatch"), [("changed", "1.0.0")])
        self.assertEqual(findings(rows, "orphan-attachment"), [("whole", "whole-0.9.0.tgz")])
        told = {row["where"] for row in rows if row["type"] == "source"}
        self.assertEqual(told, {"half", "lost", str(self.storage)})
        # The tarball that was lost is somewhere else.
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "torn-1.1.0.tgz").write_bytes(make_tarball("torn", "1.1.0"))
        code, rows, errors = run_other("verdaccio", self.data, self.storage, "--tarballs", elsewhere, "--cached")
        self.assertEqual((summary(rows)["imported"], summary(rows)["updated"]), (1, 1), errors)
        self.verify()
        tarn = self.serve()
        self.assertEqual(tarn.tarball("torn", "1.1.0").body, make_tarball("torn", "1.1.0"))
        self.assertEqual(list(tarn.packument("cached")["versions"]), ["1.0.0"])
        self.assertEqual(tarn.packument("@scope/inner")["maintainers"], ann)

    def test_clear_errors(self):
        for path, words in ((self.folder / "nowhere", "nowhere"), (self.storage, "no package")):
            code, _, errors = run_other("verdaccio", self.data, path)
            self.assertEqual(code, 1, errors)
            self.assertIn(words, errors)


if __name__ == "__main__":
    unittest.main()
