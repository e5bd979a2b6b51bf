"""docs/performance.md and its plots, made from one result file and nothing else."""

import statistics
from html import escape

from rig.report import DISTURBED

WIDTH, ROW, LEFT, RIGHT = 860, 22, 260, 60
LEFT_OF_RIVAL = 460  # Labels that name the rival are longer.
RATIO_MAX = 2.0  # Wider ranges end at the edge of the plot; the table has their figures.


def render(document: dict, source: str) -> tuple[str, dict[str, str]]:
    """The page, and the SVG plots that it shows by their file names."""
    reads = document["reads"]
    writes = [row for row in document["writes"] if "ratio" in row]
    sections = document.get("sections", [])
    parts = [_head(document, source), _losses(reads, writes, sections)]
    if reads:
        parts += ["## Reads, beside nginx\n", "![Server CPU per request, tarn / nginx](performance-reads.svg)\n", _reads(reads)]
    if document["writes"]:
        parts += ["## Writes, and reads just after\n", _writes(writes), _bystanders(document["writes"])]
    parts.append(_memory(document))
    parts += [part for section in sections for part in _section(section)]
    plots = {"performance-reads.svg": plot(reads, "as much as nginx")} if reads else {}
    plots |= {_plot_name(section): plot(section["comparisons"], "as much as the other", of_rival=True)
              for section in sections if section["comparisons"]}
    return "\n".join(part for part in parts if part), plots


def plot(reads: list[dict], at_one: str, *, of_rival: bool = False) -> str:
    """One bar per row: median CPU ratio, a thin line for its range, a vertical line where both cost the same."""
    height = ROW * len(reads) + 44
    left = LEFT_OF_RIVAL if of_rival else LEFT
    unit = (WIDTH - left - RIGHT) / RATIO_MAX
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>']
    for index, row in enumerate(reads):
        top, ratio = 8 + index * ROW, row["cpu_ratio"]
        median, low, high = (min(ratio[key], RATIO_MAX) for key in ("median", "low", "high"))
        colour = "#4a7" if median <= 1 else "#c54"
        middle = top + ROW / 2
        lines += [
            f'<text x="{left - 8}" y="{middle + 4:.0f}" text-anchor="end">{escape(_label(row, of_rival))}</text>',
            f'<rect x="{left}" y="{top + 3}" width="{median * unit:.1f}" height="{ROW - 6}" fill="{colour}"/>',
            f'<line x1="{left + low * unit:.1f}" x2="{left + high * unit:.1f}" y1="{middle}" y2="{middle}" stroke="black"/>',
            f'<text x="{WIDTH - RIGHT + 6}" y="{middle + 4:.0f}">{ratio["median"]:.2f}</text>']
    bottom = 8 + ROW * len(reads)
    lines += [f'<line x1="{left + unit:.1f}" x2="{left + unit:.1f}" y1="4" y2="{bottom}" stroke="black" stroke-dasharray="4 3"/>',
              f'<text x="{left + unit:.1f}" y="{bottom + 18}" text-anchor="middle">1.0: {at_one}; less is better</text>',
              "</svg>"]
    return "\n".join(lines) + "\n"


def _head(document: dict, source: str) -> str:
    facts, settings = document["machine"], document["settings"]
    dirty = ", with uncommitted changes" if facts["uncommitted_changes"] else ""
    return (f"# Performance\n\nMade from `bench/results/{source}` by `bench/load/make_page.py`; not written by hand. How to read the "
            "columns, and how to measure on another machine: [bench/README.md](../bench/README.md).\n\n"
            f"{facts['cpu']}, {facts['cpu_count']} CPUs, {facts['memory_gib']} GiB, Linux {facts['kernel']}; {facts['nginx']}; "
            f"{facts['rocksdb']}; tarn {facts['tarn_build']}, commit {facts['commit']}{dirty}. Server on one core, load on "
            f"another; {settings['rounds']} rounds of {settings['seconds']} s each, servers in turns. Load average before: "
            f"{facts['load_average_before'][0]:.1f}.\n{_disturbance(document)}")


def _disturbance(document: dict) -> str:
    rows = document["reads"] + document["writes"]
    rows += [row for section in document.get("sections", []) for row in section["comparisons"]]
    # A run of one request is shorter than the clock tick that the share is counted in.
    busy = [max(sample["other_busy"] for samples in row.values() if isinstance(samples, list)
                for sample in samples if isinstance(sample, dict))
            for row in rows if "runs" not in row and "first" not in row]
    count = sum(share > DISTURBED for share in busy)
    if not count:
        return ""
    return (f"\nIn {count} of {len(busy)} rows somebody else used more than {DISTURBED:.0%} of one of the two cores, up to "
            f"{max(busy):.0%}: there the requests per second, the latencies and whatever is set against the disk or the clock "
            "(F4, F6) say little, for better or worse. CPU per request hardly depends on it.\n")


