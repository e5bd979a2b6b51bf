#!/usr/bin/env python3
"""tarn beside Verdaccio: the same publishes and GETs, one core for the servers in turns, another for the load.

    TARN_BIN=build/release/tarn LOAD_GEN=build/release/load_gen python3 bench/load/peers.py [--rounds 5] [--seconds 0.5]

Verdaccio comes from the npm registry into build/peers, once. It does not sync what it acknowledges; tarn does.
"""

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rig import machine, report
from rig.load_gen import Load, LoadGen
from rig.npm_package import Publishes, tarball_path, version_number
from rig.rounds import Comparison, interleave, measure
from rig.tarn import Tarn
from rig.verdaccio import Verdaccio, install

REPOSITORY = Path(__file__).resolve().parents[2]
SERVER_CORE, CLIENT_CORE = 0, 1
SEED, TARBALL_BYTES, MANIFEST_BYTES = 20261126, 20_000, 2_500
PACKUMENT_VERSIONS = {"small": 1, "100 KB": 40}
PUBLISHES_A_RUN = 40


def compare_reads(load_gen, rival, subject, rounds, seconds):
    publishes = Publishes(SEED, TARBALL_BYTES, MANIFEST_BYTES)
    for label, count in PACKUMENT_VERSIONS.items():
        name = f"bench-read-{count}"
        for index in range(count):
            document = publishes.document(name, version_number(index))
            for server in (rival, subject):
                server.publish(f"/{name}", document)
        loads = [Load(connections=16, seconds=seconds, path=f"/{name}", headers={"Accept": "application/json"})] * 2
        yield comparison(f"packument {label}", 16, rival, subject, interleave(load_gen, rounds, (rival, loads[0]), (subject, loads[1])))
    load = Load(connections=16, seconds=seconds, path=tarball_path("bench-read-1", version_number(0)))
    yield comparison("tarball 20 KB", 16, rival, subject, interleave(load_gen, rounds, (rival, load), (subject, load)))


def compare_publishes(load_gen, rival, subject, rounds):
    """New packages only, so that no two publishes meet in one."""
    for connections in (1, 8):
        sides = {rival: [], subject: []}
        for number in range(rounds):
            publishes = Publishes(SEED + connections * 1_000 + number, TARBALL_BYTES, MANIFEST_BYTES)
            names = [f"bench-new-{connections}-{number}-{index}" for index in range(PUBLISHES_A_RUN)]
            records = [(f"/{name}", publishes.document(name, "1.0.0")) for name in names]
            for server in (rival, subject) if number % 2 == 0 else (subject, rival):
                sides[server].append(measure(load_gen, server, server.publish_load(records, connections), settle=True))
        yield comparison("publish 20 KB", connections, rival, subject, tuple(sides.values()))


def comparison(scenario, connections, rival, subject, samples):
    return Comparison("", scenario, connections, 0, 0.1, rival.name, subject.name, *samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    arguments = parser.parse_args()
    release = REPOSITORY / "build/release"
    binary = Path(os.environ.get("TARN_BIN", release / "tarn")).resolve()
    load_gen = LoadGen(Path(os.environ.get("LOAD_GEN", release / "load_gen")).resolve(), CLIENT_CORE)
    program = install(REPOSITORY / "build/peers")
    os.sched_setaffinity(0, {CLIENT_CORE})
    with tempfile.TemporaryDirectory(prefix="tarn-bench-") as work, ExitStack() as running:
        rival, subject = Verdaccio(program, Path(work) / "verdaccio", SERVER_CORE), Tarn(binary, Path(work) / "tarn", SERVER_CORE, {})
        subject.fill(load_gen, (), Path(work))
        for server in (rival, subject):
            server.start()
            running.callback(server.stop)
        rival.sign_up()
        report.print_machine(machine.describe(REPOSITORY, binary))
        report.print_reads_head(rival.name, subject.name)
        for row in compare_reads(load_gen, rival, subject, arguments.rounds, arguments.seconds):
            report.print_read(row)
        for row in compare_publishes(load_gen, rival, subject, arguments.rounds):
            report.print_read(row)
        print("Peak memory: " + ", ".join(f"{server.name} {server.peak_rss_bytes() >> 20} MiB" for server in (rival, subject)))


if __name__ == "__main__":
    sys.exit(main())
