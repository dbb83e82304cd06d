"""One agent with tools in the real embedded engine, by the command line: a wrong edit, a right one, the same again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.testing.gguf import write_speaking
from support_cli import covey, fingerprint, write_tree
from support_parcels import PARCELS, PLACE, RIGHT, WRONG

pytest.importorskip("xllamacpp", reason="the embedded engine is not installed: pip install 'covey[local]'")


def action(line: str, place: str) -> str:
    """The turn that puts ``line`` in the place of the fault."""
    edit = {"path": "parcels/labels.py", "first": place, "count": 1, "lines": [line]}
    turn = {"thought": "Weigh the digits.", "action": {"tool": "apply_edit", "edits": [edit]}}
    return json.dumps(turn, separators=(",", ":"))


def test_an_agent_alone_is_told_by_the_tests_mends_its_edit_and_can_be_replayed(tmp_path: Path, own_home: Path) -> None:
    repository = write_tree(tmp_path / "parcels", PARCELS)
    cues = {
        "Role: repairer": action(WRONG, PLACE),
        "Turn 2 of 16": action(RIGHT, f"6|{WRONG}"),
        "Role: documenter": '{"sentences":["The checksum now weighs each digit by its place."]}',
        "Role: localiser": '{"choices":[{"path":"parcels/labels.py","symbol":"checksum"}]}',
    }
    model = write_speaking(tmp_path / "alone.gguf", "{}", cues=cues, context=32_768)
    before = fingerprint(repository)
    options = ("--model", str(model), "--policy", "single", "--json")
    found = covey("run", "--repo", str(repository), *options, home=own_home, env={"COVEY_THREADS": "1"})
    assert found.code == 0, found.err
    report = found.json
    assert fingerprint(repository) == before
    assert (report["status"], report["label"]) == ("patched", "no_regressions")
    assert "enumerate(reversed(code), 1)" in report["diff"]
    assert any(note.startswith("The agent took 2 turns.") for note in report["notes"])
    model.unlink()
    replayed = covey("runs", "replay", str(report["run_id"]), "--json", home=own_home)
    assert (replayed.code, replayed.json["same"]) == (0, True), replayed.out
