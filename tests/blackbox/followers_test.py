#!/usr/bin/env python3
"""What a follower says of itself, what it does when something is wrong with it, and how leadership changes hands."""

import os
import signal
import socket
import threading
import time
import unittest

from common import Registry, User
from two_regions_test import Pair, wait_for


def metrics_of(node):
    lines = node.request("GET", "/-/metrics").body.decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


class LogHolder:
    """Stands before a leader, and holds back the journal's bytes while `held` is set; everything else passes at once."""

    def __init__(self, port):
        self.to = port
        self.held = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.server.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            is_log = threading.Event()
            for way in ((near, far, is_log, None), (far, near, None, is_log)):
                threading.Thread(target=self.pass_on, args=way, daemon=True).start()

    def pass_on(self, source, target, mark, marked):
        try:
            while piece := source.recv(65536):
                if mark and piece.startswith(b"GET /-/replication/v1/log?"):
                    mark.set()
                while marked and marked.is_set() and self.held.is_set():
                    time.sleep(0.02)
                target.sendall(piece)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.held.clear()
        self.server.close()


class NewsOnTheWay(Pair):
    ACK = "local"

    def setUp(self):
        super().setUp()
        self.holder = LogHolder(self.east.port)
        self.addCleanup(self.holder.close)
        self.west.follow = self.holder.url
        self.west.start()
        wait_for("west is ready", self.west.ready)

    def at_west_while_the_news_is_held(self, ask):
        """What west answers to a question that comes before the news does."""
        before = self.west.status()["lsn"]
        self.assertLess(before, self.east.status()["lsn"])
        timer = threading.Timer(1.0, self.holder.held.clear)
        timer.start()
        try:
            begin = time.monotonic()
            answer = ask()
            self.assertGreater(time.monotonic() - begin, 0.3)  # It did wait for the news.
            return answer
        finally:
            timer.join()

    def test_a_token_made_on_east_is_good_on_west_at_once(self):
        self.holder.held.set()
        token = Registry(self.east.url).log_in(User("bob", "bob-password-1"))
        answer = self.at_west_while_the_news_is_held(
            lambda: self.west.request("GET", "/-/whoami", token=token))
        self.assertEqual((answer.status, answer.json()), (200, {"username": "bob"}))

    def test_what_a_new_token_may_see_is_not_called_missing(self):
        self.assertEqual(self.publish(self.east, "@alice/secret", "1.0.0")[0].status, 201)
        answer = self.east.request("POST", "/-/package/@alice%2fsecret/access", {"access": "restricted"},
                                   token=self.token)
        self.assertEqual(answer.status, 200, answer.body)
        self.expect_equal()
        self.assertEqual(self.west.request("GET", "/@alice%2fsecret").status, 404)
        self.holder.held.set()
        token = Registry(self.east.url).log_in(User("alice", "alice-password-1"))
        answer = self.at_west_while_the_news_is_held(
            lambda: self.west.request("GET", "/@alice%2fsecret", token=token))
        self.assertEqual(answer.status, 200, answer.body)

    def test_nobody_is_called_unknown_while_the_leader_cannot_be_asked(self):
        self.assertEqual(self.west.request("GET", "/-/whoami", token="npm_no-such-token").status, 401)
        self.east.kill()
        self.assertEqual(self.west.request("GET", "/-/whoami", token="npm_no-such-token").status, 503)
        self.assertEqual(self.west.request("GET", "/-/whoami").status, 401)  # Who shows nothing is nobody.
        self.assertEqual(self.west.request("GET", "/-/whoami", token=self.token).status, 200)


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
