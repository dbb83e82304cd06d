import unittest

from cron.field import parse_field


class HiddenCronTest(unittest.TestCase):
    def test_ranges(self):
        self.assertEqual(parse_field("0-30/10", 0, 59), {0, 10, 20, 30})
        self.assertEqual(parse_field("5-5", 0, 59), {5})
        self.assertEqual(parse_field("0-6", 0, 6), set(range(7)))
        self.assertEqual(parse_field("1-2,4-6/2", 0, 6), {1, 2, 4, 6})

    def test_everything(self):
        self.assertEqual(parse_field("*", 1, 12), set(range(1, 13)))
        self.assertEqual(parse_field("3", 0, 6), {3})
        self.assertEqual(parse_field("50/5", 0, 59), {50, 55})
