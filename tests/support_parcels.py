"""A small repository with a fault that no template mends, and what a model must say to mend it."""

from __future__ import annotations

import json

PARCELS = {
    "parcels/__init__.py": "",
    "parcels/labels.py": '''"""Labels of parcels."""


def checksum(code):
    """Sum of the digits, each weighted by its place from the right, modulo 97."""
    return len(code)


def label(code):
    return f"{code}-{checksum(code):02d}"
''',
    "tests/__init__.py": "",
    "tests/test_labels.py": """import unittest

from parcels.labels import checksum, label


class LabelTest(unittest.TestCase):
    def test_one_digit(self):
        self.assertEqual(checksum("7"), 7)

    def test_places_count_from_the_right(self):
        self.assertEqual(checksum("3141"), 3 * 4 + 1 * 3 + 4 * 2 + 1)

    def test_the_sum_wraps(self):
        self.assertEqual(checksum("99999999"), 9 * 36 % 97)

    def test_label(self):
        self.assertEqual(label("12"), "12-04")

    def test_an_empty_code_has_no_sum(self):
        self.assertEqual(label(""), "-00")
""",
}
"""Digits must be weighted and summed; the function returns the length instead."""

PLACE = "6|    return len(code)"
RIGHT = "    return sum(place * int(digit) for place, digit in enumerate(reversed(code), 1)) % 97"
WRONG = "    return sum(int(digit) for digit in code) % 97"


def edit_answer(line: str = RIGHT) -> str:
    """The answer, in the grammar of lines, that puts ``line`` in place of the fault."""
    edit = {"path": "parcels/labels.py", "first": PLACE, "count": 1, "lines": [line]}
    return json.dumps({"edits": [edit]}, separators=(",", ":"))
