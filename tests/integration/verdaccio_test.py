#!/usr/bin/env python3
"""Moving in from a Verdaccio: `tarn import verdaccio` of its storage folder, and `tarn import registry` of what it serves.

usage: verdaccio_test.py BUILD_DIR    (Verdaccio is installed once from the npm registry into BUILD_DIR/clients)
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "blackbox"))
BUILD = pathlib.Path(sys.argv.pop() if len(sys.argv) > 1 else "build/release").resolve()
os.environ.setdefault("TARN_BIN", str(BUILD / "tarn"))
from common import BINARY, Registry, publish  # noqa: E402
from import_couchdb_test import ImportCase, summary  # noqa: E402
from registry import _free_port  # noqa: E402

VERDACCIO = "6.8.0"
START_S = 30
CONFIGURATION = """
storage: ./storage
auth:
  htpasswd:
    file: ./htpasswd
    max_users: 100
uplinks: {}
packages:
  '@private/*':
    access: $authenticated
    publish: $authenticated
    unpublish: $authenticated
  '**':
    access: $all
    publish: $authenticated
    unpublish: $authenticated
log: {type: file, path: {folder}/log.txt, format: json, level: warn}
"""


def verdaccio() -> pathlib.Path:
    """The program; installed when it is not there."""
    final = BUILD / "clients" / f"verdaccio-{VERDACCIO}"
    if not final.is_dir():
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = pathlib.Path(tempfile.mkdtemp(dir=final.parent))
        # It asks for node-fetch by a tag, which not every mirror has.
        package = {"private": True, "overrides": {"node-fetch": "2.7.0"}}
        (partial / "package.json").write_text(json.dumps(package) + "\n", encoding="utf-8")
        subprocess.run(["npm", "install", "--prefix", str(partial), "--ignore-scripts", "--no-audit", "--no-fund",
                        "--save-exact", f"verdaccio@{VERDACCIO}"], check=True, timeout=600, stdout=subprocess.DEVNULL)
        partial.rename(final)
    return final / "node_modules" / "verdaccio" / "bin" / "verdaccio"


class Verdaccio(Registry):
    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "config.yaml").write_text(CONFIGURATION.replace("{folder}", str(folder)), encoding="utf-8")
        port = _free_port()
        super().__init__(f"http://127.0.0.1:{port}")
        self.process = subprocess.Popen(["node", str(verdaccio()), "-c", str(folder / "config.yaml"),
                                         "-l", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while True:
            try:
                if self.request("GET", "/-/ping").status == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError("Verdaccio does not start")
            time.sleep(0.1)

    def stop(self):
        self.process.kill()
        self.process.wait()
        return []

    def sign_up(self, name, password):
        answer = self.request("PUT", f"/-/user/org.couchdb.user:{name}",
                              {"name": name, "password": password, "email": f"{name}@mail.example", "type": "user"})
        assert answer.status == 201, answer.body
        return answer.json()["token"]


def comparable(document):
    """What has to be the same: all but revisions, where tarballs are, and what is of the server's own."""
    kept = {key: document[key] for key in ("name", "dist-tags", "readme", "time") if key in document}
    kept["versions"] = {}
    for key, version in document["versions"].items():
        version = json.loads(json.dumps(version))
        version["dist"].pop("tarball")
        version["dist"].pop("signatures", None)
        kept["versions"][key] = version
    return kept


