"""Results and how they are printed: progress, failures in full, the table, the notes under it, the count."""

import dataclasses
import threading

from client_table import Row
from steps import Step

_print_lock = threading.Lock()


@dataclasses.dataclass
class Result:
    """One cell. `text` is one line for the notes; `details` is everything known about a failure."""

    client: str
    step: str
    status: str
    text: str = ""
    details: str = ""
    seconds: float = 0


def print_progress(result: Result) -> None:
    with _print_lock:
        print(f"{result.status:7} {result.client:6} {result.step} ({result.seconds:.1f} s)", flush=True)
        if result.details:
            print(f"----- {result.client}: {result.step} -----\n{result.details}\n-----", flush=True)


def print_all(results: list[Result], rows: list[Row], chosen: list[Step]) -> None:
    cells = {(result.client, result.step): result for result in results}
    titles = [f"{row.name} {row.version}" for row in rows]
    first = max(len(step.name) for step in chosen)
    widths = [max(len(title), len("REFUSED [99]")) for title in titles]
    print()
    print("  ".join(["step".ljust(first), *(title.ljust(width) for title, width in zip(titles, widths))]).rstrip())
    print("  ".join("-" * width for width in [first, *widths]))
    notes: dict[str, list[str]] = {}
    for step in chosen:
        line = [step.name.ljust(first)]
        for row, width in zip(rows, widths):
            cell = cells[row.name, step.name]
            mark = ""
            if cell.text:
                where = notes.setdefault(cell.text, [])
                where.append(f"{row.name}: {step.name}")
                mark = f" [{list(notes).index(cell.text) + 1}]"
            line.append((cell.status + mark).ljust(width))
        print("  ".join(line).rstrip())
    print()
    for number, text in enumerate(notes, start=1):
        print(f"[{number}] {text}")
    for result in results:
        if result.client == "tarn":
            print(f"\ntarn: {result.step}: {result.status} {result.text}")
    print_count(results)


def print_count(results: list[Result]) -> None:
    passed = sum(result.status == "PASS" for result in results)
    failed = sum(result.status == "FAIL" for result in results)
    print(f"{passed} passed, {failed} failed")
