import json
import re
import unittest
from pathlib import Path

from rig.page import plot, render

REPOSITORY = Path(__file__).resolve().parents[3]


def read(median):
    sample = {"cpu_us": 10.0, "p50_us": 1.0, "p99_us": 2.0, "p999_us": 3.0, "other_busy": 0.0}
    return {"figure": "F1", "scenario": f"case {median}", "connections": 1, "limit": 1.0, "rival_samples": [sample],
            "subject_samples": [sample], "cpu_ratio": {"median": median, "low": median, "high": median},
            "rps_ratio": {"median": 1.0}}


class ThePage(unittest.TestCase):
    def test_is_what_its_result_file_says(self):
        page = (REPOSITORY / "docs/performance.md").read_text()
        source = re.search(r"`bench/results/([^`]+)`", page).group(1)
        document = json.loads((REPOSITORY / "bench/results" / source).read_text())
        rendered, plots = render(document, source)
        self.assertEqual(rendered, page)
        self.assertEqual(plots, {file.name: file.read_text() for file in (REPOSITORY / "docs").glob("performance-*.svg")})

    def test_names_what_was_lost_and_only_that(self):
        missed = {"figure": "F11", "scenario": "start-up", "unit": "s", "samples": [3.0], "value": 3.0, "limit": 2.0, "at_least": False}
        section = {"name": "scale", "title": "Growth", "notes": [], "comparisons": [{**read(1.7), "rival": "small"}],
                   "values": [{**missed, "reached": False}, {**missed, "scenario": "idle memory", "reached": True}]}
        document = {"sections": [section], "machine": {"cpu": "", "cpu_count": 2, "memory_gib": 1, "kernel": "", "nginx": "", "rocksdb": "",
                                "tarn_build": "", "commit": "", "uncommitted_changes": False, "load_average_before": [0.0]},
                    "settings": {"rounds": 1, "seconds": 1}, "reads": [read(0.5), read(1.5)], "writes": [], "peak_rss_bytes": {}}
        page, plots = render(document, "x.json")
        losses = page.split("## ")[1]
        self.assertIn("case 1.5", losses)
        self.assertNotIn("case 0.5", losses)
        self.assertIn("case 1.7, 1 connections, beside small: CPU ratio 1.70", losses)
        self.assertIn("F11 start-up: 3.00 s, to reach ≤ 2", losses)
        self.assertNotIn("idle memory", losses)
        self.assertEqual(sorted(plots), ["performance-reads.svg", "performance-scale.svg"])

    def test_plot_stays_inside_its_frame(self):
        widths = [float(width) for width in re.findall(r'width="([0-9.]+)" height="16"', plot([read(50.0), read(0.5)], ""))]
        self.assertEqual(len(widths), 2)
        self.assertLessEqual(max(widths), 540)


if __name__ == "__main__":
    unittest.main()