class FromVerdaccio(ImportCase):
    def setUp(self):
        super().setUp()
        self.source = Verdaccio(self.folder / "verdaccio")
        self.addCleanup(self.source.stop)
        self.token = self.source.sign_up("ann", "ann-password-1")
        self.tarballs = {}
        for name, versions in (("plain", ["1.0.0", "1.1.0", "2.0.0-rc.1"]), ("@scope/inner", ["0.1.0"]),
                               ("@private/hidden", ["3.0.0", "3.0.1"]), ("gone-in-part", ["1.0.0", "1.0.1"])):
            for version in versions:
                self.publish(name, version)

    def publish(self, name, version):
        answer, tarball = publish(self.source, self.token, name, version)
        self.assertEqual(answer.status, 201, answer.body)
        self.tarballs[(name, version)] = tarball

    def run_import(self, kind, *arguments, **environment):
        done = subprocess.run([BINARY, "import", kind, *map(str, arguments), "--data", str(self.data), "--json"],
                              capture_output=True, timeout=120, env={**os.environ, **environment})
        rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
        return done.returncode, rows, done.stderr.decode()

    def check(self, tarn, tarballs):
        for name in {name for name, _ in tarballs}:
            theirs = self.source.packument(name, self.token)
            ours = tarn.packument(name)
            theirs["versions"] = {version: manifest for version, manifest in theirs["versions"].items()
                                  if (name, version) in tarballs}
            self.assertEqual(set(ours["versions"]), set(theirs["versions"]), name)
            self.assertEqual(comparable(ours)["versions"], comparable(theirs)["versions"], name)
            for version in ours["versions"]:
                path = urllib.parse.urlsplit(ours["versions"][version]["dist"]["tarball"]).path
                answer = tarn.request("GET", path)
                self.assertEqual((answer.status, answer.body == tarballs[(name, version)]), (200, True), path)

    def test_the_storage_folder(self):
        storage = self.folder / "verdaccio" / "storage"
        arguments = (storage, "--users", self.folder / "verdaccio" / "htpasswd", "--owner", "ann")
        code, rows, errors = self.run_import("verdaccio", *arguments)
        self.assertEqual(code, 0, errors + json.dumps(rows))
        self.assertEqual((summary(rows)["imported"], summary(rows)["versions"], summary(rows)["users_imported"]), (4, 8, 1))
        code, rows, errors = self.run_import("verify", storage, "--kind", "verdaccio", "--owner", "ann")
        self.assertEqual((code, summary(rows)["same"]), (0, 4), errors)

        # What comes later comes alone.
        self.publish("plain", "2.0.0")
        code, rows, errors = self.run_import("verdaccio", *arguments)
        self.assertEqual((code, summary(rows)["updated"], summary(rows)["unchanged"], summary(rows)["users_unchanged"]),
                         (0, 1, 3, 1), errors)
        self.verify()
        tarn = self.serve()
        self.check(tarn, self.tarballs)
        theirs = comparable(self.source.packument("plain"))
        self.assertEqual(comparable(tarn.packument("plain")), theirs)
        # The old password is good for the next publish.
        answer = tarn.request("PUT", "/-/user/org.couchdb.user:ann",
                              {"name": "ann", "password": "ann-password-1", "type": "user"})
        self.assertEqual(answer.status, 201, answer.body)
        answer, _ = publish(tarn, answer.json()["token"], "@scope/inner", "0.2.0")
        self.assertEqual(answer.status, 201, answer.body)

    def test_what_it_serves(self):
        names = self.folder / "names.txt"
        names.write_text("# all of them\nplain\n@scope/inner\n\n@private/hidden # behind a login\ngone-in-part@1.0.1\n",
                         encoding="utf-8")
        code, rows, errors = self.run_import("registry", self.source.url, "--from", names)
        self.assertEqual(code, 1, errors)
        self.assertIn("token", errors)
        token = self.folder / "token"
        token.write_text(self.token + "\n", encoding="utf-8")
        code, rows, errors = self.run_import("registry", self.source.url, "--from", names, "--token-file", token)
        self.assertIn(code, (0, 3), errors)
        self.assertEqual(summary(rows)["imported"] + summary(rows)["unchanged"], 4, errors)
        self.assertNotIn(self.token, errors + json.dumps(rows))
        code, rows, errors = self.run_import("registry", self.source.url, "--from", names, TARN_IMPORT_TOKEN=self.token)
        self.assertEqual((summary(rows)["imported"], summary(rows)["unchanged"]), (0, 4), errors)
        self.verify()
        tarn = self.serve()
        wanted = {key: tarball for key, tarball in self.tarballs.items() if key != ("gone-in-part", "1.0.0")}
        self.check(tarn, wanted)
        self.assertEqual(tarn.packument("gone-in-part")["dist-tags"], {"latest": "1.0.1"})


if __name__ == "__main__":
    if shutil.which("node") is None:
        raise SystemExit("verdaccio_test.py: node is needed")
    unittest.main()
