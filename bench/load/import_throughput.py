#!/usr/bin/env python3
"""F8: what an import costs, beside what is known on the same bytes and in the same run: `sha512sum` and `cp` with fsync of the
dump, and base64, SHA-512 and SHA-1 alone as the importer's own code does them (import_baseline). A dump and CouchDB's own file of
the same registry. CPU seconds are of user and system; runs alternate, medians.

    bench/load/import_throughput.py [--megabytes 2000] [--rounds 3] [--tarball-kilobytes 200] [--folder /var/tmp]

BUILD names the build folder (build/release); the sources are made once (import_source), with --keep they stay.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

from rig.measured import Value


def measure(command):
    """Wall and CPU seconds of a command, its peak memory in bytes, and what it printed."""
    done = subprocess.run([sys.executable, "-c", WRAPPER, *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return {**json.loads(done.stderr.rpartition("\n")[2]), "output": done.stdout}


# A process of its own for each, so that its figures are of one command alone.
WRAPPER = """
import json, resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
sys.stderr.write("\\n" + json.dumps({"wall": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime, "user": used.ru_utime,
                                       "rss": used.ru_maxrss * 1024}))
sys.exit(code)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tarball-kilobytes", type=int, default=200)
    parser.add_argument("--folder", type=pathlib.Path, default=None, help="where the files go; default: TMPDIR")
    parser.add_argument("--json", type=pathlib.Path, help="also into this file, as rows of bench/load/run.py")
    arguments = parser.parse_args()
    build = pathlib.Path(os.environ.get("BUILD", "build/release")).resolve()
    with tempfile.TemporaryDirectory(prefix="tarn-import-bench-", dir=arguments.folder) as folder_name:
        folder = pathlib.Path(folder_name)
        dump, database = folder / "dump.jsonl", folder / "registry.couch"
        subprocess.run([build / "import_source", str(arguments.megabytes), str(arguments.tarball_kilobytes), dump, database],
                       check=True)
        commands = {
            "import of the dump": [build / "tarn", "import", "couchdb", dump, "--data", folder / "data"],
            "import of the file": [build / "tarn", "import", "couchdb", database, "--data", folder / "data"],
            "alone": [build / "import_baseline", dump],
            "sha512sum": ["sha512sum", dump],
            "cp and fsync": ["sh", "-c", 'cp "$0" "$1" && sync "$1"', dump, folder / "copy"],
        }
        runs = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                shutil.rmtree(folder / "data", ignore_errors=True)
                (folder / "copy").unlink(missing_ok=True)
                runs[name].append(measure(command))
        report(dump.stat().st_size, database.stat().st_size, runs)
        if arguments.json:
            arguments.json.write_text(json.dumps([row.as_json() for row in rows(runs)]))


def rows(runs):
    """What the table of all figures says of it."""
    alone = [json.loads(run["output"]) for run in runs["alone"]]
    for name in ("import of the dump", "import of the file"):
        shares = [run["cpu"] / one["cpu_seconds"] for run, one in zip(runs[name], alone, strict=True)]
        yield Value("F8", f"{name}, CPU : base64, SHA-512 and SHA-1 alone", "×", shares, 1.6)
        yield Value("F8", f"{name}", "MB/s of tarballs", [alone[0]["tarball_bytes"] / 1e6 / run["wall"] for run in runs[name]])
        yield Value("F8", f"{name}, peak memory", "MiB", [run["rss"] / 2**20 for run in runs[name]])


def report(dump_bytes, database_bytes, runs):
    def median(name, field):
        return statistics.median(run[field] for run in runs[name])

    alone = [json.loads(run["output"]) for run in runs["alone"]]
    tarball_bytes = alone[0]["tarball_bytes"]
    limit = statistics.median(one["cpu_seconds"] for one in alone)
    print(f"{dump_bytes / 1e6:.0f} MB of dump, {database_bytes / 1e6:.0f} MB of database file, {tarball_bytes / 1e6:.0f} MB of "
          f"tarballs, medians of {len(alone)} rounds")
    for name in runs:
        if name == "alone":
            continue
        wall, cpu, user = (median(name, field) for field in ("wall", "cpu", "user"))
        size = tarball_bytes if name.startswith("import") else dump_bytes
        print(f"{name:20} {size / 1e6 / wall:7.0f} MB/s of {'tarballs' if name.startswith('import') else 'dump    '} "
              f"{wall:7.2f} s {cpu:7.2f} CPU s ({user:6.2f} user) {cpu / size * 1e9:6.2f} CPU s/GB  {median(name, 'rss') / 1e6:5.0f} MB of memory")
    print(f"{'base64+sha512+sha1':20} {'':35} {limit:7.2f} CPU s                 {limit / tarball_bytes * 1e9:6.2f} CPU s/GB")
    for name in ("import of the dump", "import of the file"):
        ratio, of_user = (statistics.median(run[field] / one["cpu_seconds"] for run, one in zip(runs[name], alone))
                          for field in ("cpu", "user"))
        print(f"F8: {name} / (base64 + sha512 + sha1 alone) = {ratio:.2f} in CPU (reach 1.6); {of_user:.2f} without the "
              "kernel's part, which is that of writing")


if __name__ == "__main__":
    main()
