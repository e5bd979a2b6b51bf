"""Tables for people and one JSON file for comparison with later commits."""

import json
import os
from pathlib import Path

from rig import machine
from rig.measured import Section, Value
from rig.rounds import Comparison

# A run in which somebody else used more of a core than this says nothing about requests per second.
DISTURBED = 0.10
# Below this the load generator, not the server, set the number of requests per second.
SATURATED = 0.9


def print_machine(facts: dict) -> None:
    print(f"{facts['cpu']}, {facts['cpu_count']} CPUs, Linux {facts['kernel']}, {facts['nginx']}")
    print(f"{facts['rocksdb']}")
    dirty = " with uncommitted changes" if facts["uncommitted_changes"] else ""
    print(f"tarn {facts['tarn_build']}, commit {facts['commit']}{dirty}\n")


def print_reads_head(rival: str, subject: str) -> None:
    print(f"Server CPU µs per request, requests per second, latency µs; ratio = {subject} / {rival}, "
          "median (95 % range)")
    print(f"{'':4}{'scenario':24}{'conn':>5}{'µs ' + rival:>12}{'µs ' + subject:>10}  {'CPU ratio':<22}"
          f"{'rps ' + rival:>12}{'rps ' + subject:>10}{'ratio':>7}{'p50':>8}{'p99':>8}  verdict")


def print_read(row: Comparison) -> None:
    cpu, rps = row.ratio("cpu_us"), row.ratio("rps")
    samples = row.rival_samples + row.subject_samples
    busy = min(sample.server_busy for sample in samples)
    other = max(sample.other_busy for sample in samples)
    notes = [row.verdict()]
    width = max(24, len(row.scenario) + 1)
    if other > DISTURBED:
        notes.append(f"disturbed {other:.0%}")
    elif busy < SATURATED:
        notes.append(f"server only {busy:.0%} busy")
    print(f"{row.figure:4}{row.scenario:{width}}{row.connections:>5}"
          f"{row.rival_median('cpu_us'):>12.2f}{row.subject_median('cpu_us'):>10.2f}  "
          f"{cpu.median:<5.2f} ({cpu.low:.2f} – {cpu.high:.2f})    "
          f"{row.rival_median('rps'):>12.0f}{row.subject_median('rps'):>10.0f}{rps.median:>7.2f}"
          f" {row.subject_median('p50_us'):>7.0f} {row.subject_median('p99_us'):>7.0f}  {', '.join(notes)}", flush=True)


def print_value(row: Value) -> None:
    limit = "" if row.limit is None else f"  {'at least' if row.at_least else 'at most'} {row.limit:g} {'reached' if row.reached else 'MISSED'}"
    spread = f"({min(row.samples):.2f} – {max(row.samples):.2f})"
    print(f"{row.figure:4}{row.scenario}: {row.value:.2f} {row.unit} {spread}{limit}", flush=True)


def say(row: Comparison | Value | str) -> None:
    """A row of a section as soon as it is known, or what goes on meanwhile."""
    if isinstance(row, Comparison):
        print_read(row)
    elif isinstance(row, Value):
        print_value(row)
    else:
        print(row, flush=True)


def document(facts: dict, settings: dict, reads: list[Comparison], writes: list[dict], sections: list[Section],
             peak_rss_bytes: dict[str, int]) -> dict:
    return {
        "machine": {**facts, "load_average_after": list(os.getloadavg())},
        "settings": settings,
        "reads": [row.as_json() for row in reads],
        "writes": writes,
        "sections": [section.as_json() for section in sections],
        "peak_rss_bytes": peak_rss_bytes,
    }


def write_json(folder: Path, made: dict, *, is_whole: bool) -> Path:
    """One file per kind of machine, commit and kind of run; a second one of the same kind replaces the first."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [name.replace("_", "-") for name in ("quick", "open_file_cache") if made["settings"][name]]
    kinds += [] if is_whole else ["some"]
    facts = made["machine"]
    file = folder / f"load-{'-'.join([machine.slug(facts), facts['commit'] or 'no-commit', *kinds])}.json"
    file.write_text(json.dumps(made, indent=1) + "\n")
    return file
