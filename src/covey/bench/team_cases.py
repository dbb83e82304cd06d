"""Tiny repositories for benchmarks of the team: faults that templates mend, faults that they do not, and none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TeamCase:
    """A repository as texts by path, its problem, its test command, and an expression that is true once it is right.

    ``mend``: the path, the line as the grammar of lines names it, and what must stand there instead.
    """

    name: str
    files: dict[str, str]
    problem: str = ""
    test: str | None = None
    right: str = "True"
    mend: tuple[str, str, str] = ("", "", "")

    def answer(self, line: str = "") -> str:
        """The answer, in the grammar of lines, that mends the fault; with ``line``, one that writes that instead."""
        path, first, right = self.mend
        edit = {"path": path, "first": first, "count": 1, "lines": [line or right]}
        return json.dumps({"edits": [edit]}, separators=(",", ":"))

    @property
    def tests(self) -> frozenset[str]:
        """Paths of the test files."""
        return frozenset(path for path in self.files if path.split("/")[0] in ("tests", "checks"))

    def write(self, folder: Path) -> Path:
        """Write the repository into a new ``folder`` and return it."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder


_HEAD = "import unittest\n\n"

TILL = TeamCase(
    "till",
    {
        "till/__init__.py": "",
        "till/sums.py": (
            '"""Sums of the till."""\n\n\ndef total(values):\n    result = 0\n    for value in values:\n'
            "        result -= value\n    return result\n\n\ndef change(paid, price):\n    return paid - price\n"
        ),
        "tests/__init__.py": "",
        "tests/test_sums.py": _HEAD
        + (
            "from till.sums import change, total\n\n\nclass SumsTest(unittest.TestCase):\n"
            "    def test_total(self):\n        self.assertEqual(total([1, 2]), 3)\n\n"
            "    def test_empty(self):\n        self.assertEqual(total([]), 0)\n\n"
            "    def test_change(self):\n        self.assertEqual(change(5, 3), 2)\n"
        ),
    },
    right="__import__('till.sums').sums.total([4, 5]) == 9",
    mend=("till/sums.py", "7|        result -= value", "        result += value"),
)
"""A wrong operator: templates mend it."""

BARCODES = TeamCase(
    "barcodes",
    {
        "barcodes/__init__.py": "",
        "barcodes/check.py": (
            '"""Check digits of parcels."""\n\n\ndef check_digit(code):\n'
            '    """Sum of the digits, each weighted by its place from the right, modulo 97."""\n'
            '    return len(code)\n\n\ndef label(code):\n    return f"{code}-{check_digit(code):02d}"\n'
        ),
        "tests/__init__.py": "",
        "tests/test_check.py": _HEAD
        + (
            "from barcodes.check import check_digit, label\n\n\nclass CheckTest(unittest.TestCase):\n"
            '    def test_one_digit(self):\n        self.assertEqual(check_digit("7"), 7)\n\n'
            '    def test_places(self):\n        self.assertEqual(check_digit("3141"), 3 * 4 + 1 * 3 + 4 * 2 + 1)\n\n'
            '    def test_wraps(self):\n        self.assertEqual(check_digit("99999999"), 9 * 36 % 97)\n\n'
            '    def test_label(self):\n        self.assertEqual(label("12"), "12-04")\n'
        ),
    },
    problem="The check digits on our labels are wrong.",
    mend=(
        "barcodes/check.py",
        "6|    return len(code)",
        "    return sum(place * int(digit) for place, digit in enumerate(reversed(code), 1)) % 97",
    ),
    right="__import__('barcodes.check').check.check_digit('2718') == (2 * 4 + 7 * 3 + 1 * 2 + 8) % 97",
)
"""A missing computation: no template mends it."""

GREEN = TeamCase(
    "green",
    {
        "pantry/__init__.py": "",
        "pantry/jars.py": "def full(jars):\n    return [jar for jar in jars if jar > 0]\n",
        "tests/__init__.py": "",
        "tests/test_jars.py": _HEAD
        + (
            "from pantry.jars import full\n\n\nclass JarsTest(unittest.TestCase):\n"
            "    def test_full(self):\n        self.assertEqual(full([0, 2]), [2])\n"
        ),
    },
    problem="The pantry counts jars that are empty as full.",
)
"""Nothing is red; the problem's words are wrong."""

ODD = TeamCase(
    "odd-names",
    {
        "ledger/__init__.py": "",
        "ledger/book.py": "def balance(entries):\n    return max(entries)\n",
        "checks/__init__.py": "",
        "checks/spec_book.py": _HEAD
        + (
            "from ledger.book import balance\n\n\nclass BookSpec(unittest.TestCase):\n"
            "    def test_balance(self):\n        self.assertEqual(balance([3, -1]), 2)\n\n"
            "    def test_one(self):\n        self.assertEqual(balance([3]), 3)\n"
        ),
    },
    test="python -m unittest discover -s checks -t . -p spec_*.py",
    right="__import__('ledger.book').book.balance([3, -1, 5]) == 7",
    mend=("ledger/book.py", "2|    return max(entries)", "    return sum(entries)"),
)
"""Tests whose names do not say that they are tests."""

CASES = (TILL, BARCODES, GREEN, ODD)
