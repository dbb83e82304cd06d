import unittest
from datetime import datetime

from cron import Schedule
from cron.field import parse_field


class CronTest(unittest.TestCase):
    def test_list(self):
        self.assertEqual(parse_field("1,3,5", 0, 6), {1, 3, 5})

    def test_bounds(self):
        with self.assertRaises(ValueError):
            parse_field("5-70", 0, 59)

    def test_steps(self):
        self.assertEqual(parse_field("*/20", 0, 59), {0, 20, 40})

    def test_range(self):
        self.assertEqual(parse_field("1-5", 0, 6), {1, 2, 3, 4, 5})

    def test_next(self):
        schedule = Schedule("30 8 * * 1,3")
        self.assertEqual(schedule.next_after(datetime(2024, 5, 1, 8, 30)), datetime(2024, 5, 6, 8, 30))

    def test_working_days(self):
        schedule = Schedule("0 9 * * 1-5")
        self.assertEqual(schedule.next_after(datetime(2024, 5, 2, 9, 0)), datetime(2024, 5, 3, 9, 0))

    def test_fields(self):
        with self.assertRaises(ValueError):
            Schedule("* * *")
