"""From the words of an issue alone: no test is red, a model writes one, mends the code, and tests judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.testing.gguf import write_speaking
from support_cli import covey, fingerprint, write_tree
from support_parcels import PARCELS, edit_answer

pytest.importorskip("xllamacpp", reason="the embedded engine is not installed: pip install 'covey[local]'")

GREEN = {
    **PARCELS,
    "tests/test_labels.py": """import unittest

from parcels.labels import checksum, label


class LabelTest(unittest.TestCase):
    def test_one(self):
        self.assertEqual(checksum("1"), 1)

    def test_an_empty_code_has_no_sum(self):
        self.assertEqual(label(""), "-00")
""",
}
ISSUE = (
    "The checksum of a parcel counts the digits instead of weighting them. The checksum of 3141 should be 24, "
    "each digit times its place from the right: I get 4."
)


def said(**values: object) -> str:
    return json.dumps(values, separators=(",", ":"))


CUES = {
    "Role: requirements analyst": said(
        title="Checksum counts digits",
        expected="Each digit counts as often as its place from the right says.",
        actual="The digits are counted.",
        files=[],
        symbols=["checksum"],
        examples=[0],
        stories=["As a clerk, I want checksums that tell codes apart, so that no parcel is lost."],
        assumes=[{"kind": "symbol", "name": "checksum"}, {"kind": "file", "name": "parcels/digits.py"}],
    ),
    "Role: test writer": said(
        imports=["from parcels.labels import checksum"],
        lines=['assert checksum("3141") == 24'],
        fails_with="AssertionError",
    ),
    "Role: localiser": said(choices=[{"path": "parcels/labels.py", "symbol": "checksum"}]),
    "Role: documenter": said(sentences=["The checksum was the length of a code; now each digit counts by its place."]),
}


def test_an_issue_without_a_failing_test_becomes_a_test_then_a_patch_and_the_report_says_who_wrote_it(
    tmp_path: Path, own_home: Path
) -> None:
    parcels = write_tree(tmp_path / "parcels", GREEN)
    model = write_speaking(tmp_path / "says.gguf", edit_answer(), cues=CUES, context=32_768)
    before = fingerprint(parcels)
    found = covey(
        "run", ISSUE, "--repo", str(parcels), "--model", str(model), "--json",
        home=own_home, env={"COVEY_THREADS": "1", "COVEY_DRAFTS": "1"},
    )  # fmt: skip
    report = found.json
    assert found.code == 0, (found.err, report)
    assert fingerprint(parcels) == before
    assert (report["status"], report["label"]) == ("patched", "no_regressions")
    assert "enumerate(reversed(code), 1)" in report["diff"]
    assert "test_covey_witness" not in report["diff"]
    notes = " ".join(report["notes"])
    assert "written by a model" in notes
    assert "file parcels/digits.py" in notes
    assert "did not fill the slot" not in notes
    assert report["explanation"].startswith("The checksum was the length")
    model.unlink()
    replayed = covey("runs", "replay", str(report["run_id"]), "--json", home=own_home)
    assert (replayed.code, replayed.json["same"]) == (0, True)
