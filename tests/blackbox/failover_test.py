#!/usr/bin/env python3
"""Failover without a person: leadership agreed on in an etcd.

The leader is killed under load, cut off, or stopped in order; a follower that is in sync takes over, nothing that was
acknowledged is lost, and never do two acknowledge. FAILOVER_ROUNDS says how many rounds (default 3 here), TEST_SEED repeats
them. TARN_ETCD names the etcd; without one the tests are skipped.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from common import BINARY, Registry, User, publish
from two_regions_test import Node, free_ports, wait_for

SEED = int(os.environ.get("TEST_SEED", str(int(time.time()))))
ROUNDS = int(os.environ.get("FAILOVER_ROUNDS", "3"))
ETCD = os.environ.get("TARN_ETCD") or shutil.which("etcd") or "/usr/bin/etcd"


class Etcd:
    def __init__(self, folder, host="127.0.0.1", prefix=()):
        client, peer = free_ports(2)
        self.url = f"http://{host}:{client}"
        peer_url = f"http://{host}:{peer}"
        with open(folder / "etcd.log", "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, ETCD, f"--data-dir={folder}/etcd", f"--listen-client-urls={self.url}",
                 f"--advertise-client-urls={self.url}", f"--listen-peer-urls={peer_url}",
                 f"--initial-advertise-peer-urls={peer_url}", f"--initial-cluster=default={peer_url}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def stop(self):
        self.process.kill()
        self.process.wait()


class ElectedNode(Node):
    """A node that etcd gives its role."""

    def __init__(self, folder, name, port, etcd, follow=None):
        super().__init__(folder, name, port, follow=follow)
        self.etcd = etcd

    def arguments(self):
        return ["--etcd", self.etcd.url, "--replication-url", self.url + "/"]


@unittest.skipUnless(pathlib.Path(ETCD).exists(), f"{ETCD} is not there")
class FailoverTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-failover-"))
        self.etcd = Etcd(self.folder)
        ports = free_ports(2)
        east = ElectedNode(self.folder, "east", ports[0], self.etcd)
        west = ElectedNode(self.folder, "west", ports[1], self.etcd, follow=east.url + "/")
        self.nodes = [east, west]
        east.start()
        wait_for("east leads", lambda: east.role() == "leader")
        west.start()
        self.wait_in_sync()
        self.token = Registry(east.url).log_in(User("alice", "alice-password-1"))
        self.acknowledged, self.stopping, self.lock = {}, threading.Event(), threading.Lock()
        self.last_acknowledged = 0.0

    def tearDown(self):
        self.stopping.set()
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
        try:
            for node in self.nodes:
                node.stop()
        finally:
            self.etcd.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def leader(self):
        return next((node for node in self.nodes if node.role() == "leader"), None)

    def wait_in_sync(self):
        def in_sync():
            leader = self.leader()
            if leader is None:
                return False
            followers = leader.status().get("followers", [])
            return any(peer["standing"] == "in sync" for peer in followers) and all(node.ready() for node in self.nodes)
        wait_for("a leader, and a follower in sync", in_sync)

    def write(self, writer):
        number = 0
        while not self.stopping.is_set():
            number += 1
            name, version = f"load-{writer}", f"1.0.{number}"
            try:
                answer, tarball = publish(Registry(self.nodes[writer % 2].url), self.token, name, version,
                                          random.Random(number).randbytes(1_000))
            except OSError:
                time.sleep(0.05)
                continue
            if answer.status == 201:
                with self.lock:
                    self.acknowledged[(name, version)] = tarball
                    self.last_acknowledged = time.monotonic()
            else:
                time.sleep(0.05)

    def watch(self, node):
        """An operator who looks at one node all the time: must not get in its way, least of all while it changes its role."""
        while not self.stopping.is_set():
            if node.process.poll() is None:
                subprocess.run([str(BINARY), "replication", "status", "--data", str(node.data)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
            time.sleep(0.01)

    def under_load(self, disturb):
        """Runs `disturb` once for each round under load; returns how long nobody was acknowledged after each."""
        writers = [threading.Thread(target=self.write, args=(i,)) for i in range(4)]
        writers += [threading.Thread(target=self.watch, args=(node,)) for node in self.nodes]
        for writer in writers:
            writer.start()
        pauses = []
        try:
            for _ in range(ROUNDS):
                seen = len(self.acknowledged)
                wait_for("publishes are acknowledged", lambda: len(self.acknowledged) > seen + 5)
                self.wait_in_sync()
                began, heal = disturb()
                wait_for("writes are acknowledged again", lambda: self.last_acknowledged > began)
                pauses.append(self.last_acknowledged - began)
                heal()
                self.wait_in_sync()
        except AssertionError:
            for node in self.nodes:
                said = node.admin("replication", "status") if node.alive() else "(gone)"
                print(f"--- {node.folder.name}\n{said}\n{node.log()[-6000:]}")
            raise
        finally:
            self.stopping.set()
            for writer in writers:
                writer.join()
        return pauses

    def check(self):
        self.wait_in_sync()

        def equal():
            a, b = (node.status() for node in self.nodes)
            return all(a[key] == b[key] for key in ("lsn", "chain_hash", "state_hash"))
        wait_for("both have the same state", equal)
        for (name, version), tarball in self.acknowledged.items():
            for node in self.nodes:
                answer = node.request("GET", f"/{name}/-/{name}-{version}.tgz")
                self.assertEqual((answer.status, answer.body == tarball), (200, True), (name, version, node.url))

    def test_a_killed_leader_is_replaced(self):
        print(f"TEST_SEED={SEED} FAILOVER_ROUNDS={ROUNDS}")
        dice = random.Random(SEED)

        def kill():
            time.sleep(dice.random() * 0.5)
            leader = wait_for("a leader", self.leader)
            leader.kill()
            began = time.monotonic()
            return began, leader.start
        pauses = self.under_load(kill)
        print(f"{len(self.acknowledged)} acknowledged, {ROUNDS} kills, writes again after "
              f"{', '.join(f'{pause:.1f}' for pause in pauses)} s")
        self.check()

    def test_a_leader_that_stands_still_is_replaced_and_does_not_answer_any_more(self):
        dice = random.Random(SEED)

        def freeze():
            time.sleep(dice.random() * 0.5)
            leader = wait_for("a leader", self.leader)
            leader.pause()
            other = next(node for node in self.nodes if node is not leader)
            wait_for("the other one leads", lambda: other.role() == "leader")
            began = time.monotonic()
            leader.process.send_signal(signal.SIGCONT)
            return began, lambda: None
        self.under_load(freeze)
        self.check()

    def test_a_leader_that_is_stopped_in_order_hands_over_at_once(self):
        leader, other = self.nodes
        self.assertEqual(publish(Registry(leader.url), self.token, "one", "1.0.0")[0].status, 201)
        leader.stop()
        wait_for("the other one leads", lambda: other.role() == "leader")
        wait_for("it takes writes", lambda: publish(Registry(other.url), self.token, "two", "1.0.0")[0].status == 201)
        leader.start()
        self.check()
        self.assertEqual(other.role(), "leader")


if __name__ == "__main__":
    unittest.main(verbosity=2)
