#!/usr/bin/env python3
"""Signatures verified by node's crypto, attestations bit for bit, audits from imported advisories; the command line."""

import base64
import gzip
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

from common import BINARY, Tarn, TarnCase, User, document, make_tarball, package_path, publish

# A verifier that is not our code. Reads {"keys": …, "packument": …}; prints how many versions it verified.
VERIFY = """
const { createVerify, createPublicKey } = require('crypto');
const { keys, packument } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
let verified = 0;
for (const [version, manifest] of Object.entries(packument.versions)) {
  const text = `${manifest._id ?? packument.name + '@' + version}:${manifest.dist.integrity}`;
  if (!manifest.dist.signatures?.length) throw new Error(`${text}: not signed`);
  for (const { keyid, sig } of manifest.dist.signatures) {
    const entry = keys.keys.find((key) => key.keyid === keyid);
    if (!entry) throw new Error(`${text}: unknown key ${keyid}`);
    if (entry.keytype !== 'ecdsa-sha2-nistp256' || entry.scheme !== entry.keytype) throw new Error('odd key');
    if (entry.expires && Date.parse(packument.time[version]) >= Date.parse(entry.expires)) throw new Error(`${text}: late`);
    const key = createPublicKey({ key: Buffer.from(entry.key, 'base64'), format: 'der', type: 'spki' });
    if (!createVerify('SHA256').update(text).verify(key, sig, 'base64')) throw new Error(`${text}: bad signature`);
    if (createVerify('SHA256').update(text + ' ').verify(key, sig, 'base64')) throw new Error('verifies anything');
    verified += 1;
  }
}
console.log(verified);
"""
SLSA = "https://slsa.dev/provenance/v1"


