"""tarn as a server under test, with one reactor and an administrator whose token publishes."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from rig.load_gen import LoadGen
from rig.registry_server import RegistryServer
from rig.server import ServerError

USER = "bench"
READY = re.compile(r"^tarn: listening on http://127\.0\.0\.1:(\d+)/$", re.MULTILINE)


class Tarn(RegistryServer):
    def __init__(self, binary: Path, folder: Path, core: int, environment: dict[str, str], name: str = "tarn"):
        super().__init__(name, folder, core)
        self._binary = str(binary)
        self._data = folder / "data"
        self._environment = {"TARN_SERVER_THREADS": "1", **environment}

    def fill(self, load_gen: LoadGen, records: Iterable[tuple[str, bytes]], fast_folder: Path) -> None:
        """Creates the registry and publishes (path, document) one after the other, in a folder where fdatasync is
        free: thousands of publishes into one package would otherwise take minutes. Then moves it where it is measured.
        """
        final = self._data
        self._data = fast_folder / "tarn-bench-data"
        try:
            self.create()
            self.start()
            load = self.publish_load(records, connections=1)
            if load.requests:  # F4 alone begins with an empty registry.
                load_gen.run(self.port, load)
            self.stop()
            shutil.move(self._data, final)
        finally:
            shutil.rmtree(self._data, ignore_errors=True)
            self._data = final

    def generate(self, generator: Path, packages: int, versions: int, kept: Path | None) -> None:
        """A registry of very many packages made by store_generator: in `kept`, where it stays for the next time, or here."""
        if kept is not None:
            self._data = kept / f"tarn-{packages}-{versions}"
        if not self._data.is_dir():
            final, self._data = self._data, self._data.with_suffix(".partial")
            shutil.rmtree(self._data, ignore_errors=True)
            self._data.parent.mkdir(parents=True, exist_ok=True)
            self.create()
            subprocess.run([generator, self._data, str(packages), str(versions), USER], check=True, capture_output=True)
            self._data.rename(final)
            self._data = final
        self.token = self._admin(["token", "create", USER], "").split()[-1]

    @property
    def data(self) -> Path:
        return self._data

    def create(self) -> None:
        self._admin(["user", "add", USER, "--admin", "--password-stdin"], "a password for benchmarks only\n")
        self.token = self._admin(["token", "create", USER], "").split()[-1]

    def command(self) -> list[str]:
        return [self._binary, "serve", "--data", str(self._data), "--listen", "127.0.0.1:0"]

    def environment(self) -> dict[str, str]:
        return self._environment

    def is_ready(self) -> bool:
        found = READY.search((self.folder / "stdout").read_text())
        if found:
            self.port = int(found.group(1))
        return found is not None

    def _admin(self, arguments: list[str], stdin: str) -> str:
        done = subprocess.run([self._binary, *arguments, "--data", str(self._data)],
                              input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerError(f"tarn {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()[-400:]}")
        return done.stdout
