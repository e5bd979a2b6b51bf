#!/usr/bin/env python3
"""Who may do what: races for a version, strangers, tokens with limits, restricted packages that do not exist for others."""

import concurrent.futures
import hashlib
import json
import unittest

from common import TarnCase, document, make_tarball, package_path, publish


class Ownership(TarnCase):
    def test_eight_clients_publish_one_version(self):
        for turn in range(10):
            name = f"race-{turn}"
            bodies = [make_tarball(name, "1.0.0", bytes([i]) * 5000) for i in range(8)]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda tarball, name=name: self.request(
                    "PUT", package_path(name), document(name, "1.0.0", tarball), token=self.users["alice"]), bodies))
            winners = [i for i, answer in enumerate(answers) if answer.status == 201]
            self.assertEqual(len(winners), 1, [(a.status, a.body) for a in answers])
            for i, answer in enumerate(answers):
                if i != winners[0]:
                    self.assertIn(answer.status, (403, 409), answer.body)
            self.assertEqual(self.tarn.tarball(name, "1.0.0").body, bodies[winners[0]])
            dist = self.tarn.packument(name)["versions"]["1.0.0"]["dist"]
            self.assertEqual(dist["shasum"], hashlib.sha1(bodies[winners[0]]).hexdigest())

    def test_many_clients_publish_different_versions(self):
        def one(i):
            return publish(self.tarn, self.users["alice"], "crowd", f"1.0.{i}", extra=bytes([i]) * 100, tag=f"tag{i}")[0]
        self.assertEqual(publish(self.tarn, self.users["alice"], "crowd", "0.0.1")[0].status, 201)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(one, range(48)))
        self.assertEqual([a.status for a in answers], [201] * 48, [a.body for a in answers if a.status != 201][:1])
        packument = self.tarn.packument("crowd")
        self.assertEqual(len(packument["versions"]), 49)
        self.assertEqual(len([t for t in packument["dist-tags"] if t.startswith("tag")]), 48)
        self.assertEqual(set(packument["versions"]) | {"created", "modified"}, set(packument["time"]))

    def test_the_same_publish_again_is_a_success(self):
        tarball = make_tarball("again", "1.0.0")
        body = document("again", "1.0.0", tarball)
        first = self.request("PUT", "/again", body, token=self.users["alice"])
        second = self.request("PUT", "/again", body, token=self.users["alice"])
        self.assertEqual((first.status, second.status // 100), (201, 2), second.body)
        other = document("again", "1.0.0", make_tarball("again", "1.0.0", b"other"))
        answer = self.request("PUT", "/again", other, token=self.users["alice"])
        self.assertError(answer, 403, "You cannot publish over the previously published versions: 1.0.0.")

    def test_strangers(self):
        self.assertEqual(publish(self.tarn, self.users["alice"], "mine", "1.0.0")[0].status, 201)
        rev = self.tarn.packument("mine")["_rev"]
        bob = self.users["bob"]
        self.assertError(publish(self.tarn, bob, "mine", "1.0.1")[0], 403)
        self.assertError(self.request("DELETE", f"/mine/-rev/{rev}", token=bob), 403)
        self.assertError(self.request("DELETE", f"/mine/-/mine-1.0.0.tgz/-rev/{rev}", token=bob), 403)
        self.assertError(self.request("PUT", f"/mine/-rev/{rev}", {"_id": "mine", "_rev": rev,
                         "maintainers": [{"name": "bob", "email": "b@example.com"}]}, token=bob), 403)
        self.assertError(self.request("PUT", "/-/package/mine/dist-tags/beta", "1.0.0", token=bob), 403)
        self.assertError(self.request("DELETE", f"/mine/-rev/{rev}"), 401)
        packument = self.tarn.packument("mine")
        self.assertEqual(list(packument["versions"]), ["1.0.0"])
        self.assertEqual(packument["_rev"], rev)
        self.assertEqual(packument["versions"]["1.0.0"]["_npmUser"]["name"], "alice")

    def test_revision_must_be_current(self):
        self.assertEqual(publish(self.tarn, self.users["alice"], "revised", "1.0.0")[0].status, 201)
        stale = self.tarn.packument("revised")["_rev"]
        self.assertEqual(publish(self.tarn, self.users["alice"], "revised", "1.0.1")[0].status, 201)
        for rev in (stale, "undefined", "0", "null"):
            self.assertError(self.request("DELETE", f"/revised/-rev/{rev}", token=self.users["alice"]), 409)
            body = {"maintainers": [{"name": "bob", "email": "b@example.com"}]}
            self.assertError(self.request("PUT", f"/revised/-rev/{rev}", body, token=self.users["alice"]), 409)
        self.assertEqual([m["name"] for m in self.tarn.packument("revised")["maintainers"]], ["alice"])

    def test_a_number_is_never_used_twice(self):
        alice = self.users["alice"]
        self.assertEqual(publish(self.tarn, alice, "once", "1.0.0")[0].status, 201)
        self.assertEqual(publish(self.tarn, alice, "once", "1.0.1")[0].status, 201)
        packument = self.tarn.packument("once")
        del packument["versions"]["1.0.1"]
        packument["dist-tags"] = {"latest": "1.0.0"}
        answer = self.request("PUT", f"/once/-rev/{packument['_rev']}", packument, token=alice)
        self.assertIn(answer.status, (200, 201), answer.body)
        self.assertEqual(self.tarn.tarball("once", "1.0.1").status, 404)
        self.assertIn("1.0.1", self.tarn.packument("once")["time"])
        for version in ("1.0.1", "1.0.1+build"):
            self.assertEqual(publish(self.tarn, alice, "once", version, extra=b"new")[0].status, 403)
        rev = self.tarn.packument("once")["_rev"]
        self.assertIn(self.request("DELETE", f"/once/-rev/{rev}", token=alice).status, (200, 201))
        self.assertEqual(self.tarn.tarball("once", "1.0.0").status, 404)
        self.assertEqual(publish(self.tarn, alice, "once", "1.0.0", extra=b"new")[0].status, 403)

    def test_token_limits(self):
        made = self.tarn._admin_command("token", "create", "alice", "--read-only").strip()
        self.assertEqual(self.tarn.who_is(made), "alice")
        self.assertError(publish(self.tarn, made, "by-read-only", "1.0.0")[0], 403)
        elsewhere = self.tarn._admin_command("token", "create", "alice", "--cidr", "192.0.2.0/24").strip()
        answer = self.request("GET", "/-/whoami", token=elsewhere)
        self.assertError(answer, 401)
        self.assertIn("ipaddress", answer.headers["www-authenticate"])
        here = self.tarn._admin_command("token", "create", "alice", "--cidr", "127.0.0.0/8").strip()
        self.assertEqual(self.tarn.who_is(here), "alice")
        key = json.loads(self.tarn._admin_command("token", "list", "alice", "--json"))["tokens"]
        self.assertFalse([t for t in key if made in json.dumps(t)], "a list shows no token")
        self.assertIn(self.request("DELETE", f"/-/user/token/{here}", token=here).status, (200, 204))
        self.assertIsNone(self.tarn.who_is(here), "revocation is immediate")

    def test_tokens_over_http(self):
        alice = self.users["alice"]
        wrong = self.request("POST", "/-/npm/v1/tokens", {"password": "wrong", "readonly": True, "cidr_whitelist": []},
                             token=alice)
        self.assertError(wrong, 401)
        self.assertNotIn("OTP", wrong.headers["www-authenticate"])
        made = self.request("POST", "/-/npm/v1/tokens", {"password": "alice-password-1", "readonly": True,
                                                         "cidr_whitelist": ["127.0.0.1/32"]}, token=alice)
        self.assertEqual(made.status, 201, made.body)
        token = made.json()
        self.assertTrue(token["readonly"])
        self.assertEqual(token["cidr_whitelist"], ["127.0.0.1/32"])
        listed = self.request("GET", "/-/npm/v1/tokens", token=alice).json()
        self.assertIn("urls", listed)
        self.assertIn(token["key"], [t["key"] for t in listed["objects"]])
        self.assertError(self.request("POST", "/-/npm/v1/tokens", {"password": "alice-password-1",
                         "cidr_whitelist": ["300.0.0.0/8"]}, token=alice), 400)
        self.assertError(self.request("DELETE", f"/-/npm/v1/tokens/token/{token['key']}", token=self.users["bob"]), 404)
        self.assertEqual(self.request("DELETE", f"/-/npm/v1/tokens/token/{token['key']}", token=alice).status, 204)
        self.assertIsNone(self.tarn.who_is(token["token"]))

    def test_restricted_packages_do_not_exist_for_others(self):
        name = "@alice/secret"
        tarball = make_tarball(name, "1.0.0")
        body = document(name, "1.0.0", tarball)
        body["access"] = "restricted"
        self.assertEqual(self.request("PUT", package_path(name), body, token=self.users["alice"]).status, 201)
        rev = self.tarn.packument(name, self.users["alice"])["_rev"]
        ghost = "@alice/no-such"
        routes = [("GET", "/{n}", None), ("GET", "/{n}/latest", None), ("GET", "/{n}/1.0.0", None),
                  ("GET", "/{n}/-/{b}-1.0.0.tgz", None), ("GET", "/-/package/{n}/dist-tags", None),
                  ("GET", "/-/package/{n}/visibility", None), ("GET", "/-/package/{n}/access", None),
                  ("GET", "/-/package/{n}/collaborators", None), ("PUT", "/-/package/{n}/dist-tags/beta", "1.0.0"),
                  ("DELETE", "/-/package/{n}/dist-tags/beta", None), ("POST", "/-/package/{n}/access", {"access": "public"}),
                  ("DELETE", f"/{{n}}/-rev/{rev}", None), ("DELETE", f"/{{n}}/-/{{b}}-1.0.0.tgz/-rev/{rev}", None),
                  ("HEAD", "/{n}", None)]
        for who, token in (("anonymous", None), ("stranger", self.users["bob"])):
            for method, pattern, content in routes:
                with self.subTest(f"{who} {method} {pattern}"):
                    seen = [self.request(method, pattern.replace("{n}", n.replace("/", "%2f")).replace("{b}", n.split("/")[1]),
                                         content, token=token) for n in (name, ghost)]
                    self.assertEqual(seen[0].status, seen[1].status, (seen[0].body, seen[1].body))
                    self.assertIn(seen[0].status, (401, 404))
                    self.assertEqual(seen[0].body, seen[1].body)
        found = self.request("GET", "/-/v1/search?text=secret", token=self.users["bob"]).json()
        self.assertEqual(found["total"], 0)
        self.assertEqual(self.request("GET", "/-/v1/search?text=secret", token=self.users["alice"]).json()["total"], 1)
        answer = self.tarn.tarball(name, "1.0.0", token=self.users["alice"])
        self.assertEqual(answer.body, tarball)
        self.assertTrue(answer.headers["cache-control"].startswith("private"))
        self.assertEqual(self.tarn.tarball(name, "1.0.0").status, 404, "not from a cache either")
        self.assertIn(self.request("POST", "/-/package/@alice%2fsecret/access", {"access": "public"},
                                   token=self.users["alice"]).status, (200, 201))
        self.assertEqual(self.tarn.tarball(name, "1.0.0").status, 200)
        self.assertIn(self.request("POST", "/-/package/@alice%2fsecret/access", {"access": "private"},
                                   token=self.users["alice"]).status, (200, 201))
        self.assertEqual(self.tarn.tarball(name, "1.0.0").status, 404, "the cache of public answers forgot it")

    def test_scopes_belong_to_somebody(self):
        self.assertEqual(publish(self.tarn, self.users["alice"], "@team/one", "1.0.0")[0].status, 201)
        self.assertError(publish(self.tarn, self.users["bob"], "@team/two", "1.0.0")[0], 403)
        self.assertIn(publish(self.tarn, self.users["bob"], "@alice/x", "1.0.0")[0].status, (403, 404))
        self.assertEqual(publish(self.tarn, self.tarn.admin_token, "@team/three", "1.0.0")[0].status, 201)


class ClosedRegistration(TarnCase):
    ARGUMENTS = {"registration": "closed"}

    def test_strangers_cannot_register(self):
        answer = self.request("PUT", "/-/user/org.couchdb.user:mallory", {
            "_id": "org.couchdb.user:mallory", "name": "mallory", "password": "mallory-password", "email": "m@example.com"})
        self.assertError(answer, 403)


if __name__ == "__main__":
    unittest.main()
