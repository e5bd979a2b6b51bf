#!/usr/bin/env python3
"""Load scenarios: tarn against nginx with the same bytes, and against itself as it grows; one core each, interleaved. See bench/README.md."""

import argparse
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rig import contents, machine, programs, report
from rig.load_gen import LoadError, LoadGen
from rig.nginx import Nginx
from rig.measured import Section
from rig.more_writes import MoreWrites
from rig.peers import Peers
from rig.reads import Reads
from rig.scale import Scale
from rig.server import Server, ServerError
from rig.tarn import Tarn
from rig.writes import Writes

REPOSITORY = Path(__file__).resolve().parents[2]
SERVER_CORE, CLIENT_CORE = 0, 1
READ_FIGURES, WRITE_FIGURES, SECTION_FIGURES = {"F1", "F2", "F3"}, {"F4", "F5", "F6"}, {"F8", "F9", "F11", "F13", "mixed"}
ALL_FIGURES = READ_FIGURES | WRITE_FIGURES | SECTION_FIGURES
SCALE_SIZES = [10_000, 100_000, 1_000_000]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="all rounds at full length and size: about ten minutes")
    parser.add_argument("--only", default=",".join(sorted(ALL_FIGURES)), help="figures to measure, for example F1,F3")
    parser.add_argument("--rounds", type=int, help="rounds per scenario (default 5, with --full 15)")
    parser.add_argument("--seconds", type=float, help="length of one run (default 0.3, with --full 0.5)")
    release = REPOSITORY / "build/release"
    parser.add_argument("--tarn", type=Path, default=Path(os.environ.get("TARN_BIN", release / "tarn")))
    parser.add_argument("--load-gen", type=Path, default=Path(os.environ.get("LOAD_GEN", release / "load_gen")))
    parser.add_argument("--store-generator", type=Path, default=Path(os.environ.get("STORE_GENERATOR", release / "store_generator")))
    parser.add_argument("--scale", type=lambda text: [int(size) for size in text.split(",")],
                        help="packages of the registries of F11, for example 10000,100000 (default 10000, with --full up to 1000000)")
    parser.add_argument("--keep-stores", type=Path, metavar="FOLDER",
                        help="where the registries of F11 stay for the next time; a million packages take 10 GB and a quarter of an hour")
    parser.add_argument("--peers", type=Path, default=REPOSITORY / "build/peers",
                        help="where Verdaccio and pouchdb-server are, or are installed to from the npm registry")
    parser.add_argument("--tarn-env", action="append", default=[], metavar="TARN_X_Y=VALUE",
                        help="a setting for tarn; repeat")
    parser.add_argument("--self-check", action="store_true",
                        help="nginx against itself instead of tarn: every ratio should be near 1")
    parser.add_argument("--handicap", action="store_true",
                        help="with --self-check: switch sendfile off in one, which the rig must notice")
    parser.add_argument("--open-file-cache", action="store_true", help="nginx keeps descriptors open between requests")
    parser.add_argument("--work", type=Path, help="folder for the servers' files; choose the disk to measure")
    parser.add_argument("--fast-folder", type=Path, default=Path("/dev/shm") if Path("/dev/shm").is_dir() else None,
                        help="memory file system to fill the registry on before it is moved to --work")
    parser.add_argument("--results", type=Path, default=REPOSITORY / "bench/results")
    arguments = parser.parse_args()
    arguments.quick = not arguments.full
    arguments.rounds = arguments.rounds or (5 if arguments.quick else 15)
    arguments.seconds = arguments.seconds or (0.3 if arguments.quick else 0.5)
    arguments.figures = set(arguments.only.split(","))
    arguments.scale = arguments.scale or (SCALE_SIZES[:1] if arguments.quick else SCALE_SIZES)
    if unknown := arguments.figures - ALL_FIGURES:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    return arguments


