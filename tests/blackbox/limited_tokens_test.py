#!/usr/bin/env python3
"""Tokens limited to packages and acts: made on the command line, used over connections that stay, revoked, after a crash."""

import base64
import http.client
import json
import unittest

from common import TarnCase, document, make_tarball, package_path, publish


class LimitedTokens(TarnCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("@alice/one", "@alice/two"):
            body = {**document(name, "1.0.0", make_tarball(name, "1.0.0")), "access": "restricted"}
            assert cls.tarn.request("PUT", package_path(name), body, token=cls.users["alice"]).status == 201

    def make(self, *flags):
        return self.tarn._admin_command("token", "create", "alice", "--name", "made", *flags).strip()

    def reads(self, token, name):
        """Whether the packument and the tarball are there; one without the other would be a fault."""
        seen = {self.request("GET", package_path(name), token=token).status,
                self.tarn.tarball(name, "1.0.0", token=token).status}
        self.assertIn(seen, ({200}, {404}))
        return seen == {200}

    def test_reaches_what_it_names(self):
        for flags in (["--package", "@alice/one"], ["--package", "@alice/on*"], ["--read-only", "--package", "@alice/one"]):
            token = self.make(*flags)
            self.assertTrue(self.reads(token, "@alice/one"), flags)
            self.assertFalse(self.reads(token, "@alice/two"), flags)
        token = self.make("--scope", "@alice")
        self.assertTrue(self.reads(token, "@alice/one") and self.reads(token, "@alice/two"))
        basic = "Basic " + base64.b64encode(f"alice:{self.make('--package', '@alice/one')}".encode()).decode()
        self.assertEqual(self.request("GET", "/@alice%2fone", authorization=basic).status, 200)
        self.assertEqual(self.request("GET", "/@alice%2ftwo", authorization=basic).status, 404)

    def test_publish_only(self):
        token = self.make("--publish-only", "--scope", "alice")
        self.assertFalse(self.reads(token, "@alice/one"))
        self.assertEqual(publish(self.tarn, token, "@alice/one", "1.5.0", tag="next")[0].status, 201)
        self.assertError(publish(self.tarn, token, "not-alices", "1.0.0")[0], 403, "limited")
        self.assertError(self.request("PUT", "/-/package/@alice%2fone/dist-tags/beta", "1.0.0", token=token), 404)
        self.assertError(self.request("GET", "/-/npm/v1/tokens", token=token), 403, "limited")
        self.assertError(self.request("POST", "/-/npm/v1/user", {"email": "x@example.com"}, token=token), 403, "limited")

    def test_ends_at_once_on_a_connection_that_stays(self):
        token = self.make("--package", "@alice/one")
        connection = http.client.HTTPConnection(self.tarn.netloc, timeout=20)
        self.addCleanup(connection.close)

        def ask():
            connection.request("GET", "/@alice%2fone", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status

        self.assertEqual([ask() for _ in range(3)], [200] * 3)
        self.tarn._admin_command("token", "revoke", token)
        self.assertEqual(ask(), 401)

    def test_outlives_a_crash(self):
        token = self.make("--read-only", "--package", "@alice/one", "--expires-days", "3", "--bypass-2fa")
        self.tarn.crash_and_restart()
        self.assertTrue(self.reads(token, "@alice/one"))
        self.assertFalse(self.reads(token, "@alice/two"))
        listed = json.loads(self.tarn._admin_command("token", "list", "alice", "--json"))["tokens"]
        entry = next(one for one in listed if token.startswith(one["preview"]))
        self.assertEqual(entry["scopes"], [{"type": "package", "name": "@alice/one"}])
        self.assertEqual(entry["permissions"], [{"name": "package", "action": "read"}])
        self.assertTrue(entry["readonly"] and entry["bypass_2fa"] and entry["expires"])
        self.assertIn("read, no one-time password  @alice/one", self.tarn._admin_command("token", "list", "alice"))

    def test_words_that_do_not_fit(self):
        for flags in (["--package", "no:such"], ["--scope", "*"], ["--org", "a/b"], ["--publish-only", "--stage-only"],
                      ["--org-permission", "read-only"], ["--expires-days", "0"]):
            with self.assertRaises(AssertionError, msg=flags):
                self.make(*flags)


if __name__ == "__main__":
    unittest.main()
