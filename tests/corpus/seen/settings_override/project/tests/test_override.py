import unittest

from overrides import override


class OverrideTest(unittest.TestCase):
    def test_inside(self):
        with override({"a": 1}, a=2, b=3) as settings:
            self.assertEqual(settings, {"a": 2, "b": 3})

    def test_afterwards(self):
        settings = {"a": 1}
        with override(settings, a=2, b=3):
            pass
        self.assertEqual(settings, {"a": 1})

    def test_after_an_exception(self):
        settings = {"a": 1}
        with self.assertRaises(ValueError):
            with override(settings, a=2, b=3):
                raise ValueError
        self.assertEqual(settings, {"a": 1})

    def test_exception_comes_through(self):
        with self.assertRaises(KeyError):
            with override({}, a=1):
                raise KeyError("x")
