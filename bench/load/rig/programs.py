"""F8 to F10: what programs of their own measure, as rows of the table."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rig.load_gen import LoadError
from rig.measured import Section, Value

LOAD = Path(__file__).resolve().parents[1]
SECONDS_MAX = 3_600


def imports(tarn: Path, work: Path, quick: bool, say: Callable) -> Section:
    megabytes, rounds = (100, 3) if quick else (2_000, 3)
    section = Section("import", "Imports", notes=[
        "A dump and a database file of CouchDB's, both of one generated registry of 200 KB tarballs, without anything else on the path."])
    section.values = list(_rows("import_throughput.py", tarn, work, ["--megabytes", megabytes, "--rounds", rounds, "--folder", work], say))
    return section


def replication(tarn: Path, work: Path, quick: bool, say: Callable) -> Section:
    words = ["--mebibytes", 64, "--versions", 300, "--rounds", 2, "--lag-publishes", 100] if quick else []
    section = Section("replication", "A follower", notes=[
        "Both nodes on this machine, acknowledgement `remote`: what is answered is durable on both. Neither is pinned to a core."])
    section.values = list(_rows("replication.py", tarn, work, words, say))
    return section


def _rows(program: str, tarn: Path, work: Path, words: list, say: Callable) -> Iterator[Value]:
    made = work / f"{program}.json"
    environment = {**os.environ, "BUILD": str(tarn.parent), "TARN_BIN": str(tarn), "TMPDIR": str(work)}
    command = [sys.executable, str(LOAD / program), "--json", str(made), *map(str, words)]
    # The rig stays on the load's core; these are not of the kind where a server has one to itself.
    done = subprocess.run(["taskset", "--cpu-list", f"0-{(os.cpu_count() or 1) - 1}", *command], env=environment, capture_output=True,
                          text=True, check=False, timeout=SECONDS_MAX)
    if done.returncode != 0:
        raise LoadError(f"{program}: exit {done.returncode}: {done.stderr.strip()[-400:]}")
    for row in json.loads(made.read_text()):
        say(value := Value.from_json(row))
        yield value
