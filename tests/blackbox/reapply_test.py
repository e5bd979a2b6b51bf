#!/usr/bin/env python3
"""An old leader that comes back with what nobody else has: listed, and applied again as far as it still can be."""

import json
import os
import subprocess
import unittest

from common import BINARY, Registry, User, integrity, publish
from two_regions_test import Pair, wait_for

RECORDS = int(os.environ.get("REAPPLY_RECORDS", "150"))  # Of the run that breaks off.


class Reapply(Pair):
    ACK = "local"

    def part(self):
        """West is gone, and what east acknowledges from here on it has alone."""
        self.west.start()
        wait_for("west is ready", self.west.ready)
        for name in ("shared", "clash"):
            self.assertEqual(self.publish(self.east, name, "1.0.0")[0].status, 201)
        self.expect_equal()
        self.west.kill()

    def west_leads(self):
        self.east.kill()
        self.west.start()
        self.west.admin("promote", "--accept-loss")
        wait_for("west leads", lambda: self.west.role() == "leader")

    def east_comes_back(self):
        self.east.follow = self.west.url + "/"
        self.east.start()
        self.wait_in_sync(self.west, self.east)
        self.expect_equal()

    def reapply(self, node, *words):
        """The report, and its records as "what package version" → (result, reason)."""
        report = json.loads(node.admin("replication", "reapply", "--json", *words))
        records = {}
        for folder in report["folders"]:
            self.assertEqual(folder["error"], "")
            for record in folder["records"]:
                about = f"{record['kind']} {record['package']} {record['version']}".strip()
                records[about] = (record["result"], record["reason"])
        return report, records

    def expect_version(self, name, version, tarball):
        for node in self.nodes:
            dist = node.request("GET", f"/{name}").json()["versions"][version]["dist"]
            self.assertEqual(dist["integrity"], integrity(tarball), (name, version, node.name))
            self.assertEqual(self.tarball_of(node, name, version), tarball, (name, version, node.name))

    def tags_of(self, node, name):
        return node.request("GET", f"/{name}").json()["dist-tags"]

    def diverge(self):
        """Both sides have written. Returns the tarballs that only east has, and the one of west that is in the way."""
        self.part()
        mine = {}
        for name, version, extra in (("alone", "1.0.0", os.urandom(3_000)), ("alone", "1.1.0", os.urandom(9_500_000)),
                                     ("shared", "1.1.0", os.urandom(2_000)), ("clash", "2.0.0", b"of east")):
            answer, mine[name, version] = self.publish(self.east, name, version, extra)
            self.assertEqual(answer.status, 201, answer.body)
        token = Registry(self.east.url).log_in(User("carol", "carol-password-1"))
        answer, mine["hers", "1.0.0"] = publish(Registry(self.east.url), token, "hers", "1.0.0", b"carol's")
        self.assertEqual(answer.status, 201, answer.body)
        tag = self.east.request("PUT", "/-/package/alone/dist-tags/beta", "1.0.0", token=self.token)
        self.assertEqual(tag.status, 201, tag.body)
        before = self.east.request("GET", "/alone").json()
        self.west_leads()
        answer, theirs = self.publish(self.west, "clash", "2.0.0", b"of west")
        self.assertEqual(answer.status, 201, answer.body)
        self.assertEqual(self.publish(self.west, "shared", "1.2.0")[0].status, 201)
        self.east_comes_back()
        for name, version in mine:
            if name != "clash":
                found = self.east.request("GET", f"/{name}")
                self.assertTrue(found.status == 404 or version not in found.json()["versions"], (name, version))
        return mine, theirs, before, token

    def expect_reapplied(self, records):
        self.assertEqual(records.pop("publish clash 2.0.0"),
                         ("cannot", "2.0.0 was published by alice meanwhile, with another tarball"))
        self.assertEqual(records.pop("publish shared 1.1.0"),
                         ("reapplied", "the dist-tag latest stays: it is at 1.2.0 meanwhile"))
        for about in ("publish alone 1.0.0", "publish alone 1.1.0", "publish hers 1.0.0", "dist-tag alone 1.0.0", "user"):
            self.assertEqual(records.pop(about), ("reapplied", ""), about)
        self.assertEqual(records, {})

    def expect_everything_back(self, mine, theirs, before, token):
        for (name, version), tarball in mine.items():
            if name != "clash":
                self.expect_version(name, version, tarball)
        self.expect_version("clash", "2.0.0", theirs)
        for node in self.nodes:
            self.assertEqual(self.tags_of(node, "alone"), {"beta": "1.0.0", "latest": "1.1.0"})
            self.assertEqual(self.tags_of(node, "shared"), {"latest": "1.2.0"})
            self.assertEqual(node.request("GET", "/-/whoami", token=token).json()["username"], "carol")
            # When it was published, and what the publisher said, is as it was.
            now = node.request("GET", "/alone").json()
            self.assertEqual(now["time"]["1.1.0"], before["time"]["1.1.0"])
            for version, manifest in before["versions"].items():
                for documents in (manifest, now["versions"][version]):
                    documents["dist"].pop("tarball", None)  # It has the address of who was asked.
                self.assertEqual(now["versions"][version], manifest)

    def expect_clean(self):
        for node in self.nodes:
            node.stop()
            node.admin("verify", "--deep")  # Exit status 0: no finding.

    def test_on_a_follower(self):
        mine, theirs, before, token = self.diverge()
        lsn = self.west.status()["lsn"]
        report, records = self.reapply(self.east, "--dry-run")
        self.expect_reapplied(records)
        self.assertTrue(report["dry_run"])
        self.assertEqual(self.west.status()["lsn"], lsn)
        self.assertNotIn("handled", json.loads(self.east.admin("replication", "divergence"))[0])
        self.assertEqual(self.east.status()["set_aside_folders"], 1)
        self.assertIn("1 folder of records that nobody else has", self.east.admin("replication", "status"))

        report, records = self.reapply(self.east)
        self.expect_reapplied(records)
        self.expect_equal()
        self.expect_everything_back(mine, theirs, before, token)
        self.assertEqual(self.east.status()["set_aside_folders"], 0)
        handled = json.loads(self.east.admin("replication", "divergence"))[0]["handled"]
        self.assertEqual((handled["reapplied"], handled["already_there"], handled["cannot"]),
                         (report["reapplied"], report["already_there"], report["cannot"]))

        # A second run finds everything there, and writes nothing.
        lsn = self.west.status()["lsn"]
        again, records = self.reapply(self.east)
        self.assertEqual(records.pop("publish clash 2.0.0")[0], "cannot")
        self.assertEqual({result for result, _ in records.values()}, {"already there"})
        self.assertEqual((again["reapplied"], again["cannot"]), (0, 1))
        self.assertEqual(self.west.status()["lsn"], lsn)
        self.assertIn(f"0 reapplied, {again['already_there']} already there, 1 cannot",
                      self.east.admin("replication", "reapply"))
        # What was applied again is a version like any other: the next one stands on it, and what is removed stays removed.
        self.assertEqual(self.publish(self.east, "alone", "1.2.0")[0].status, 201)
        self.assertEqual(self.publish(self.west, "alone", "1.1.0", b"other")[0].status, 403)
        self.expect_clean()

    def test_on_a_node_that_leads_again(self):
        mine, theirs, before, token = self.diverge()
        self.west.admin("demote", "--to", self.east.url + "/")
        wait_for("east leads", lambda: self.east.role() == "leader")
        wait_for("west follows", lambda: self.west.role() == "follower" and self.west.ready())
        _, records = self.reapply(self.east)
        self.expect_reapplied(records)
        self.expect_equal()
        self.expect_everything_back(mine, theirs, before, token)
        self.expect_clean()

    def test_damaged_bytes_are_not_published(self):
        self.part()
        answer, _ = self.publish(self.east, "alone", "1.0.0", os.urandom(9_500_000))
        self.assertEqual(answer.status, 201, answer.body)
        answer, whole = self.publish(self.east, "whole", "1.0.0", os.urandom(3_000))
        self.assertEqual(answer.status, 201, answer.body)
        self.west_leads()
        self.east_comes_back()
        # The large tarball has a segment of its own.
        segments = next(self.east.data.glob("diverged-after-*")) / "segments"
        largest = max(segments.iterdir(), key=lambda path: path.stat().st_size)
        with open(largest, "r+b") as file:
            file.seek(5_000_000)
            byte = file.read(1)
            file.seek(5_000_000)
            file.write(bytes([byte[0] ^ 1]))
        _, records = self.reapply(self.east)
        result, reason = records["publish alone 1.0.0"]
        self.assertEqual(result, "cannot")
        self.assertIn("its bytes are damaged", reason)
        self.assertEqual(records["publish whole 1.0.0"], ("reapplied", ""))
        for node in self.nodes:
            self.assertEqual(node.request("GET", "/alone").status, 404)
        self.expect_version("whole", "1.0.0", whole)
        self.expect_clean()

    def test_a_run_that_breaks_off_is_gone_on_with(self):
        """Whoever falls, the leader or the node that reapplies: nothing is done twice, and nothing is left out."""
        self.part()
        tarballs = {}
        for number in range(RECORDS):
            name, version = f"many-{number % 7}", f"1.0.{number}"
            answer, tarballs[name, version] = self.publish(self.east, name, version, os.urandom(2_000))
            self.assertEqual(answer.status, 201, answer.body)
        self.west_leads()
        self.east_comes_back()
        for victim in (self.west, self.east):
            lsn = self.west.status()["lsn"]
            command = [str(BINARY), "replication", "reapply", "--data", str(self.east.data)]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
                wait_for("some are applied", lambda: run.poll() is not None or
                         self.west.status()["lsn"] >= lsn + RECORDS // 10)
                victim.kill()
                if run.wait(90) != 0:  # Or it was quicker than the kill.
                    self.assertEqual(self.handled(), [])
                victim.start()
            self.wait_in_sync(self.west, self.east)
        report, _ = self.reapply(self.east)
        self.assertEqual(report["cannot"], 0)
        self.assertEqual(report["reapplied"] + report["already_there"], len(tarballs) + self.others(report))
        self.assertEqual(len(self.handled()), 1)
        self.expect_equal()
        for (name, version), tarball in tarballs.items():
            self.expect_version(name, version, tarball)
        self.expect_clean()

    def handled(self):
        """The counts of the folders that were gone through."""
        return [json.loads(path.read_text()) for path in self.east.data.glob("diverged-after-*/handled")]

    @staticmethod
    def others(report):
        return sum(record["kind"] != "publish" for folder in report["folders"] for record in folder["records"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
