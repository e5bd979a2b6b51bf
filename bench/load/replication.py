#!/usr/bin/env python3
"""A follower's first copy beside what the disk and the loopback give, and the lag of a live one.

    TARN_BIN=build/release/tarn python3 bench/load/replication.py [--mebibytes 2048] [--versions 5000] [--rounds 3]

Fills a leader, then, in turns: `cp` of its segments with fsync; the same bytes through one loopback connection into a file
with fsync (what `nc` does); and a new follower from its start until it is ready, its state built and verified. Then
publishes for a while and reports how long after the acknowledgement a follower shows what was published.
Everything is bounded and ends by itself.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "blackbox"))
from common import Registry, User, publish  # noqa: E402
from two_regions_test import Node, free_ports, wait_for  # noqa: E402

from rig.machine import fdatasync_per_second  # noqa: E402
from rig.measured import Value  # noqa: E402

COPY_BYTES = 1 << 20


def synced(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def copy(source, target):
    target.mkdir()
    for file in sorted(source.iterdir()):
        shutil.copyfile(file, target / file.name)
        synced(target / file.name)


def through_loopback(source, target):
    """All files through one connection into one file with fsync."""
    listener = socket.create_server(("127.0.0.1", 0))

    def send():
        with socket.create_connection(listener.getsockname()) as connection:
            for file in sorted(source.iterdir()):
                with open(file, "rb") as opened:
                    connection.sendfile(opened)
    sender = threading.Thread(target=send)
    sender.start()
    connection, _ = listener.accept()
    buffer = memoryview(bytearray(COPY_BYTES))
    with open(target, "wb", buffering=0) as out:
        while count := connection.recv_into(buffer):
            out.write(buffer[:count])
        os.fsync(out.fileno())
    sender.join()
    connection.close()
    listener.close()


def cpu_seconds_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(east, token, versions, bytes_each):
    noise = random.Random(1).randbytes(bytes_each + versions)

    def work(first):
        for number in range(first, versions, 4):
            answer, _ = publish(Registry(east.url), token, f"fill-{number % 97}", f"1.0.{number}",
                                noise[number:number + bytes_each])
            assert answer.status == 201, answer.body
    writers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def lag_of(west, east, token, count):
    """Milliseconds from the answer at east until the tarball is there at west."""
    lags = []
    for number in range(count):
        name = "lag"
        answer, _ = publish(Registry(east.url), token, name, f"1.0.{number}", b"x" * 2_000)
        answered = time.monotonic()
        assert answer.status == 201, answer.body
        while Registry(west.url).request("GET", f"/{name}/-/{name}-1.0.{number}.tgz").status != 200:
            pass
        lags.append((time.monotonic() - answered) * 1e3)
    return sorted(lags)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mebibytes", type=int, default=2048)
    parser.add_argument("--versions", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lag-publishes", type=int, default=300)
    parser.add_argument("--json", type=pathlib.Path, help="also into this file, as rows of bench/load/run.py")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-bench-"))
    east_port, *ports = free_ports(2 + arguments.rounds)
    east = Node(folder, "east", east_port).start()
    nodes = [east]
    try:
        token = Registry(east.url).log_in(User("alice", "alice-password-1"))
        fill(east, token, arguments.versions, arguments.mebibytes * (1 << 20) // arguments.versions)
        source = east.data / "segments"
        mib = sum(file.stat().st_size for file in source.iterdir()) / (1 << 20)
        print(f"{mib:.0f} MiB in {len(list(source.iterdir()))} segments, {east.status()['lsn']} records")
        rates = {"cp + fsync": [], "loopback + fsync": [], "follower ready": [], "of it: copied": []}
        follower_cpu = []
        for turn in range(arguments.rounds):
            begin = time.monotonic()
            copy(source, folder / "copy")
            rates["cp + fsync"].append(mib / (time.monotonic() - begin))
            shutil.rmtree(folder / "copy")
            begin = time.monotonic()
            through_loopback(source, folder / "piped")
            rates["loopback + fsync"].append(mib / (time.monotonic() - begin))
            (folder / "piped").unlink()
            west = Node(folder, f"west-{turn}", ports[turn], follow=east.url + "/")
            nodes.append(west)
            begin = time.monotonic()
            west.start(wait=False)
            wait_for("the copy", (west.data / "segments").exists, 600)
            rates["of it: copied"].append(mib / (time.monotonic() - begin))
            wait_for("ready", west.ready, 600)
            rates["follower ready"].append(mib / (time.monotonic() - begin))
            follower_cpu.append(cpu_seconds_of(west.process.pid) / (mib / 1024))
            if turn + 1 < arguments.rounds:
                west.stop()
                shutil.rmtree(west.folder)
        base = statistics.median(rates["loopback + fsync"])
        for name, values in rates.items():
            middle = statistics.median(values)
            print(f"{name:18} {middle:7.0f} MiB/s  ({min(values):.0f} to {max(values):.0f}), {middle / base:.2f} of the loopback")
        print(f"follower's CPU: {statistics.median(follower_cpu):.2f} s per GiB")
        west = nodes[-1]
        wait_for("in sync", lambda: any(peer["standing"] == "in sync" and peer["lag_records"] == 0
                                        for peer in east.status()["followers"]), 60)
        lags = lag_of(west, east, token, arguments.lag_publishes)
        p50, p99 = (lags[len(lags) * share // 100] for share in (50, 99))
        print(f"answered at east to readable at west: p50 {p50:.1f} ms, p99 {p99:.1f} ms "
              f"(of it the request itself; ack=remote)")
        if arguments.json:
            shares = [ready / loop for ready, loop in zip(rates["follower ready"], rates["loopback + fsync"], strict=True)]
            rows = [Value("F9", f"a follower's first copy of {mib:.0f} MiB until it is ready : loopback into a file with fsync", "×",
                          shares, 0.7, at_least=True),
                    Value("F9", "a follower's first copy", "MiB/s", rates["follower ready"]),
                    Value("F9", "CPU of the follower", "s/GiB", follower_cpu),
                    Value("F10", "answered here, readable there, median of publishes one by one", "ms", [p50]),
                    Value("F10", "answered here, readable there, p99", "ms", [p99]),
                    Value("F10", "one fdatasync of this disk, beside it", "ms", [1e3 / fdatasync_per_second(folder, 4_096)])]
            arguments.json.write_text(json.dumps([row.as_json() for row in rows]))
    finally:
        for node in nodes:
            node.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
