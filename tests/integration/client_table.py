"""Reads client_table.txt: which clients there are, their versions, and where their programs lie once installed."""

import dataclasses
import pathlib
import platform

TABLE = pathlib.Path(__file__).with_name("client_table.txt")
CPU_NAMES = {"x86_64": "x64", "aarch64": "arm64"}


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table. `runtime` is the Row of the Node that runs `program`, or None for an executable."""

    name: str
    runtime: "Row | None"
    package: str
    version: str
    program: str

    def folder(self, clients_dir: pathlib.Path) -> pathlib.Path:
        """The folder of this exact version, so that a changed version never meets the files of the old one."""
        return clients_dir / f"{self.name}-{self.version}"

    def program_path(self, clients_dir: pathlib.Path) -> pathlib.Path:
        return self.folder(clients_dir) / "node_modules" / self.package / self.program

    def stamp_path(self, clients_dir: pathlib.Path) -> pathlib.Path:
        """Written last by install_clients: a folder without it is an interrupted installation."""
        return self.folder(clients_dir) / ".installed"

    def argv(self, clients_dir: pathlib.Path) -> list[str]:
        runtime = [] if self.runtime is None else self.runtime.argv(clients_dir)
        return runtime + [str(self.program_path(clients_dir))]


def read() -> list[Row]:
    """The rows in file order; a runtime stands above the rows that use it."""
    machine = platform.machine()
    if machine not in CPU_NAMES:
        raise SystemExit(f"client_table: no client builds for this machine ({machine})")
    rows: dict[str, Row] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, runtime, package, version, program = line.split()
        package = package.format(cpu=CPU_NAMES[machine])
        rows[name] = Row(name, None if runtime == "-" else rows[runtime], package, version, program)
    return list(rows.values())


def clients() -> list[Row]:
    """The rows that are clients, not runtimes."""
    return [row for row in read() if not row.name.startswith("node")]


def missing(clients_dir: pathlib.Path) -> list[Row]:
    return [row for row in read() if not row.stamp_path(clients_dir).exists()]
