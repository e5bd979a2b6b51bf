#!/usr/bin/env python3
"""East and west on a wire that fails, under load from both sides.

    TARN_BIN=build/release/tarn python3 tests/campaigns/regions_campaign.py [--rounds 100] [--local-rounds 10] [--seed N]

Each round does one thing to a pair that acknowledges in mode `remote`: the wire is cut and healed, a node is killed and
started again, stands still, or has to do with a line of 80 ms that stalls and resets. No acknowledged publish may be lost,
no client be told what is wrong, and at the end both sides have one state. The local rounds lose a leader that
acknowledges alone and promote the other side: what is lost then must be listed by the old leader when it comes back, and
be there again, byte for byte on both sides, after `tarn replication reapply`.
Needs root for network namespaces; exit status 77 without.
"""

import argparse
import json
import pathlib
import random
import shutil
import sys
import tempfile
import time

from lab import Lab
from load import Load
from machines import (SKIPPED, Machine, expect_clean, expect_equal, say, told_of_failures, wait_for, wait_until_whole)
from common import Registry, User

ACKNOWLEDGED_BETWEEN = 5
LEADER_AGAIN_S = 60
CHECK_EACH = 10  # Rounds, with the load paused.
LOCAL_ACKNOWLEDGED = 20


class Regions:
    def __init__(self, lab, folder, seed, ack):
        self.lab, self.started = lab, time.monotonic()
        self.dice = random.Random(f"{seed} {ack}")
        folder.mkdir()
        self.east = Machine(lab, folder, "east", ack=ack)
        self.west = Machine(lab, folder, "west", ack=ack)
        self.nodes = [self.east, self.west]
        # Each reaches the other by a line that can be made a bad one.
        self.line_of = {self.east: self.east.begin_line(self.west, seed),
                        self.west: self.west.begin_line(self.east, seed + 1)}
        self.west.follow = self.line_of[self.west]
        for node in self.nodes:
            # A leader of the second kind has no --follow: the first node of a cluster.
            node.start(wait=node is self.east)
        with lab.inside("east"):
            self.token = Registry(self.east.url).log_in(User("alice", "alice-password-1"))
        wait_for("west answers", self.west.alive)
        wait_until_whole(self.east, self.west)
        self.load = Load(lab, self.token, seed)
        self.checked = 0

    def begin_load(self):
        for who in ("east-1", "east-2"):
            self.load.add_writer("client-east", self.east, who)
        self.load.add_writer("client-west", self.west, "west-1")
        for side, node in (("east", self.east), ("west", self.west)):
            self.load.add_reader(f"client-{side}", node, f"reader-{side}")
        self.load.resume()

    def close(self):
        self.load.stop()
        self.lab.heal()
        for node in self.nodes:
            node.close()

    # --- what goes wrong, one at a time ---

    def cut(self):
        """Some cuts end before anybody notices; some last until the other side counts as gone (3 s, 5 s)."""
        self.lab.isolate("east", "client-east")
        time.sleep(self.dice.choice((0.3, 2, 5, 8)) * (0.5 + self.dice.random() / 2))
        self.lab.heal()

    def cut_and_restart(self):
        self.lab.isolate("east", "client-east")
        time.sleep(self.dice.random() * 4)
        node = self.dice.choice(self.nodes)
        node.kill()
        node.start(wait=False)
        time.sleep(self.dice.random() * 2)
        self.lab.heal()
        wait_for(f"{node.name} answers", node.alive)

    def kill_east(self):
        self.kill(self.east)

    def kill_west(self):
        self.kill(self.west)

    def kill(self, node):
        node.kill()
        time.sleep(self.dice.choice((0, 1, 4)) * self.dice.random())
        node.start()

    def freeze(self):
        node = self.dice.choice(self.nodes)
        node.pause()
        time.sleep(self.dice.choice((0.5, 4, 7)) * (0.5 + self.dice.random() / 2))
        node.go_on()

    def bad_line(self):
        self.west.set_line("slow")
        time.sleep(2 + 4 * self.dice.random())
        self.west.set_line("clear")

    def resets(self):
        for _ in range(self.dice.randrange(1, 6)):
            self.west.set_line("reset")
            time.sleep(self.dice.random() / 2)

    # --- the campaign in mode remote ---

    def run(self, rounds):
        self.begin_load()
        kinds = [self.cut, self.kill_east, self.kill_west, self.freeze, self.bad_line, self.resets, self.cut_and_restart]
        plan = []
        while len(plan) < rounds:  # Each kind as often as every other.
            plan += self.dice.sample(kinds, len(kinds))
        for number, disturb in enumerate(plan[:rounds], 1):
            self.load.wait_for_acknowledgements(ACKNOWLEDGED_BETWEEN)
            if self.dice.random() < 0.7:  # Else the next fault meets a follower that is still catching up.
                wait_until_whole(self.east, self.west)
            disturb()
            paused = self.load.wait_for_acknowledgements(1, ("client-east",), LEADER_AGAIN_S)
            say(self.started, f"round {number}: {disturb.__name__}, {len(self.load.acknowledged)} acknowledged, "
                              f"again after {paused:.1f} s")
            self.load.expect_no_lies()
            if number % CHECK_EACH == 0:
                self.check()
        self.load.pause()
        self.checked = 0
        hashes = self.check(last=True)
        self.load.stop()
        return hashes

    def check(self, last=False):
        """Everything that was acknowledged since the last time is on both sides, and both have one state."""
        self.load.pause()
        wait_until_whole(self.east, self.west)
        hashes = expect_equal(self.nodes)
        keys = list(self.load.acknowledged)[self.checked:]
        self.checked = len(self.load.acknowledged)
        for node in self.nodes:
            missing = self.load.missing_at(node, keys)
            assert not missing, f"acknowledged and not at {node.name}: {missing[:10]} of {len(missing)}"
        if last:
            wrong = self.load.half_there(self.nodes)
            assert not wrong, f"neither whole nor absent, or there though denied: {wrong[:10]}"
        else:
            self.load.resume()
        self.load.expect_no_lies()
        return hashes

    # --- a leader that acknowledges alone is lost ---

    def run_local(self, rounds):
        """Returns how many acknowledged publishes each round lost."""
        self.begin_load()
        losses = []
        leader, follower = self.nodes
        for number in range(1, rounds + 1):
            self.load.resume()
            self.load.wait_for_acknowledgements(LOCAL_ACKNOWLEDGED)
            wait_for(f"{follower.name} is ready", follower.ready)
            losses.append(self.lose(leader, follower, number))
            leader, follower = follower, leader
        self.load.stop()
        self.load.expect_no_lies()
        return losses

    def lose(self, leader, follower, number):
        began = time.monotonic()
        if number % 3:  # Else: killed while everything flows.
            self.lab.isolate(leader.name, f"client-{leader.name}")
            time.sleep(self.dice.random() * 2)
        leader.kill()
        self.load.pause()
        self.lab.heal()
        self.promote(follower)
        lost = self.load.missing_at(follower)
        keys = [(name, version) for name, version, _ in lost]
        late = [key for key in keys if self.load.times[key] < began - 1]
        assert not late, f"lost, though acknowledged long before the failure: {late}"
        leader.follow = self.line_of[leader]
        leader.start()
        wait_for(f"{leader.name} follows", lambda: leader.role() == "follower")
        wait_until_whole(follower, leader)
        expect_equal(self.nodes)
        listed = {(record["package"], record["version"]) for folder in json.loads(leader.admin("replication", "divergence"))
                  for record in folder["records"]}
        unlisted = set(keys) - listed
        assert not unlisted, f"lost, and the old leader does not list it: {unlisted}"
        self.apply_again(leader, set(keys))
        for node in self.nodes:
            missing = self.load.missing_at(node)
            assert not missing, f"not at {node.name}, though applied again: {missing[:10]}"
        expect_equal(self.nodes)
        say(self.started, f"local round {number}: {leader.name} lost with {len(keys)} of {len(self.load.acknowledged)} "
                          "acknowledged publishes, all listed by `tarn replication divergence` and applied again")
        return len(keys)

    @staticmethod
    def apply_again(node, keys):
        """Nobody else has published them, so that nothing may be in their way."""
        report = json.loads(node.admin("replication", "reapply", "--json"))
        records = [record for folder in report["folders"] for record in folder["records"]]
        back = {(record["package"], record["version"]) for record in records if record["result"] != "cannot"}
        assert keys <= back, f"lost, and not applied again: {[r for r in records if r['result'] == 'cannot'][:10]}"

    def promote(self, node):
        """As an operator would: once it is noticed that the leader is gone."""
        def promoted():
            try:
                node.admin("promote", "--accept-loss")
            except AssertionError as error:
                if "alive" not in str(error):
                    raise
                return False
            return True
        wait_for(f"{node.name} may be promoted", promoted)
        wait_for(f"{node.name} leads", lambda: node.role() == "leader")


