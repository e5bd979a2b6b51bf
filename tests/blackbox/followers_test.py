#!/usr/bin/env python3
"""What a follower says of itself, what it does when something is wrong with it, and how leadership changes hands."""

import os
import signal
import time
import unittest

from common import publish
from two_regions_test import Pair, wait_for


def metrics_of(node):
    lines = node.request("GET", "/-/metrics").body.decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


class Visibility(Pair):
    def test_both_sides_tell_how_far_the_follower_is(self):
        self.west.start()
        self.wait_in_sync()
        self.expect_equal()
        west = self.west.status()
        peer = self.east.status()["followers"][0]
        self.assertEqual(peer["state_hash"], west["state_hash"])
        self.assertEqual(west["leader_state_hash"], west["state_hash"])
        self.assertEqual((peer["lag_records"], peer["lag_bytes"]), (0, 0))
        # West stands still: what it lacks is counted on east, in records, bytes and time, and why it left the set.
        self.west.process.send_signal(signal.SIGSTOP)
        for number in range(3):
            self.assertEqual(publish_of(self, number).status, 201)
        peer = wait_for("the lag is measured", lambda: (now := self.east.status()["followers"][0]) and
                        now["lag_bytes"] > 300_000 and now["lag_ms"] > 1_000 and now)
        self.assertGreaterEqual(peer["lag_records"], 3)
        self.assertLess(peer["lag_bytes"], 400_000)
        self.assertIn("no acknowledgement of LSN", peer["last_error"])
        metrics = metrics_of(self.east)
        node = f'{{node="{peer["node"]}"}}'
        self.assertGreater(int(metrics["replication_peer_lag_bytes" + node]), 300_000)
        self.assertGreater(int(metrics["replication_peer_lag_milliseconds" + node]), 1_000)
        self.assertGreaterEqual(int(metrics["replication_peer_lag_records" + node]), 3)
        self.assertEqual(metrics["replication_peer_in_sync" + node], "0")
        self.assertIn("no acknowledgement", self.east.admin("replication", "status"))
        self.west.process.send_signal(signal.SIGCONT)
        self.wait_in_sync()
        self.expect_equal()
        wait_for("nothing is behind", lambda: self.east.status()["followers"][0]["lag_bytes"] == 0)
        # The leader is gone: west says since when, and keeps the words when it is over.
        self.east.kill()
        wait_for("west notices", lambda: self.west.status().get("last_error"))
        self.east.start()
        self.wait_in_sync()
        west = self.west.status()
        self.assertEqual(west["error"], "")
        self.assertNotEqual(west["last_error"], "")
        self.assertIn(", over)", self.west.admin("replication", "status"))
        metrics = metrics_of(self.west)
        self.assertEqual(metrics["replication_lag_bytes"], "0")
        self.assertEqual(metrics["replication_broken"], "0")
        self.assertGreater(int(metrics["replication_last_error_age_milliseconds"]), 0)
        state = f'replication_state_info{{node="{west["node"]}",state_hash="{west["state_hash"]}"}}'
        self.assertIn(state, metrics)
        self.assertTrue(any(west["state_hash"] in line for line in metrics_of(self.east)))


def publish_of(case, number):
    return case.publish(case.east, "behind", f"1.0.{number}", os.urandom(100_000))[0]


if __name__ == "__main__":
    unittest.main(verbosity=2)
