"""F13: `npm ci` of an application of a thousand packages, with nothing in the client's cache."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from rig import machine
from rig.load_gen import LoadError
from rig.npm_package import Publishes, with_dist
from rig.registry_server import RegistryServer
from rig.rounds import Sample

PACKAGES = 1_000
# Tarballs of popular packages: half of them below 12 KB, a few large.
TARBALL_BYTES = (2_000, 4_000, 8_000, 12_000, 12_000, 20_000, 40_000, 100_000)
MANIFEST_BYTES = 1_500
SEED = 20261127
INSTALL_SECONDS = 300


class Application:
    """An application that depends on every package, and its lockfile for a registry."""

    def __init__(self, packages: int = PACKAGES):
        self._names = [f"bench-app-{index}" for index in range(packages)]
        self._dist: dict[str, dict] = {}

    def packages(self) -> Iterator[tuple[dict, bytes]]:
        """package.json and tarball of each package that it needs."""
        for index, name in enumerate(self._names):
            made = Publishes(SEED + index, TARBALL_BYTES[index % len(TARBALL_BYTES)], MANIFEST_BYTES)
            package_json, tgz = made.package(name, "1.0.0")
            # No package needs another: what the client has to resolve is not what is measured.
            package_json = {key: value for key, value in package_json.items() if not key.endswith("ependencies")}
            self._dist[name] = with_dist(package_json, tgz)["dist"]
            yield package_json, tgz

    def write(self, folder: Path, server: RegistryServer) -> None:
        folder.mkdir(parents=True)
        dependencies = {name: "1.0.0" for name in self._names}
        root = {"name": "bench-application", "version": "1.0.0", "dependencies": dependencies}
        url = f"http://127.0.0.1:{server.port}"
        locked = {f"node_modules/{name}": {"version": "1.0.0", "resolved": url + server.tarball_path(name, "1.0.0"),
                                           "integrity": self._dist[name]["integrity"]} for name in self._names}
        (folder / "package.json").write_text(json.dumps(root))
        (folder / "package-lock.json").write_text(json.dumps(
            {**root, "lockfileVersion": 3, "requires": True, "packages": {"": root, **locked}}))
        (folder / ".npmrc").write_text(f"registry={url}/\n")

    def install(self, server: RegistryServer, folder: Path, core: int) -> Sample:
        """`npm ci` in a new folder with a new cache; CPU is that of the server, for all of it."""
        shutil.rmtree(folder, ignore_errors=True)
        self.write(folder, server)
        command = ["taskset", "--cpu-list", str(core), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                   "--cache", str(folder / "cache")]
        busy_before, cpu_before = machine.core_busy_ns(server.core), server.cpu_ns()
        done, seconds = _timed(command, folder)
        cpu_ns = server.cpu_ns() - cpu_before
        others_ns = machine.core_busy_ns(server.core) - busy_before - cpu_ns
        if done.returncode != 0:
            raise LoadError(f"npm ci from {server.name}: exit {done.returncode}: {done.stderr.strip()[-400:]}")
        installed = sum(1 for _ in (folder / "node_modules").glob("bench-app-*/index.js"))
        if installed != len(self._names):
            raise LoadError(f"npm ci from {server.name}: {installed} of {len(self._names)} packages are there")
        shutil.rmtree(folder)
        return Sample(requests=1, cpu_us=cpu_ns / 1e3, rps=1 / seconds, p50_us=seconds * 1e6, p99_us=seconds * 1e6,
                      p999_us=seconds * 1e6, server_busy=cpu_ns / 1e9 / seconds, other_busy=max(others_ns, 0) / 1e9 / seconds)


def _timed(command: list[str], folder: Path) -> tuple[subprocess.CompletedProcess, float]:
    # Settings of whoever runs this would go before those of the application.
    environment = {key: value for key, value in os.environ.items() if not key.lower().startswith("npm_config_")}
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    return done, time.monotonic() - began
