#!/usr/bin/env python3
"""Failover without a person, again and again: leaders that die, stand still or are cut off together with their clients.

    TARN_BIN=build/release/tarn TARN_ETCD=/usr/bin/etcd python3 tests/campaigns/failover_campaign.py [--rounds 50] [--seed N]

East, west, an etcd and a client beside each node have a network namespace of their own. Clients on both sides publish, and
two of them race for the same versions with other bytes: never may both be told 201, also not while a wire is cut. After
each fault writes are to be accepted again within 10 s by whoever can be reached from etcd's side; nothing that was
acknowledged is lost. Exit status 77 where there can be no namespaces or is no etcd.
"""

import argparse
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import time

from lab import Lab
from load import BETWEEN_WRITES_S, VERSIONS_PER_PACKAGE, Load
from machines import SKIPPED, Machine, expect_clean, expect_equal, say, told_of_failures, wait_for
from common import Registry, User, integrity, make_tarball
from failover_test import ETCD, Etcd

AGAIN_S_MAX = 10
ACKNOWLEDGED_BETWEEN = 5
LEASE_AND_MORE_S = 7


class Contest(Load):
    """A load in which two clients, one on each side, want the same versions; bytes differ."""

    def __init__(self, lab, token, seed):
        super().__init__(lab, token, seed)
        self.winners = {}
        self.contested = 0

    def contend(self, registry, machine, who, turn, dice):
        name, version = f"contest-{turn // VERSIONS_PER_PACKAGE}", f"1.0.{turn % VERSIONS_PER_PACKAGE}"
        content = f"{who} {turn}".encode()
        before = self.acknowledged.get((name, version))
        # Who comes second is refused, as npm refuses it.
        if self.publish(registry, machine, name, version, content, refusals=(403, 409, 503)):
            mine = integrity(make_tarball(name, version, content))
            with self.changed:
                first = self.winners.setdefault((name, version), (who, mine))
                self.contested += 1
            if first[0] != who or before is not None:
                self.lie(f"{name}@{version} was acknowledged to both {first[0]} and {who}: two leaders")
        time.sleep(BETWEEN_WRITES_S)

    def unanswered_alone(self):
        """In a contest what one was not told may be there for the other."""
        return {key: digest for key, digest in self.unanswered.items() if not key[0].startswith("contest-")}


