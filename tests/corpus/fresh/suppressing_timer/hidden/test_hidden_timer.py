import unittest

from timers import Timer


class HiddenTimerTest(unittest.TestCase):
    def test_nested(self):
        lines = []
        with self.assertRaisesRegex(ValueError, "deep"):
            with Timer(lines.append, "outer", clock=lambda: 0):
                with Timer(lines.append, "inner", clock=lambda: 0):
                    raise ValueError("deep")
        self.assertEqual([line.split()[0] for line in lines], ["inner", "outer"])

    def test_value(self):
        def work():
            with Timer(lambda line: None, clock=lambda: 0):
                return 5

        self.assertEqual(work(), 5)
