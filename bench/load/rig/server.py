"""A server under test: one process group pinned to one core, with its CPU time in nanoseconds."""

import os
import subprocess
import time
from pathlib import Path

STOP_SECONDS = 30
START_SECONDS = 60
SETTLE_SECONDS = 2


class ServerError(Exception):
    """The server did not start, or did not stop when told to."""


class Server:
    """Start, CPU clock and stop, common to all servers. Subclasses say what to run and when it is ready."""

    def __init__(self, name: str, folder: Path, core: int):
        self.name = name
        self.folder = folder
        self.core = core
        self.port = 0
        self._process: subprocess.Popen | None = None
        self._peak_rss_bytes = 0
        folder.mkdir(parents=True)

    def start(self) -> None:
        """Returns when the server accepts connections."""
        command = ["taskset", "--cpu-list", str(self.core), *self.command()]
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, **self.environment()})
        end = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise ServerError(f"{self.name} did not start: {self.last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Asks the process to end; kills it when it does not."""
        if self._process is None:
            return
        self._peak_rss_bytes = self.peak_rss_bytes()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise ServerError(f"{self.name} did not end within {STOP_SECONDS} s of SIGTERM") from None
        finally:
            self._process = None

    def cpu_ns(self) -> int:
        """CPU time of all processes and threads of the server so far, threads that ended included.

        Read from the kernel's per-process CPU clock (what /proc/PID/task/*/schedstat sums up, without losing ended
        threads): exact to the nanosecond, where utime and stime count ticks of 10 ms.
        """
        return sum(time.clock_gettime_ns(_cpu_clock_of(pid)) for pid in self.pids())

    def settle(self, seconds_max: float = SETTLE_SECONDS) -> None:
        """Waits until work left over after the last answer is done: no CPU used for 50 ms."""
        end = time.monotonic() + seconds_max
        before = self.cpu_ns()
        while time.monotonic() < end:
            time.sleep(0.05)
            after = self.cpu_ns()
            if after - before < 200_000:
                return
            before = after

    def pids(self) -> list[int]:
        """The server's process and its children."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [pid, *map(int, children.split())]

    def peak_rss_bytes(self) -> int:
        """The largest resident size that any one of its processes had."""
        if self._process is None or self._process.poll() is not None:
            return self._peak_rss_bytes
        return max(_status_bytes(pid, "VmHWM") for pid in self.pids())

    def rss_bytes(self) -> int:
        """The resident size of all its processes now."""
        return sum(_status_bytes(pid, "VmRSS") for pid in self.pids())

    def last_words(self) -> str:
        """The end of what the server wrote, for error messages."""
        text = (self.folder / "stderr").read_text(errors="replace").strip()
        return text[-800:] or "it wrote nothing on stderr"

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def is_ready(self) -> bool:
        raise NotImplementedError


def _cpu_clock_of(pid: int) -> int:
    """clockid_t of a process's CPU-time clock, as clock_getcpuclockid(3) computes it."""
    return (~pid << 3) | 2


def _status_bytes(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0