class Failover:
    def __init__(self, lab, folder, seed):
        self.lab, self.started, self.dice = lab, time.monotonic(), random.Random(seed)
        self.etcd = Etcd(folder, lab.addresses["etcd"], lab.command("etcd"))
        # Plain http between machines has to be asked for; here it is a wire of our own.
        configuration = folder / "tarn.toml"
        configuration.write_text("[replication]\nallow_plain = true\n")
        self.nodes = []
        for name in ("east", "west"):
            node = Machine(lab, folder, name, follow=self.nodes[0].url + "/" if self.nodes else None)
            node.more = ["--config", str(configuration), "--etcd", self.etcd.url, "--replication-url", node.url + "/"]
            self.nodes.append(node.start(wait=False))
            wait_for(f"{name} plays a part", lambda node=node: node.role() != "gone")
            if len(self.nodes) == 1:
                wait_for("east leads", lambda node=node: node.role() == "leader")
        self.load = None
        self.wait_until_whole()
        with lab.inside("east"):
            token = Registry(self.nodes[0].url).log_in(User("alice", "alice-password-1"))
        self.load = Contest(lab, token, seed)

    def begin_load(self):
        for node in self.nodes:
            client = f"client-{node.name}"
            self.load.add_writer(client, node, f"{node.name}-1")
            self.load.add(self.load.contend, client, node, f"{node.name}-contender")
            self.load.add_reader(client, node, f"{node.name}-reader")
        self.load.resume()

    def close(self):
        if self.load is not None:
            self.load.stop()
        self.lab.heal()
        for node in self.nodes:
            node.close()
        self.etcd.stop()

    def leader(self):
        return next((node for node in self.nodes if node.role() == "leader"), None)

    def wait_until_whole(self):
        def whole():
            leader = self.leader()
            try:
                return (leader is not None and any(peer["standing"] == "in sync" for peer in leader.followers()) and
                        all(node.ready() for node in self.nodes) and leader)
            except AssertionError:
                return False  # It changes its role just now.
        return wait_for("a leader, and a follower in sync", whole)

    # --- faults: each returns how it is healed ---

    def kill(self, leader, other):
        leader.kill()
        return lambda: leader.start(wait=False)

    def freeze(self, leader, other):
        leader.pause()
        return leader.go_on

    def isolate_with_clients(self, leader, other):
        self.lab.isolate(leader.name, f"client-{leader.name}")
        return self.lab.heal

    def isolate_alone(self, leader, other):
        self.lab.isolate(leader.name)
        return self.lab.heal

    def lose_etcd(self, leader, other):
        """Its peer and all clients reach it, etcd does not: it hears nothing from there."""
        self.lab.silence("etcd", towards=leader.name)
        return self.lab.heal

    # --- the campaign ---

    def run(self, rounds):
        """Seconds without an acknowledgement after each fault, by kind."""
        self.begin_load()
        kinds = [self.kill, self.isolate_with_clients, self.freeze, self.isolate_alone, self.lose_etcd]
        plan = []
        while len(plan) < rounds:
            plan += self.dice.sample(kinds, len(kinds))
        pauses = {}
        for number, disturb in enumerate(plan[:rounds], 1):
            pause = self.round(disturb)
            pauses.setdefault(disturb.__name__, []).append(pause)
            say(self.started, f"round {number}: {disturb.__name__}, writes again after {pause:.1f} s, "
                              f"{len(self.load.acknowledged)} acknowledged")
        self.load.pause()
        self.wait_until_whole()
        hashes = expect_equal(self.nodes)
        for node in self.nodes:
            missing = self.load.missing_at(node)
            assert not missing, f"acknowledged and not at {node.name}: {missing[:10]} of {len(missing)}"
        self.load.unanswered = self.load.unanswered_alone()
        wrong = self.load.half_there(self.nodes)
        assert not wrong, f"neither whole nor absent, or there though denied: {wrong[:10]}"
        self.load.expect_no_lies()
        self.load.stop()
        return hashes, pauses

    def round(self, disturb):
        self.load.wait_for_acknowledgements(ACKNOWLEDGED_BETWEEN)
        leader = self.wait_until_whole()
        other = next(node for node in self.nodes if node is not leader)
        time.sleep(self.dice.random() * 0.5)
        heal = disturb(leader, other)
        # Of the side that can go on. An answer that was on its way when the fault came is no sign of life.
        time.sleep(0.2)
        pause = 0.2 + self.load.wait_for_acknowledgements(1, (f"client-{other.name}",))
        assert pause < AGAIN_S_MAX, f"{disturb.__name__}: {pause:.1f} s without a leader"
        # The old leader goes on believing for a while, where it can: that is when two could acknowledge.
        time.sleep(self.dice.random() * LEASE_AND_MORE_S / 2)
        heal()
        self.load.expect_no_lies()
        return pause


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    reason = Lab.why_not() or ("" if pathlib.Path(ETCD).exists() else f"{ETCD} is not there")
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    print(f"--seed {arguments.seed} --rounds {arguments.rounds}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-failovers-"))
    lab = Lab(["east", "west", "etcd", "client-east", "client-west"])
    failover = None
    try:
        failover = Failover(lab, folder, arguments.seed)
        with told_of_failures(failover.nodes):
            (lsn, _, state), pauses = failover.run(arguments.rounds)
            expect_clean(failover.nodes)
        load = failover.load
        for kind, values in sorted(pauses.items()):
            print(f"{kind:22} {len(values):3} rounds, writes again after {min(values):.1f} / {statistics.median(values):.1f} / "
                  f"{max(values):.1f} s (min, median, max)")
        print(f"{len(load.acknowledged)} acknowledged, 0 lost; {load.contested} versions contested by both sides, none "
              f"acknowledged twice; {load.reads} reads, {load.unavailable} of them unavailable, 0 wrong; both at LSN {lsn}, "
              f"state hash {state}", flush=True)
    finally:
        if failover is not None:
            failover.close()
        lab.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
