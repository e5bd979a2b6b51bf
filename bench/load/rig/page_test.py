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
        self.assertEqual(render(document, source), (page, (REPOSITORY / "docs/performance-reads.svg").read_text()))

    def test_names_what_was_lost_and_only_that(self):
        document = {"machine": {"cpu": "", "cpu_count": 2, "memory_gib": 1, "kernel": "", "nginx": "", "rocksdb": "",
                                "tarn_build": "", "commit": "", "uncommitted_changes": False, "load_average_before": [0.0]},
                    "settings": {"rounds": 1, "seconds": 1}, "reads": [read(0.5), read(1.5)], "writes": [], "peak_rss_bytes": {}}
        losses = render(document, "x.json")[0].split("## ")[1]
        self.assertIn("case 1.5", losses)
        self.assertNotIn("case 0.5", losses)

    def test_plot_stays_inside_its_frame(self):
        widths = [float(width) for width in re.findall(r'width="([0-9.]+)" height="16"', plot([read(50.0), read(0.5)]))]
        self.assertEqual(len(widths), 2)
        self.assertLessEqual(max(widths), 540)


if __name__ == "__main__":
    unittest.main()
