"""What the figures were measured on, and the machine's own limits measured in the same run."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

FDATASYNC_SECONDS = 0.4
MEMCPY_BYTES = 200_000_000  # Many times a cache: by the time a buffer is copied, it has been pushed out.


def describe(repository: Path, tarn: Path | None) -> dict:
    """Facts that belong beside every figure. No host name and no path: results are committed."""
    return {
        "cpu": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": os.uname().release,
        "nginx": _output("nginx", "-v").removeprefix("nginx version: "),
        "rocksdb": _rocksdb_version() + ", Debian's build: assertions on, no hardware CRC32C",
        "tarn_build": _build_type(tarn) if tarn else "not measured",
        "commit": _output("git", "-C", str(repository), "rev-parse", "--short=12", "HEAD"),
        "uncommitted_changes": bool(_output("git", "-C", str(repository), "status", "--porcelain")),
        "load_average_before": list(os.getloadavg()),
    }


def slug(machine: dict) -> str:
    """A file name part for this kind of machine."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{machine['cpu']} {machine['cpu_count']}cpu".lower())
    return words.strip("-")


def core_busy_ns(core: int) -> int:
    """Time that `core` has spent on anything but idling, since boot. Resolution: one clock tick."""
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    for line in Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[1:9])
            return (user + nice + system + irq + softirq + steal) * tick_ns
    raise RuntimeError(f"no core {core} in /proc/stat")


def fdatasync_per_second(folder: Path, append_bytes: int) -> float:
    """How often this disk takes an append of `append_bytes` followed by fdatasync, one after the other."""
    data = os.urandom(append_bytes)
    probe = folder / "fdatasync-probe"
    count = 0
    with open(probe, "wb", buffering=0) as file:
        begin = time.perf_counter()
        while time.perf_counter() - begin < FDATASYNC_SECONDS:
            file.write(data)
            os.fdatasync(file.fileno())
            count += 1
        seconds = time.perf_counter() - begin
    probe.unlink()
    return count / seconds


def drop_cached(folder: Path) -> None:
    """Puts what the kernel remembers of these files out of memory. Of nobody else's files."""
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def memcpy_us(byte_count: int) -> float:
    """Median time to copy `byte_count` bytes between mapped buffers that are not in the processor's cache."""
    pairs = [(bytearray(byte_count), bytearray(byte_count)) for _ in range(MEMCPY_BYTES // byte_count + 3)]
    times = []
    for source, target in pairs:
        begin = time.perf_counter()
        memoryview(target)[:] = source
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2] * 1e6


def _output(*command: str) -> str:
    """What a command prints, nginx -v on stderr included; empty when it fails."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else ""


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1).strip() if found else os.uname().machine


def _rocksdb_version() -> str:
    package = _output("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "librocksdb[0-9]*")
    return package.splitlines()[0] if package else "unknown version"


def _build_type(tarn: Path) -> str:
    cache = tarn.parent / "CMakeCache.txt"
    found = re.search(r"^CMAKE_BUILD_TYPE:\w+=(\w+)", cache.read_text(), re.MULTILINE) if cache.exists() else None
    return found.group(1) if found else "unknown build type"
