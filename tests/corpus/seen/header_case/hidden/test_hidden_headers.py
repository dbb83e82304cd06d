import unittest

from headerdict import HeaderDict


class HiddenHeaderDictTest(unittest.TestCase):
    def test_spellings(self):
        for stored in ("x-tag", "X-Tag", "X-TAG"):
            for asked in ("x-tag", "X-Tag", "X-TAG", "x-TAG"):
                headers = HeaderDict()
                headers[stored] = 1
                self.assertIn(asked, headers)
                del headers[asked]
                self.assertNotIn(stored, headers)
                self.assertEqual(len(headers), 0)
