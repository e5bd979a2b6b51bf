import unittest

from rig.rounds import Comparison, Sample, Spread


def sample(cpu_us, rps=1_000.0):
    return Sample(100, cpu_us, rps, 1.0, 2.0, 3.0, 1.0, 0.0)


def comparison(ratios, limit):
    rivals = [sample(10.0 * (index + 1)) for index in range(len(ratios))]
    subjects = [sample(rival.cpu_us * ratio) for rival, ratio in zip(rivals, ratios, strict=True)]
    return Comparison("F1", "scenario", 1, 1, limit, "nginx", "tarn", rivals, subjects)


class SpreadOfValues(unittest.TestCase):
    def test_is_the_whole_range_of_few_values(self):
        self.assertEqual(Spread.of([3.0, 1.0, 2.0]), Spread(2.0, 1.0, 3.0))

    def test_leaves_out_what_the_sign_test_allows(self):
        # 9 values: P(at most one above the median) = 10/512, twice that is below 5 %; with two it is 18 %.
        self.assertEqual(Spread.of([float(value) for value in range(1, 10)]), Spread(5.0, 2.0, 8.0))


class ComparisonOfRounds(unittest.TestCase):
    def test_forms_ratios_within_a_round(self):
        # The machine becomes ten times slower from round to round; the ratio does not care.
        self.assertAlmostEqual(comparison([0.9, 0.9, 0.9], 1.0).ratio("cpu_us").high, 0.9)

    def test_verdict_against_a_limit(self):
        self.assertEqual(comparison([0.8, 0.9, 1.1], 1.0).verdict(), "reached")
        self.assertEqual(comparison([0.9, 1.1, 1.2], 1.0).verdict(), "missed, within noise")
        self.assertEqual(comparison([1.1, 1.2, 1.3], 1.0).verdict(), "MISSED")

    def test_verdict_of_a_server_against_itself(self):
        self.assertEqual(comparison([0.9, 1.0, 1.1], None).verdict(), "even")
        self.assertEqual(comparison([1.1, 1.2, 1.3], None).verdict(), "UNEVEN")
        self.assertEqual(comparison([0.7, 0.8, 0.9], None).verdict(), "UNEVEN")


if __name__ == "__main__":
    unittest.main()
