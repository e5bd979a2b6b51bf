#!/usr/bin/env python3
"""Organisations over the wire: what is granted and revoked counts for the very next request, also under load."""

import concurrent.futures
import unittest

from common import TarnCase, package_path, publish

SECRET = "@corp/secret"
READS = ("/@corp%2fsecret", "/@corp/secret/1.0.0", "/@corp/secret/-/secret-1.0.0.tgz",
         "/-/package/@corp%2fsecret/dist-tags", "/-/package/@corp%2fsecret/visibility",
         "/-/package/@corp%2fsecret/collaborators", "/downloads/point/last-day/@corp/secret")


class Organisations(TarnCase):
    def setUp(self):
        self.alice, self.bob = self.users["alice"], self.users["bob"]
        if not self.tarn.packument(SECRET, self.alice):
            answer = publish(self.tarn, self.alice, SECRET, "1.0.0")[0]
            self.assertEqual(answer.status, 201, answer.body)
            self.send("POST", "/-/package/@corp%2fsecret/access", {"access": "restricted"}, 200)
        self.send("PUT", "/-/org/corp/user", {"user": "bob", "role": "developer"}, 201)

    def send(self, method, path, body, status, token=None):
        answer = self.request(method, path, body, token=token or self.alice)
        self.assertEqual(answer.status, status, f"{method} {path}: {answer.body}")

    def seen(self, token):
        return {self.request("GET", path, token=token).status for path in READS}

    def found(self, token):
        answer = self.request("GET", "/-/v1/search?text=secret", token=token)
        return SECRET in [hit["package"]["name"] for hit in answer.json()["objects"]]

    def test_a_grant_counts_at_once_on_every_route(self):
        grant = "/-/team/corp/developers/package"
        for _ in range(20):
            self.send("DELETE", grant, {"package": SECRET}, 200)
            self.assertEqual(self.seen(self.bob), {404})
            self.assertFalse(self.found(self.bob))
            self.send("PUT", grant, {"package": SECRET, "permissions": "read-only"}, 201)
            self.assertEqual(self.seen(self.bob), {200})
            self.assertTrue(self.found(self.bob))
            self.assertEqual(publish(self.tarn, self.bob, SECRET, "1.1.0")[0].status, 403)
        self.send("PUT", grant, {"package": SECRET, "permissions": "read-write"}, 201)

    def test_membership_counts_at_once(self):
        for _ in range(20):
            self.send("DELETE", "/-/org/corp/user", {"user": "bob"}, 200)
            self.assertEqual(self.seen(self.bob), {404})
            self.assertEqual(self.request("GET", "/-/org/corp/user", token=self.bob).status, 404)
            self.send("PUT", "/-/org/corp/user", {"user": "bob"}, 201)
            self.assertEqual(self.seen(self.bob), {200})

    def test_a_restricted_package_of_nobody_else(self):
        self.assertEqual(self.seen(None), {404})
        self.assertFalse(self.found(None))

    def test_many_change_one_team(self):
        """Each change rests on the one before: none is lost, and nobody is left in a team they were taken off."""
        self.send("PUT", "/-/org/corp/team", {"name": "busy"}, 201)
        packages = [f"@corp/busy-{i}" for i in range(12)]
        for name in packages:
            self.assertEqual(publish(self.tarn, self.alice, name, "1.0.0")[0].status, 201)

        def turn(name):
            path = "/-/team/corp/busy/package"
            granted = self.request("PUT", path, {"package": name, "permissions": "read-only"}, token=self.alice).status
            user = self.request("PUT", "/-/team/corp/busy/user", {"user": "bob"}, token=self.alice).status
            revoked = self.request("DELETE", path, {"package": name}, token=self.alice).status
            again = self.request("PUT", path, {"package": name, "permissions": "read-write"}, token=self.alice).status
            return granted, user, revoked, again

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(set(pool.map(turn, packages)), {(201, 201, 200, 201)})
        listed = self.request("GET", "/-/team/corp/busy/package", token=self.bob).json()
        self.assertEqual(listed, dict.fromkeys(packages, "write"))
        self.send("DELETE", "/-/team/corp/busy", None, 200)
        self.assertEqual(self.request("GET", "/-/team/corp/busy/package", token=self.bob).status, 404)

    def test_a_package_called_team(self):
        self.assertEqual(publish(self.tarn, self.alice, "team", "1.0.0")[0].status, 201)
        self.assertEqual(self.request("GET", package_path("team") + "/1.0.0").status, 200)


if __name__ == "__main__":
    unittest.main()
