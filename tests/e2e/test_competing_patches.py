"""Plausible patches that disagree on an input that no test has: the run says so, and asks for the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from support_cli import covey

FEW = {"COVEY_PLAUSIBLE": "2"}
SOURCE = "def joined(a, b):\n    return a - b\n"
TESTS = (
    "import unittest\n\nfrom numbers_of import joined\n\n\nclass JoinedTest(unittest.TestCase):\n"
    "    def test_two(self):\n        self.assertEqual(joined(2, 2), 4)\n"
)


def test_patches_that_disagree_on_a_probe_are_not_verified_and_the_input_is_named(
    tmp_path: Path, own_home: Path
) -> None:
    repo = tmp_path / "numbers"
    (repo / "more").mkdir(parents=True)
    (repo / "numbers_of.py").write_text(SOURCE)
    (repo / "test_numbers.py").write_text(TESTS)
    (repo / "more" / "test_more.py").write_text(TESTS.replace("(2, 2), 4", "(0, 0), 0"))
    report = covey("run", "--repo", str(repo), "--holdout", "more", "--json", home=own_home, env=FEW).json
    assert (report["status"], report["label"]) == ("patched", "no_regressions")
    reasons = " ".join(report["reasons"])
    assert "pass the held-out tests too" in reasons
    assert "behaves differently: joined(" in reasons
    assert "Add a test for joined(" in reasons
    told = (Path(str(report["evidence"])) / "report.md").read_text()
    assert "Add a test for joined(" in told


@pytest.mark.slow
def test_patches_that_do_the_same_on_all_probes_do_not_stand_against_each_other(tmp_path: Path, own_home: Path) -> None:
    repo = tmp_path / "limits"
    (repo / "more").mkdir(parents=True)
    (repo / "limits.py").write_text(
        "def most(value, high):\n    if value < high:\n        return high\n    return value\n"
    )
    tests = (
        "import unittest\n\nfrom limits import most\n\n\nclass MostTest(unittest.TestCase):\n"
        "    def test_most(self):\n"
        "        self.assertEqual([most(1, 5), most(5, 5), most(9, 5), most(-2, 7), most(0, -1)], [1, 5, 5, -2, -1])\n"
    )
    (repo / "test_limits.py").write_text(tests)
    (repo / "more" / "test_more.py").write_text(tests.replace("most(1, 5)", "most(2, 5)").replace("[1,", "[2,"))
    report = covey("run", "--repo", str(repo), "--holdout", "more", "--json", home=own_home, env=FEW).json
    assert (report["status"], report["label"]) == ("patched", "verified"), report["reasons"]
    assert report["alternatives"]
    assert "Behaves like the patch on all" in " ".join(report["notes"])