def campaign(folder, lab, arguments):
    begin = time.monotonic()
    regions = Regions(lab, folder / "remote", arguments.seed, "remote")
    try:
        with told_of_failures(regions.nodes):
            lsn, _, state = regions.run(arguments.rounds)
            load = regions.load
            expect_clean(regions.nodes)
            print(f"remote: {arguments.rounds} rounds in {time.monotonic() - begin:.0f} s; {len(load.acknowledged)} "
                  f"acknowledged, 0 lost; {len(load.unanswered)} not acknowledged, each whole or absent; {load.reads} "
                  f"reads, {load.unavailable} of them unavailable, 0 wrong; both at LSN {lsn}, state hash {state}", flush=True)
    finally:
        regions.close()
    if not arguments.local_rounds:
        return
    regions = Regions(lab, folder / "local", arguments.seed, "local")
    try:
        with told_of_failures(regions.nodes):
            losses = regions.run_local(arguments.local_rounds)
            expect_clean(regions.nodes)
            print(f"local: {arguments.local_rounds} promotions; {sum(losses)} of {len(regions.load.acknowledged)} "
                  f"acknowledged were lost for a while (at most {max(losses)} at once), every one listed and applied "
                  "again; both sides equal after each", flush=True)
    finally:
        regions.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--local-rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    if reason := Lab.why_not():
        print(f"skipped: {reason}")
        return SKIPPED
    print(f"--seed {arguments.seed} --rounds {arguments.rounds} --local-rounds {arguments.local_rounds}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-regions-"))
    lab = Lab(["east", "west", "client-east", "client-west"])
    try:
        campaign(folder, lab, arguments)
    finally:
        lab.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
