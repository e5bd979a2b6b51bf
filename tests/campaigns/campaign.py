#!/usr/bin/env python3
"""One command for every fault campaign: `./dev campaign list`, `./dev campaign NAME [--seed S] [--rounds N]`.

Prints one line of words and one line of JSON. Exit status 0 only when every invariant held; 77 where the machine allows no
such campaign.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

import clock_campaign
import connections_campaign
import flood_campaign
import memory_campaign
import overload_campaign
import slow_disk_campaign
import soak_campaign
from ground import Ground

TESTS = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("TARN_BIN", "build/release/tarn")).resolve().parent
SKIPPED = 77


@dataclasses.dataclass
class Campaign:
    """One that runs here, on a `Ground`."""
    about: str
    rounds: int
    run: Callable
    environment: dict | Callable = dataclasses.field(default_factory=dict)  # Or what makes one when it begins.

    def execute(self, seed, rounds):
        ground = Ground(seed, self.environment() if callable(self.environment) else self.environment)
        try:
            figures = self.run(ground, rounds)
            ground.expect_invariants()
            return figures
        except BaseException:
            print(ground.last_words(), file=sys.stderr)
            raise
        finally:
            ground.close()


@dataclasses.dataclass
class Program:
    """One that is a program of its own. SEED and ROUNDS in its arguments and its environment are filled in."""
    about: str
    rounds: int
    command: list
    environment: dict = dataclasses.field(default_factory=dict)

    def execute(self, seed, rounds):
        def fill(text):
            return str(text).replace("SEED", str(seed)).replace("ROUNDS", str(rounds))
        environment = {**os.environ, "TEST_SEED": str(seed), **{key: fill(value) for key, value in self.environment.items()}}
        code = subprocess.run([fill(word) for word in self.command], env=environment, check=False).returncode
        if code == SKIPPED:
            sys.exit(SKIPPED)
        assert code == 0, f"exit status {code}"
        return {}


def script(path, *arguments):
    return [sys.executable, TESTS / path, *arguments]


CAMPAIGNS = {
    "slowloris": Campaign("slow heads, slow bodies and slow readers in turn; others are served, the slow are cut off", 30,
                          connections_campaign.slowloris, connections_campaign.QUICK),
    "idle": Campaign("10,000 connections that do nothing: memory of each, reads and publishes beside them (rounds: thousands)",
                     10, connections_campaign.idle, connections_campaign.MANY),
    "descriptors": Campaign("the limit of open files falls below what clients and the journal want", 100,
                            connections_campaign.descriptors, connections_campaign.SMALL_SEGMENTS),
    "slow_disk": Campaign("syncs that do not come back for a while, under publishes: noticed, named, survived", 100,
                          slow_disk_campaign.slow_disk, slow_disk_campaign.ENVIRONMENT),
    "overload": Campaign("ten times the rated load, of reads and of publishes: as much is done, the rest refused early", 10,
                         overload_campaign.overload),
    "tarball_flood": Campaign("fast and slow clients of big tarballs; packuments beside them stay fast", 20,
                              flood_campaign.flood, flood_campaign.ENVIRONMENT),
    "memory_limit": Campaign("a limit on memory under publishes: served, refused or ended, nothing lost", 50,
                             memory_campaign.memory_limit),
    "clock_jumps": Campaign("a wall clock that jumps by seconds to years, by a preloaded library, under publishes", 100,
                            clock_campaign.clock_jumps, clock_campaign.environment),
    "soak": Campaign("mixed load; memory does not go on growing (rounds: minutes)", 60,
                     soak_campaign.soak, soak_campaign.ENVIRONMENT),
    "kill": Program("kill -9 under a publish load", 200, script("blackbox/kill_test.py"), {"KILL_ROUNDS": "ROUNDS"}),
    "disk_full": Program("a small disk that fills up, is filled by others, and gets room again (needs root)", 1,
                         script("blackbox/disk_full_test.py")),
    "import_kill": Program("kill -9 of an import", 100, script("blackbox/import_kill_test.py"), {"IMPORT_KILLS": "ROUNDS"}),
    "import_disk_full": Program("a disk that fills up under an import (needs root)", 1, script("blackbox/import_disk_full_test.py")),
    "regions": Program("two regions on a wire that fails (needs root)", 100,
                       script("campaigns/regions_campaign.py", "--seed", "SEED", "--rounds", "ROUNDS")),
    "failover": Program("leaders that die, stand still or are cut off, with an etcd (needs root)", 50,
                        script("campaigns/failover_campaign.py", "--seed", "SEED", "--rounds", "ROUNDS")),
    "power_cut": Program("power cuts in the engine on the fault file system: unsynced bytes dropped, torn writes", 1000,
                         [BUILD / "power_cut_test"], {"TARN_CRASH_ROUNDS": "ROUNDS"}),
    "bit_flips": Program("one flipped bit anywhere in the segments: verify finds it, and nothing wrong is served", 10_000,
                         [BUILD / "engine_test", "--gtest_filter=BitFlipCampaign.*"],
                         {"TARN_BIT_FLIPS": "ROUNDS", "TARN_BIT_FLIP_SEED": "SEED"}),
}


def show_list():
    for name, campaign in CAMPAIGNS.items():
        print(f"{name:18} {campaign.rounds:5} rounds  {campaign.about}")
    return 0


def main():
    parser = argparse.ArgumentParser(prog="./dev campaign")
    parser.add_argument("name", choices=["list", *CAMPAIGNS], metavar="NAME")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rounds", type=int, help="how many; without it the full count")
    arguments = parser.parse_args()
    if arguments.name == "list":
        return show_list()
    campaign = CAMPAIGNS[arguments.name]
    rounds = arguments.rounds or campaign.rounds
    begin = time.monotonic()
    outcome = {"campaign": arguments.name, "seed": arguments.seed, "rounds": rounds}
    print(f"./dev campaign {arguments.name} --seed {arguments.seed} --rounds {rounds}", flush=True)
    try:
        outcome.update(campaign.execute(arguments.seed, rounds), held=True)
    except AssertionError as fault:
        outcome.update(held=False, why=str(fault))
    outcome["seconds"] = round(time.monotonic() - begin, 1)
    print(f"{arguments.name}: {'every invariant held' if outcome['held'] else 'BROKEN: ' + outcome['why']}")
    print(json.dumps(outcome), flush=True)
    return 0 if outcome["held"] else 1


if __name__ == "__main__":
    sys.exit(main())
