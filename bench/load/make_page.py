#!/usr/bin/env python3
"""Writes docs/performance.md and its plots from a result file: bench/load/make_page.py bench/results/FILE.json"""

import json
import sys
from pathlib import Path

from rig.page import render

DOCS = Path(__file__).resolve().parents[2] / "docs"

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    result = Path(sys.argv[1])
    page, plots = render(json.loads(result.read_text()), result.name)
    (DOCS / "performance.md").write_text(page)
    for name, svg in plots.items():
        (DOCS / name).write_text(svg)
