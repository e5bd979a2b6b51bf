import unittest

from rig.measured import Value


class ValueAgainstItsLimit(unittest.TestCase):
    def test_is_the_median_and_stays_at_or_below(self):
        self.assertTrue(Value("F11", "start-up", "s", [9.0, 1.0, 2.0], limit=2.0).reached)
        self.assertFalse(Value("F11", "start-up", "s", [1.0, 2.1, 3.0], limit=2.0).reached)

    def test_or_at_or_above(self):
        self.assertTrue(Value("F9", "bootstrap", "", [0.7], limit=0.7, at_least=True).reached)
        self.assertFalse(Value("F9", "bootstrap", "", [0.6], limit=0.7, at_least=True).reached)

    def test_without_a_limit_is_neither(self):
        self.assertIsNone(Value("", "search", "ms", [1.0]).reached)

    def test_comes_back_from_json(self):
        row = Value("F9", "bootstrap", "", [0.7], limit=0.7, at_least=True)
        self.assertEqual(Value.from_json(row.as_json()), row)


if __name__ == "__main__":
    unittest.main()
