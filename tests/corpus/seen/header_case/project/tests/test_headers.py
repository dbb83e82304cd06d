import unittest

from headerdict import HeaderDict


class HeaderDictTest(unittest.TestCase):
    def setUp(self):
        self.headers = HeaderDict(Content_Type="text/plain", Accept="*/*")

    def test_get(self):
        self.assertEqual(self.headers["content-TYPE"], "text/plain")
        self.assertEqual(self.headers.get("x", "-"), "-")

    def test_set_replaces(self):
        self.headers["ACCEPT"] = "text/html"
        self.assertEqual(len(self.headers), 2)
        self.assertIn("ACCEPT: text/html", self.headers.as_lines())

    def test_iter(self):
        self.assertEqual(list(self.headers), ["Content-Type", "Accept"])

    def test_contains(self):
        self.assertIn("CONTENT-type", self.headers)
        self.assertNotIn("host", self.headers)

    def test_delete(self):
        del self.headers["Accept"]
        self.assertEqual(list(self.headers), ["Content-Type"])

    def test_delete_missing(self):
        with self.assertRaises(KeyError):
            del self.headers["Host"]