def _losses(reads: list[dict], writes: list[dict], sections: list[dict]) -> str:
    lost = [f"- {row['figure']} {_label(row)}: CPU ratio {_spread(row['cpu_ratio'])}, to reach {row['limit']}"
            for row in reads if row["limit"] is not None and row["cpu_ratio"]["median"] > row["limit"]]
    lost += [f"- {row['figure']} {row['scenario']}: {row['ratio']:.2f}, to reach {row['limit']}"
             for row in writes if not row["reached"]]
    for section in sections:
        lost += [f"- {_title(row)}, {row['connections']} connections, beside {row['rival']}: CPU ratio {_spread(row['cpu_ratio'])}, to reach {row['limit']}"
                 for row in section["comparisons"] if row["limit"] is not None and row["cpu_ratio"]["median"] > row["limit"]]
        lost += [f"- {_title(row)}: {_number(row['value'])} {row['unit']}, to reach {_limit(row)}"
                 for row in section["values"] if row["reached"] is False]
    return "## Not reached\n\n" + ("\n".join(lost) if lost else "Nothing in this run.") + "\n"


def _reads(reads: list[dict]) -> str:
    lines = ["| | connections | µs CPU nginx | µs CPU tarn | CPU ratio (range) | requests/s ratio | p50 µs | p99 µs | p99.9 µs | disturbed |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for row in reads:
        ours, theirs = row["subject_samples"], row["rival_samples"]
        other = max(sample["other_busy"] for sample in ours + theirs)
        lines.append(f"| {row['scenario']} | {row['connections']} | {_median(theirs, 'cpu_us'):.1f} | {_median(ours, 'cpu_us'):.1f} | "
                     f"{_spread(row['cpu_ratio'])} | {row['rps_ratio']['median']:.2f} | {_median(ours, 'p50_us'):.0f} | "
                     f"{_median(ours, 'p99_us'):.0f} | {_median(ours, 'p999_us'):.0f} | {f'{other:.0%}' if other > DISTURBED else ''} |")
    return "\n".join(lines) + "\n"


def _writes(writes: list[dict]) -> str:
    if not writes:
        return ""
    lines = ["| | ratio | to reach | µs CPU each | p50 µs | p99 µs | p99.9 µs |", "|---|--:|--:|--:|--:|--:|--:|"]
    for row in writes:
        samples = row.get("samples") or row.get("into_many") or row["first"]
        lines.append(f"| {row['figure']} {row['scenario']} | {row['ratio']:.2f} | {row['limit']} | {_median(samples, 'cpu_us'):.0f} | "
                     + " | ".join(f"{_median(samples, key):.0f}" for key in ("p50_us", "p99_us", "p999_us")) + " |")
    return "\n".join(lines) + "\n"


def _bystanders(rows: list[dict]) -> str:
    lines = [f"- {row['scenario']}: p99 {_median(row['runs'], 'p99_us'):.0f} µs, p99.9 {_median(row['runs'], 'p999_us'):.0f} µs"
             for row in rows if "runs" in row]
    return "\n".join(["GETs of another package meanwhile, at a fixed rate:\n", *lines, ""]) if lines else ""


def _section(section: dict) -> list[str]:
    parts = [f"## {section['title']}\n"] + [note + "\n" for note in section["notes"]]
    if section["comparisons"]:
        parts += [f"![Server CPU per request, ratios]({_plot_name(section)})\n", _comparisons(section["comparisons"])]
    return parts + [_values(section["values"])]


def _plot_name(section: dict) -> str:
    return f"performance-{section['name']}.svg"


def _comparisons(rows: list[dict]) -> str:
    lines = ["| | connections | beside | its µs CPU | µs CPU tarn | CPU ratio (range) | requests/s ratio | its p50 µs | p50 µs | p99 µs | p99.9 µs |",
             "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        ours, theirs = row["subject_samples"], row["rival_samples"]
        lines.append(f"| {_title(row)} | {row['connections']} | {row['rival']} | "
                     f"{_median(theirs, 'cpu_us'):.1f} | {_median(ours, 'cpu_us'):.1f} | {_spread(row['cpu_ratio'])} | "
                     f"{row['rps_ratio']['median']:.2f} | {_median(theirs, 'p50_us'):.0f} | "
                     + " | ".join(f"{_median(ours, key):.0f}" for key in ("p50_us", "p99_us", "p999_us")) + " |")
    return "\n".join(lines) + "\n"


def _values(rows: list[dict]) -> str:
    if not rows:
        return ""
    lines = ["| | median | range | to reach |", "|---|--:|--:|--:|"]
    for row in rows:
        low, high = (_number(edge(row["samples"])) for edge in (min, max))
        lines.append(f"| {_title(row)} | {_number(row['value'])} {row['unit']} | "
                     f"{low} – {high} | {'' if row['limit'] is None else _limit(row)} |")
    return "\n".join(lines) + "\n"


def _title(row: dict) -> str:
    """What a row is called where the figure of the design, if it has one, is not beside it."""
    return f"{row['figure']} {row['scenario']}".lstrip()


def _limit(row: dict) -> str:
    return f"{'≥' if row['at_least'] else '≤'} {row['limit']:g}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _memory(document: dict) -> str:
    if not document["peak_rss_bytes"]:
        return ""
    peaks = ", ".join(f"{name} {size >> 20} MiB" for name, size in document["peak_rss_bytes"].items())
    return f"Peak resident memory over the whole run: {peaks}.\n"


def _label(row: dict, of_rival: bool = False) -> str:
    connections = "1 connection" if of_rival and row["connections"] == 1 else f"{row['connections']} connections"
    return f"{row['scenario']}, {connections}" + (f", beside {row['rival']}" if of_rival else "")


def _spread(ratio: dict) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} – {ratio['high']:.2f})"


def _median(samples: list[dict], key: str) -> float:
    return statistics.median(sample[key] for sample in samples)
