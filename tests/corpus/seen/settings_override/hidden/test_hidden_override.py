import unittest

from overrides import override


class HiddenOverrideTest(unittest.TestCase):
    def test_nested(self):
        settings = {"a": 0}
        try:
            with override(settings, a=1):
                with override(settings, a=2, c=5):
                    raise RuntimeError
        except RuntimeError:
            pass
        self.assertEqual(settings, {"a": 0})

    def test_return_inside_a_function(self):
        settings = {}

        def work():
            with override(settings, a=1):
                return dict(settings)

        self.assertEqual(work(), {"a": 1})
        self.assertEqual(settings, {})