def advisory(number, package, fixed="1.5.0", **more):
    return {"id": number, "modified": "2024-05-01T00:00:00Z", "published": "2024-04-01T00:00:00Z", "summary": f"Planted {number}",
            "database_specific": {"severity": "CRITICAL", "cwe_ids": ["CWE-400"]}, "aliases": ["CVE-2024-1"],
            "affected": [{"package": {"ecosystem": "npm", "name": package},
                          "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}], **more}


def bundle(name, version, tarball, **more):
    """A sigstore bundle that speaks of this tarball, with spaces in it that must come back."""
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": SLSA, "predicate": {},
                 "subject": [{"name": f"pkg:npm/{name.replace('@', '%40')}@{version}",
                              "digest": {"sha512": hashlib.sha512(tarball).hexdigest()}}], **more}
    return json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {"tlogEntries": []},
                       "dsseEnvelope": {"payload": base64.b64encode(json.dumps(statement).encode()).decode(),
                                        "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "MEUC"}]},
                       "unknown": [1.50, "ü"]}, indent=1, ensure_ascii=False)


def run(tarn, *arguments):
    return subprocess.run([tarn.binary, *arguments, "--data", str(tarn.data)], text=True, capture_output=True, timeout=60)


class Signatures(TarnCase):
    def verify(self, name, headers=None):
        keys = self.request("GET", "/-/npm/v1/keys").json()
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=20)
        connection.request("GET", package_path(name), headers=headers or {})
        packument = json.loads(connection.getresponse().read())
        connection.close()
        if "time" not in packument:
            packument["time"] = {version: packument["modified"] for version in packument["versions"]}
        done = subprocess.run(["node", "-e", VERIFY], input=json.dumps({"keys": keys, "packument": packument}), text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(int(done.stdout), len(packument["versions"]))

    def test_every_version_verifies_in_both_forms_and_across_a_rotation(self):
        for version in ("1.0.0", "1.1.0", "2.0.0-beta.1"):
            answer, _ = publish(self.tarn, self.users["alice"], "@scope/signed", version, tag="t")
            self.assertEqual(answer.status, 201, answer.body)
        self.verify("@scope/signed")
        self.verify("@scope/signed", {"Accept": "application/vnd.npm.install-v1+json"})
        before = self.request("GET", package_path("@scope/signed"))
        rotated = run(self.tarn, "keys", "rotate")
        self.assertEqual(rotated.returncode, 0, rotated.stderr)
        after = self.request("GET", package_path("@scope/signed"))
        self.assertEqual(after.headers["etag"], before.headers["etag"], "a rotation changes no packument")
        answer, _ = publish(self.tarn, self.users["alice"], "@scope/signed", "3.0.0")
        self.assertEqual(answer.status, 201, answer.body)
        self.verify("@scope/signed")
        versions = self.tarn.packument("@scope/signed")["versions"]
        keyids = {version: manifest["dist"]["signatures"][0]["keyid"] for version, manifest in versions.items()}
        self.assertNotEqual(keyids["3.0.0"], keyids["1.0.0"])
        self.assertIn(keyids["3.0.0"], rotated.stdout)
        listed = json.loads(run(self.tarn, "keys", "list", "--json").stdout)["keys"]
        self.assertEqual([key["expires"] is None for key in listed], [False, True])

    def test_the_private_half_is_the_operators_alone(self):
        file = self.tarn.data / "signing-key.pem"
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        self.assertNotIn(file.read_text().splitlines()[1], self.tarn.log_since(0))
        self.assertFalse((self.tarn.data / "signing-key.pem.new").exists())


class Attestations(TarnCase):
    def publish_with(self, name, version, text):
        tarball = make_tarball(name, version)
        body = document(name, version, tarball)
        text = text(tarball) if callable(text) else text
        body["_attachments"][f"{name}-{version}.sigstore"] = {
            "content_type": "application/vnd.dev.sigstore.bundle.v0.3+json", "data": text, "length": len(text)}
        return self.request("PUT", package_path(name), body, token=self.users["alice"]), text

    def test_the_bundle_comes_back_bit_for_bit(self):
        answer, text = self.publish_with("@scope/proven", "1.0.0", lambda tarball: bundle("@scope/proven", "1.0.0", tarball))
        self.assertEqual(answer.status, 201, answer.body)
        dist = self.tarn.packument("@scope/proven")["versions"]["1.0.0"]["dist"]
        self.assertEqual(dist["attestations"]["provenance"], {"predicateType": SLSA})
        url = dist["attestations"]["url"]
        self.assertTrue(url.startswith(self.tarn.url), url)
        for path in (url[len(self.tarn.url) - 1:], "/-/npm/v1/attestations/@scope%2fproven@1.0.0"):
            fetched = self.request("GET", path)
            self.assertEqual(fetched.status, 200, path)
            self.assertIn(text.encode(), fetched.body)
            self.assertEqual(fetched.json()["attestations"], [{"predicateType": SLSA, "bundle": json.loads(text)}])
        self.assertError(self.request("GET", "/-/npm/v1/attestations/@scope%2fproven@1.0.1"), 404)

    def test_a_bundle_about_something_else_is_refused(self):
        for why, text in {
            "of another package": lambda tarball: bundle("other", "1.0.0", tarball),
            "of another version": lambda tarball: bundle("wrong", "1.0.1", tarball),
            "of other bytes": lambda tarball: bundle("wrong", "1.0.0", tarball + b"x"),
            "of another kind": lambda tarball: bundle("wrong", "1.0.0", tarball, predicateType="https://example.com/x"),
            "of two things": lambda tarball: bundle("wrong", "1.0.0", tarball, subject=[{}, {}]),
            "no bundle": "{}", "no JSON": "{",
        }.items():
            with self.subTest(why):
                answer, _ = self.publish_with("wrong", "1.0.0", text)
                self.assertError(answer, 422, "Error verifying sigstore provenance bundle: ")
        self.assertEqual(self.tarn.packument("wrong"), {})


class Audits(TarnCase):
    def setUp(self):
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="tarn-osv-"))
        self.addCleanup(shutil.rmtree, self.files)

    def write(self, *documents):
        for one in documents:
            (self.files / f"{one['id']}.json").write_text(json.dumps(one))

    def bulk(self, body, zipped=True):
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=30)
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"} if zipped else {}
        # In chunks, as npm sends it.
        connection.request("POST", "/-/npm/v1/security/advisories/bulk", body=iter([gzip.compress(data) if zipped else data]),
                           headers=headers, encode_chunked=True)
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
        connection.close()
        return status, json.loads(text)

    def test_imported_asked_and_removed(self):
        status, answer = self.bulk({"planted": ["1.0.0"]})
        self.assertEqual(status, 404, answer)
        self.assertIn("no advisories", answer["error"])
        self.write(advisory("GHSA-plan-ted0-0001", "planted"), advisory("GHSA-plan-ted0-0002", "@scope/planted"))
        (self.files / "deeper").mkdir()
        (self.files / "deeper" / "broken.json").write_text("{")
        (self.files / "README.md").write_text("not a document")
        done = run(self.tarn, "advisories", "import", str(self.files))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("2 imported, 0 unchanged, 0 withdrawn, 0 not about npm, 1 failed", done.stdout)
        self.assertIn("broken.json", done.stderr)
        names = {f"package-{i}": ["1.0.0", "2.0.0"] for i in range(5000)}
        for zipped in (True, False):
            status, answer = self.bulk({**names, "planted": ["1.0.0", "1.5.0"], "@scope/planted": ["1.5.0"]}, zipped)
            self.assertEqual(status, 200)
            self.assertEqual(list(answer), ["planted"])
            found = answer["planted"][0]
            self.assertIsInstance(found["id"], int)
            self.assertEqual({key: found[key] for key in ("url", "title", "severity", "vulnerable_versions", "cwe", "cvss")},
                             {"url": "https://github.com/advisories/GHSA-plan-ted0-0001", "title": "Planted GHSA-plan-ted0-0001",
                              "severity": "critical", "vulnerable_versions": "<1.5.0", "cwe": ["CWE-400"],
                              "cvss": {"score": 0, "vectorString": None}})
        again = run(self.tarn, "advisories", "import", str(self.files / "GHSA-plan-ted0-0001.json"), "--json")
        self.assertEqual(json.loads(again.stdout)["unchanged"], 1)
        self.write(advisory("GHSA-plan-ted0-0001", "planted", modified="2024-06-01T00:00:00Z", withdrawn="2024-06-01T00:00:00Z"))
        self.assertIn("1 withdrawn", run(self.tarn, "advisories", "import", str(self.files / "GHSA-plan-ted0-0001.json")).stdout)
        self.assertEqual(self.bulk({"planted": ["1.0.0"]}), (200, {}))
        listed = run(self.tarn, "advisories", "list")
        self.assertIn("GHSA-plan-ted0-0002", listed.stdout)
        self.assertNotIn("GHSA-plan-ted0-0001", listed.stdout)
        self.assertEqual(run(self.tarn, "advisories", "remove", "GHSA-none").returncode, 1)
        self.assertEqual(run(self.tarn, "advisories", "remove", "GHSA-plan-ted0-0002").returncode, 0)
        self.assertEqual(self.bulk({"planted": ["1.0.0"]})[0], 404)

    def test_wrong_paths_are_named(self):
        for path, words in ((self.files / "none", "none"), (self.files, "unpack archives first")):
            done = run(self.tarn, "advisories", "import", str(path))
            self.assertEqual(done.returncode, 1, path)
            self.assertIn(words, done.stderr)


class Stopped(unittest.TestCase):
    """The same commands on a data directory that no server has; and what was published before there was a key."""

    def test_commands_and_old_versions(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-blackbox-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        tarn = Tarn(BINARY, folder)
        alice = User("alice", "alice-password-1")
        tarn.add_user(alice)
        publish(tarn, tarn.token_for(alice), "left", "1.0.0")
        self.assertEqual(tarn.stop(), [])
        (folder / "one.json").write_text(json.dumps(advisory("GHSA-1", "left")))
        self.assertEqual(run(tarn, "advisories", "import", str(folder / "one.json")).returncode, 0)
        self.assertIn("GHSA-1", run(tarn, "advisories", "list", "--package", "left").stdout)
        rotated = run(tarn, "keys", "rotate")
        self.assertEqual(rotated.returncode, 0, rotated.stderr)
        self.assertEqual(len(json.loads(run(tarn, "keys", "list", "--json").stdout)["keys"]), 2)
        nowhere = subprocess.run([tarn.binary, "keys", "list", "--data", str(folder / "none")], capture_output=True, timeout=60)
        self.assertEqual(nowhere.returncode, 1)
        self.assertFalse((folder / "none").exists())


if __name__ == "__main__":
    unittest.main()
