"""Reads client_table.txt: which clients there are, their versions, and where their programs lie once installed."""

import dataclasses
import pathlib
import platform

TABLE = pathlib.Path(__file__).with_name("client_table.txt")
CPU_NAMES = {"x86_64": "x64", "aarch64": "arm64"}


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    `runtime` is the Row of the Node that runs `program`, or None for an executable; `beside` is the Row of another
    client that this one runs.
    """

    name: str
    # Whether every test run drives it; the others cost too much time to be driven each time.
    default: bool
    runtime: "Row | None"
    beside: "Row | None"
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

    def search_path(self, clients_dir: pathlib.Path) -> list[str]:
        """Folders of programs that this client looks for on its PATH."""
        return [] if self.beside is None else [str(self.beside.folder(clients_dir) / "node_modules/.bin")]

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
        name, chosen, runtime, package, version, program = line.split()
        package = package.format(cpu=CPU_NAMES[machine])
        runtime, _, beside = runtime.partition("+")
        rows[name] = Row(name, chosen == "default", None if runtime == "-" else rows[runtime],
                         rows[beside] if beside else None, package, version, program)
    return list(rows.values())


def clients() -> list[Row]:
    """The rows that are clients, not runtimes."""
    return [row for row in read() if not row.name.startswith("node")]


def with_runtimes(chosen: list[Row]) -> list[Row]:
    """The rows and what runs them, each once, in file order."""
    needed = chosen + [row.runtime for row in chosen if row.runtime] + [row.beside for row in chosen if row.beside]
    names = {row.name for row in needed}
    return [row for row in read() if row.name in names]


def missing(clients_dir: pathlib.Path, chosen: list[Row]) -> list[Row]:
    return [row for row in with_runtimes(chosen) if not row.stamp_path(clients_dir).exists()]
