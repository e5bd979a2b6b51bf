#!/usr/bin/env python3
"""Drives real npm clients against tarn and prints a table of client and step.

Clients run beside each other, each with its own HOME, caches and users; the steps of one client run in order. Ends with
1 when a cell of the table is FAIL, 2 on wrong usage.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True

import client_table  # noqa: E402
import refusals  # noqa: E402
import report  # noqa: E402
import steps  # noqa: E402
# The order of these imports is the order of the steps.
import steps_account  # noqa: E402, F401
import steps_publish  # noqa: E402, F401
import steps_manage  # noqa: E402, F401
import steps_access  # noqa: E402, F401
import steps_profile  # noqa: E402, F401
import steps_login  # noqa: E402, F401
import steps_install  # noqa: E402, F401
import steps_trust  # noqa: E402, F401
from bench import Bench, StepFailed  # noqa: E402
from oidc_issuer import Issuer  # noqa: E402
from registry import Registry, Tarn  # noqa: E402

CLIENTS_AT_ONCE = 3
# The proxy of `behind a prefix` says in X-Forwarded-* what the client asked for.
# The hooks that are made go to this machine.
SERVER_SETTINGS = {"TARN_SERVER_TRUSTED_PROXIES": "127.0.0.1/32", "TARN_HOOKS_ALLOW_PRIVATE_ADDRESSES": "true"}


def run_step(bench: Bench, one: steps.Step, failed: set[str]) -> report.Result:
    """Runs one step; whatever goes wrong in it becomes a FAIL with all that is known."""
    if one.verb in bench.main.NOT_OFFERED:
        return report.Result(bench.row.name, one.name, "n/a", bench.main.NOT_OFFERED[one.verb])
    blocked = [need for need in one.needs if need in failed]
    if blocked:
        return report.Result(bench.row.name, one.name, "FAIL", f"not tried: {', '.join(blocked)} failed")
    offset = bench.registry.log_offset()
    start = time.monotonic()
    refusal = refusals.expected(one.name, bench.row.name)
    details = ""
    try:
        note = one.function(bench)
        if refusal is None or refusal.online:
            status, text = "PASS", note or ""
        else:
            status, text = "FAIL", "works, although refusals.py says it does not: take it out of that list"
    except StepFailed as failure:
        quoted = refusal.quoted(failure.evidence) if refusal else None
        if quoted is not None:
            status, text = "REFUSED", f"{refusal.why}: {quoted}"
        else:
            status, text = "FAIL", str(failure).splitlines()[0]
            details = f"{failure}\n--- server log ---\n{tail(bench.registry.log_since(offset))}"
    except Exception:  # a fault of the step itself, or an answer of the server that nobody foresaw
        status, text = "FAIL", traceback.format_exc().splitlines()[-1]
        details = f"{traceback.format_exc()}\n--- server log ---\n{tail(bench.registry.log_since(offset))}"
    return report.Result(bench.row.name, one.name, status, text, details, time.monotonic() - start)


def tail(text: str, lines: int = 40) -> str:
    return "\n".join(text.splitlines()[-lines:])


def run_round(bench: Bench, chosen: list[steps.Step], second_round: bool) -> list[report.Result]:
    results: list[report.Result] = []
    failed: set[str] = set()
    for one in chosen:
        if one.second_round != second_round:
            continue
        result = run_step(bench, one, failed)
        results.append(result)
        report.print_progress(result)
        if result.status == "FAIL":
            failed.add(one.name)
    return results


def run_all(benches: list[Bench], chosen: list[steps.Step]) -> list[report.Result]:
    results: list[report.Result] = []
    for second_round in (False, True):
        for bench in benches:
            bench.everybodys_packages = [name for other in benches for name in (other.app, other.library)]
        with concurrent.futures.ThreadPoolExecutor(CLIENTS_AT_ONCE) as pool:
            rounds = [pool.submit(run_round, bench, chosen, second_round) for bench in benches]
            for finished in rounds:
                results += finished.result()
    return results


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build_dir", type=pathlib.Path, help="holds clients/ and, unless TARN_BIN is set, tarn")
    parser.add_argument("--clients", choices=("default", "all"), default="default", help="a set of client_table.txt")
    parser.add_argument("--client", action="append", metavar="NAME", help="only this client; may be repeated")
    parser.add_argument("--step", action="append", metavar="NAME", help="only this step and what it needs")
    parser.add_argument("--against", metavar="URL", help="a registry that runs already (to develop the harness)")
    parser.add_argument("--keep", action="store_true", help="keep homes, packages, data directory and server log")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    chosen = steps.selected(options.step)
    known = client_table.clients()
    wrong = refusals.misspelt({one.name for one in steps.STEPS}, {row.name for row in known})
    if wrong:
        print(f"clients: refusals.py names {wrong}, which do not exist", file=sys.stderr)
        return 2
    rows = [row for row in known if (row.name in options.client if options.client else
                                     row.default or options.clients == "all")]
    if not rows:
        print(f"clients: no client is called {options.client}", file=sys.stderr)
        return 2
    clients_dir = options.build_dir.resolve() / "clients"
    absent = client_table.missing(clients_dir, rows)
    if absent:
        print(f"clients: {', '.join(row.name for row in absent)} missing in {clients_dir}; run install_clients first",
              file=sys.stderr)
        return 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tarn-clients-"))
    binary = pathlib.Path(os.environ.get("TARN_BIN", options.build_dir / "tarn")).resolve()
    # Every npm asks for a web login first, npm 6 whatever it is told, and nobody sits at a browser here;
    # tests/blackbox/web_login_test.py does.
    os.environ["TARN_REGISTRY_WEB_LOGIN"] = "false"
    issuer = Issuer()
    # Behind our proxy the host is not believed, so the audience is configured: yarn's has the port.
    configuration = '[trust]\naudiences = ["npm:127.0.0.1", "npm:127.0.0.1:PORT"]\n' + issuer.toml()
    registry = (Registry(options.against) if options.against else
                Tarn(binary, folder, environment=SERVER_SETTINGS, configuration=configuration))
    try:
        benches = [Bench(row, clients_dir, registry, folder / row.name, issuer) for row in rows]
        results = run_all(benches, chosen)
    finally:
        faults = registry.stop()
        issuer.close()
    results.append(report.Result("tarn", "stop, verify", "FAIL" if faults else "PASS", "; ".join(faults)))
    report.print_all(results, rows, chosen)
    if options.keep:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if any(result.status == "FAIL" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
