"""Calls load_gen, pinned to the core that the servers do not use."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


class LoadError(Exception):
    """load_gen could not run, or an answer was wrong. A run with a wrong answer has no figures."""


@dataclass(frozen=True)
class Load:
    """One run of load_gen. Either `path` or `paths` (GET, in turn) or `put_set` is given."""

    connections: int
    seconds: float
    requests: int = 100_000_000
    path: str = ""
    paths: tuple[str, ...] = ()
    put_set: Path | None = None
    headers: dict[str, str] = field(default_factory=dict)
    expect: tuple[int, ...] = (200,)
    rate: int = 0
    first_body: Path | None = None
    timeout_seconds: float = 30

    def arguments(self) -> list[str]:
        words = ["--connections", self.connections, "--seconds", self.seconds, "--requests", self.requests]
        if self.put_set:
            words += ["--put-set", self.put_set]
        for path in self.paths or ((self.path,) if self.path else ()):
            words += ["--get", path]
        for name, value in self.headers.items():
            words += ["--header", f"{name}: {value}"]
        for status in self.expect:
            words += ["--expect", status]
        words += ["--timeout-ms", round(self.timeout_seconds * 1e3)]
        if self.rate:
            words += ["--rate", self.rate]
        if self.first_body:
            words += ["--first-body", self.first_body]
        return [str(word) for word in words]


class LoadGen:
    def __init__(self, binary: Path, core: int):
        self._binary = binary
        self.core = core

    def start(self, port: int, load: Load) -> subprocess.Popen:
        command = ["taskset", "--cpu-list", str(self.core), str(self._binary), "--port", str(port), *load.arguments()]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process: subprocess.Popen) -> dict:
        """The result of a run that has been started; every answer was right."""
        out, err = process.communicate()
        if process.returncode != 0:
            raise LoadError(err.strip().splitlines()[0] if err.strip() else f"load_gen: exit {process.returncode}")
        result = json.loads(out)
        if result["errors"] or not result["requests"]:
            raise LoadError(f"{result['errors']} errors of {result['requests']} requests: "
                            f"{result['error_reasons']}, statuses {result['statuses']}")
        return result

    def run(self, port: int, load: Load) -> dict:
        return self.finish(self.start(port, load))


def write_put_set(file: Path, records: Iterable[tuple[str, bytes]]) -> int:
    """Writes (path, body) records for --put-set and returns their number."""
    count = 0
    with open(file, "wb") as out:
        for path, body in records:
            out.write(f"{path} {len(body)}\n".encode())
            out.write(body)
            out.write(b"\n")
            count += 1
    return count
