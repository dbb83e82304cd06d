import unittest

from timers import Timer


class TimerTest(unittest.TestCase):
    def setUp(self):
        self.lines = []
        times = iter([10, 12.5])
        self.timer = Timer(self.lines.append, "job", clock=lambda: next(times))

    def test_seconds(self):
        with self.timer as timer:
            self.assertIsNone(timer.seconds)
        self.assertEqual(timer.seconds, 2.5)

    def test_line(self):
        with self.timer:
            pass
        self.assertEqual(self.lines, ["job took 2.5 s (ok)"])

    def test_exception(self):
        with self.assertRaises(KeyError):
            with self.timer:
                raise KeyError("x")
        self.assertEqual(self.lines, ["job took 2.5 s (failed: KeyError)"])
