#!/usr/bin/env python3
"""Identity tokens of an issuer on another port, exchanged by the shipped binary: what is believed, and for how long."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from common import BINARY, Tarn, TarnCase, package_path, publish
from oidc_issuer import REPOSITORY, Issuer, Key

TRUST = [{"type": "github", "claims": {"repository": REPOSITORY, "workflow_ref": {"file": "publish.yml"}},
          "permissions": ["createPackage"]}]


class TrustedPublishing(TarnCase):
    @classmethod
    def setUpClass(cls):
        cls.issuer = Issuer()
        cls.ARGUMENTS = {"configuration": cls.issuer.toml()}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.issuer.close()

    def package(self, name, trust=TRUST):
        answer, _ = publish(self.tarn, self.users["alice"], name, "1.0.0")
        self.assertEqual(answer.status, 201, answer.body)
        answer = self.request("POST", f"/-/package/{name}/trust", trust, token=self.users["alice"])
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()[0]["id"]

    def exchange(self, name, token):
        return self.request("POST", f"/-/npm/v1/oidc/token/exchange/package/{name}", token=token)

    def exchanged(self, name):
        answer = self.exchange(name, self.issuer.token("npm:127.0.0.1"))
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json()["token"]

    def test_an_exchanged_token_publishes_and_survives_a_crash(self):
        config = self.package("crash")
        token = self.exchanged("crash")
        self.tarn.crash_and_restart()
        answer, _ = publish(self.tarn, token, "crash", "1.1.0")
        self.assertEqual(answer.status, 201, answer.body)
        manifest = self.tarn.packument("crash")["versions"]["1.1.0"]
        self.assertEqual(manifest["_npmUser"], {"name": "GitHub Actions", "email": "",
                                                "trustedPublisher": {"id": "github", "oidcConfigId": f"oidc:{config}"}})
        self.assertError(self.request("GET", "/-/whoami", token=token), 401)
        for name in ("crash", "other"):
            self.assertError(self.request("DELETE", f"/{name}/-rev/1", token=token), 403)
        revoked = self.request("DELETE", f"/-/package/crash/trust/{config}", token=self.users["alice"])
        self.assertEqual(revoked.status, 204)
        answer, _ = publish(self.tarn, token, "crash", "1.2.0")
        self.assertError(answer, 401)

    def test_every_claim_counts_and_the_log_alone_says_which(self):
        self.package("claims")
        offset = self.tarn.log_offset()
        for claims in ({"repository": "an-owner/another"}, {"repository": None},
                       {"workflow_ref": f"{REPOSITORY}/.github/workflows/other.yml@refs/heads/main"},
                       {"workflow_ref": f"{REPOSITORY}/.github/workflows/publish.yml"}, {"workflow_ref": None}):
            answer = self.exchange("claims", self.issuer.token("npm:127.0.0.1", **claims))
            self.assertError(answer, 404, "OIDC token exchange error - there is no package")
            self.assertNotIn("configured", answer.json()["error"])
        log = self.tarn.log_since(offset)
        self.assertIn(f'configured is \\"{REPOSITORY}\\"', log)
        self.assertIn('configured is \\"publish.yml\\"', log)
        self.assertIn("the token has no workflow_ref", log)

    def test_what_is_no_good_token_is_refused_before_the_package_is_looked_at(self):
        self.package("tokens")
        wrong = Key(self.issuer.key.id)
        try:
            for words, status, token in (
                    ("signature is not one of its issuer", 401, self.issuer.token("npm:127.0.0.1", key=wrong)),
                    ("does not trust the issuer", 401, self.issuer.token("npm:127.0.0.1", iss="https://other.example")),
                    ("for somebody else", 400, self.issuer.token("npm:registry.example")),
                    ("is over since", 400, self.issuer.token("npm:127.0.0.1", exp=1)),
                    ("not good before", 400, self.issuer.token("npm:127.0.0.1", nbf=32503680000)),
                    ("longer than 24 hours", 400, self.issuer.token("npm:127.0.0.1", exp=32503680000)),
                    ("no id (jti)", 400, self.issuer.token("npm:127.0.0.1", jti=None)),
                    ("not signed with", 400, self.issuer.token("npm:127.0.0.1", header={"alg": "none"})),
                    ("not signed with", 400, self.issuer.token("npm:127.0.0.1", header={"alg": "HS256"})),
                    ("three parts", 400, "x"), ("more than 16384 bytes", 400, "a." * 9000)):
                for name in ("tokens", "unborn"):
                    self.assertError(self.exchange(name, token), status, words)
        finally:
            wrong.close()
        once = self.issuer.token("npm:127.0.0.1")
        self.assertEqual(self.exchange("tokens", once).status, 201)
        self.assertError(self.exchange("tokens", once), 401, "was exchanged before")

    def test_the_issuer_is_asked_once_and_may_be_down_afterwards(self):
        self.package("keys")
        self.exchanged("keys")
        fetches = self.issuer.fetches
        other = Key("never-published")
        try:
            self.issuer.is_down = True
            for _ in range(20):
                self.exchanged("keys")
                self.assertError(self.exchange("keys", self.issuer.token("npm:127.0.0.1", key=other)), 401,
                                 "does not publish")
        finally:
            self.issuer.is_down = False
            other.close()
        self.assertEqual(self.issuer.fetches, fetches)

    def test_configurations_are_for_owners(self):
        self.package("owners")
        path = "/-/package/owners/trust"
        self.assertError(self.request("GET", path, token=self.users["bob"]), 403)
        self.assertError(self.request("POST", path, TRUST, token=self.users["bob"]), 403)
        self.assertError(self.request("POST", path, TRUST, token=self.users["alice"]), 409)
        self.assertError(self.request("GET", path), 401)
        self.assertError(self.request("POST", path, b"nonsense", token=self.users["alice"]), 400)
        self.assertError(self.request("GET", "/-/package/unborn/trust", token=self.users["bob"]), 404, "Not found")


class Configuration(unittest.TestCase):
    """`tarn config` and the start, with issuers in the file."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-trust-"))

    def tearDown(self):
        shutil.rmtree(self.folder)

    def check(self, text):
        path = self.folder / "tarn.toml"
        path.write_text(text, encoding="utf-8")
        return subprocess.run([BINARY, "config", "check", "--config", path], text=True, capture_output=True, timeout=60)

    def test_an_audience_is_needed_where_others_may_connect(self):
        issuer = '[[trust.issuers]]\nkind = "github"\n'
        self.assertEqual(self.check(issuer).returncode, 0)
        refused = self.check(f'[server]\nlisten = [":0"]\n{issuer}')
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("set server.public_urls or trust.audiences", refused.stdout + refused.stderr)
        self.assertEqual(self.check(f'[server]\nlisten = [":0"]\npublic_urls = ["https://npm.example/"]\n{issuer}').returncode, 0)

    def test_a_key_file_needs_no_issuer(self):
        key = Key("on-disk")
        issuer = Issuer()
        try:
            (self.folder / "keys.json").write_text(json.dumps({"keys": [key.public]}), encoding="utf-8")
            tarn = Tarn(BINARY, self.folder / "tarn", configuration=issuer.toml() +
                        f'jwks_file = "{self.folder}/keys.json"\n')
            try:
                answer, _ = publish(tarn, tarn.admin_token, "on-disk", "1.0.0")
                self.assertEqual(answer.status, 201, answer.body)
                answer = tarn.request("POST", package_path("on-disk").replace("/", "/-/package/", 1) + "/trust", TRUST,
                                      token=tarn.admin_token)
                self.assertEqual(answer.status, 200, answer.body)
                answer = tarn.request("POST", "/-/npm/v1/oidc/token/exchange/package/on-disk",
                                      token=issuer.token("npm:127.0.0.1", key=key))
                self.assertEqual(answer.status, 201, answer.body)
                self.assertEqual(issuer.fetches, 0)
            finally:
                self.assertEqual(tarn.stop(), [])
        finally:
            issuer.close()
            key.close()


if __name__ == "__main__":
    unittest.main()