def check_prerequisites(arguments: argparse.Namespace) -> None:
    for tool in ("nginx", "taskset"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed")
    if (os.cpu_count() or 1) < 2:
        sys.exit("two cores are needed: one for the server, one for the load")
    binaries = [arguments.load_gen] + ([] if arguments.self_check else [arguments.tarn, arguments.store_generator])
    for binary in binaries:
        if not os.access(binary, os.X_OK):
            sys.exit(f"{binary} is missing: build it with ./dev build, or name another one")


def make_subject(arguments: argparse.Namespace, work: Path) -> Server:
    if arguments.self_check:
        return Nginx("nginx2", work / "nginx2", SERVER_CORE, open_file_cache=arguments.open_file_cache,
                     sendfile=not arguments.handicap)
    settings = dict(pair.split("=", 1) for pair in arguments.tarn_env)
    return Tarn(arguments.tarn.resolve(), work / "tarn", SERVER_CORE, settings)


def measure(arguments: argparse.Namespace, work: Path) -> None:
    facts = machine.describe(REPOSITORY, None if arguments.self_check else arguments.tarn.resolve())
    report.print_machine(facts)
    load_gen = LoadGen(arguments.load_gen.resolve(), CLIENT_CORE)
    reads, writes, peaks, sections = [], [], {}, []
    if arguments.figures & (READ_FIGURES | WRITE_FIGURES):
        reads, writes, peaks = measure_beside_nginx(arguments, load_gen, work)
    if not arguments.self_check:
        sections = list(measure_sections(arguments, load_gen, work))
        settings = {"rounds": arguments.rounds, "seconds": arguments.seconds, "quick": arguments.quick,
                    "open_file_cache": arguments.open_file_cache, "tarn_env": arguments.tarn_env}
        document = report.document(facts, settings, reads, writes, sections, peaks)
        file = report.write_json(arguments.results, document, is_whole=arguments.figures == ALL_FIGURES)
        print(f"\nPeak memory: {', '.join(f'{name} {size >> 20} MiB' for name, size in peaks.items())}")
        print(f"Written: {file.name} in {arguments.results.name}/")


def measure_beside_nginx(arguments: argparse.Namespace, load_gen: LoadGen, work: Path):
    rival = Nginx("nginx", work / "nginx", SERVER_CORE, open_file_cache=arguments.open_file_cache)
    subject = make_subject(arguments, work)
    scenarios = Reads(load_gen, rival, subject, arguments.rounds, arguments.seconds, arguments.quick)
    writes = None
    if isinstance(subject, Tarn):
        writes = Writes(load_gen, subject, max(arguments.rounds // 3, 3), arguments.quick)
        print("Publishing what the scenarios need …", flush=True)
        needed = itertools.chain(contents.publishes(arguments.quick) if arguments.figures & READ_FIGURES else (),
                                 writes.publishes_before(arguments.figures))
        subject.fill(load_gen, needed, arguments.fast_folder or work)
    reads, written = [], []
    with ExitStack() as running:
        for server in (rival, subject):
            server.start()
            running.callback(server.stop)
        try:
            rows = scenarios.prepare(arguments.figures)
            if rows:
                report.print_reads_head(rival.name, subject.name)
            for row in rows:
                reads.append(scenarios.run(row))
                report.print_read(reads[-1])
            if writes:
                written = writes.run(arguments.figures)
        except LoadError as error:
            raise LoadError(f"{error}\nThe last that {subject.name} wrote: {subject.last_words()}") from error
        return reads, written, {server.name: server.peak_rss_bytes() for server in (rival, subject)}


@contextmanager
def new_tarn(arguments: argparse.Namespace, folder: Path) -> Iterator[Tarn]:
    """An empty registry, running."""
    tarn = Tarn(arguments.tarn.resolve(), folder, SERVER_CORE, dict(pair.split("=", 1) for pair in arguments.tarn_env))
    tarn.create()
    tarn.start()
    try:
        yield tarn
    finally:
        tarn.stop()


def measure_sections(arguments: argparse.Namespace, load_gen: LoadGen, work: Path) -> Iterator[Section]:
    """What has servers of its own. Each section ends its servers before the next one begins."""
    rounds = max(arguments.rounds // 2, 3)
    if "mixed" in arguments.figures:
        report.print_reads_head("rival", "tarn")
        with new_tarn(arguments, work / "tarn-mixed") as subject:
            yield MoreWrites(load_gen, subject, rounds, report.say).run()
    if "F13" in arguments.figures:
        report.print_reads_head("peer", "tarn")
        with new_tarn(arguments, work / "tarn-beside-peers") as subject:
            peers = Peers(load_gen, arguments.peers, work, SERVER_CORE, rounds, arguments.seconds, installs=1 if arguments.quick else 3,
                          say=report.say)
            yield peers.run(subject)
    if "F11" in arguments.figures:
        report.print_reads_head("small", "big")
        scale = Scale(load_gen, arguments.tarn.resolve(), arguments.store_generator.resolve(), work, arguments.keep_stores, SERVER_CORE,
                      rounds, arguments.seconds)
        yield scale.run(arguments.scale, report.say)
    if "F8" in arguments.figures:
        yield programs.imports(arguments.tarn.resolve(), work, arguments.quick, report.say)
    if "F9" in arguments.figures:
        yield programs.replication(arguments.tarn.resolve(), work, arguments.quick, report.say)


def main() -> int:
    arguments = parse_arguments()
    check_prerequisites(arguments)
    # The driver itself stays off the server's core.
    os.sched_setaffinity(0, {CLIENT_CORE})
    with tempfile.TemporaryDirectory(prefix="tarn-bench-", dir=arguments.work) as work:
        try:
            measure(arguments, Path(work))
        except (LoadError, ServerError) as error:
            print(f"run.py: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
