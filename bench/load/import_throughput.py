#!/usr/bin/env python3
"""F8: what an import costs for each byte of a dump, beside what is known on the same bytes: `cp`, `sha512sum`, and base64 with
sha512 and sha1 alone (openssl and Python's C, one pass each). CPU seconds, user and system; runs alternate, medians.

    bench/load/import_throughput.py [--megabytes 1000] [--rounds 5] [--tarball-kilobytes 200]

TARN_BIN names the binary. The dump is made once, of random tarballs, a changes feed with one version a package.
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time


def write_dump(path, megabytes, tarball_bytes):
    """Returns the bytes of tarballs in it."""
    rng = random.Random(1)
    written = tarballs = 0
    with open(path, "wb") as out:
        index = 0
        while written < megabytes * 1_000_000:
            name = f"package-{index}"
            tarball = rng.randbytes(tarball_bytes)
            times = "2012-01-01T12:00:00.000Z"
            document = {
                "_id": name, "_rev": f"1-{index:032x}", "name": name, "dist-tags": {"latest": "1.0.0"},
                "versions": {"1.0.0": {"name": name, "version": "1.0.0", "dist": {
                    "shasum": hashlib.sha1(tarball).hexdigest(),
                    "tarball": f"http://registry.example/{name}/-/{name}-1.0.0.tgz"}}},
                "time": {"created": times, "modified": times, "1.0.0": times},
                "maintainers": [{"name": "alice", "email": "alice@mail.example"}],
                "_attachments": {f"{name}-1.0.0.tgz": {"content_type": "application/octet-stream",
                                                       "data": base64.b64encode(tarball).decode()}}}
            line = json.dumps({"seq": index, "id": name, "changes": [{"rev": document["_rev"]}], "doc": document})
            out.write(line.encode() + b"\n")
            written += len(line) + 1
            tarballs += tarball_bytes
            index += 1
    return tarballs


def measure(command):
    """Wall and CPU seconds of a child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, errors = process.communicate()
    wall = time.monotonic() - began
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {process.returncode}\n{errors.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


PLAIN = """
import base64, hashlib, sys
sha512, sha1 = hashlib.sha512(), hashlib.sha1()
with open(sys.argv[1], "rb") as dump:
    for line in dump:
        begin = line.rfind(b'"data": "') + 9
        end = line.index(b'"', begin)
        for at in range(begin, end, 262144):
            piece = base64.b64decode(line[at:min(at + 262144, end)])
            sha512.update(piece)
            sha1.update(piece)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tarball-kilobytes", type=int, default=200)
    arguments = parser.parse_args()
    binary = pathlib.Path(os.environ.get("TARN_BIN", "build/release/tarn")).resolve()
    with tempfile.TemporaryDirectory(prefix="tarn-import-bench-") as folder_name:
        folder = pathlib.Path(folder_name)
        dump = folder / "dump.jsonl"
        tarballs = write_dump(dump, arguments.megabytes, arguments.tarball_kilobytes * 1000)
        size = dump.stat().st_size
        commands = {
            "tarn import": [binary, "import", "couchdb", dump, "--data", folder / "data"],
            "cp": ["cp", dump, folder / "copy"],
            "sha512sum": ["sha512sum", dump],
            "base64 + sha512 + sha1": ["python3", "-c", PLAIN, dump],
        }
        results = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                shutil.rmtree(folder / "data", ignore_errors=True)
                results[name].append(measure([str(part) for part in command]))
        print(f"{size / 1e6:.0f} MB of dump, {tarballs / 1e6:.0f} MB of tarballs, medians of {arguments.rounds} rounds")
        for name, runs in results.items():
            wall, cpu = (statistics.median(run[i] for run in runs) for i in range(2))
            print(f"{name:24} {size / 1e6 / wall:8.0f} MB/s  {cpu:7.2f} CPU s  {cpu / size * 1e9:6.2f} ns/byte")
        ratio = statistics.median(a[1] / b[1] for a, b in zip(results["tarn import"],
                                                              results["base64 + sha512 + sha1"]))
        print(f"F8: tarn import / (base64 + sha512 + sha1) = {ratio:.2f} in CPU (reach 1.6)")


if __name__ == "__main__":
    main()
