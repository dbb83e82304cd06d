"""The main job with a model in the real embedded engine, by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.testing.gguf import write_random, write_speaking
from support_cli import covey, fingerprint, write_tree
from support_parcels import PARCELS, WRONG, edit_answer

pytest.importorskip("xllamacpp", reason="the embedded engine is not installed: pip install 'covey[local]'")

CALM = {"COVEY_THREADS": "1", "COVEY_DRAFTS": "2"}
"""Threads of an engine spin while they wait; on a busy machine one is faster than two."""


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "parcels", PARCELS)


def test_what_templates_cannot_mend_a_model_does_and_the_log_replays_without_it(
    parcels: Path, tmp_path: Path, own_home: Path
) -> None:
    model = write_speaking(tmp_path / "says.gguf", edit_answer(), context=32_768)
    before = fingerprint(parcels)
    found = covey("run", "--repo", str(parcels), "--model", str(model), "--json", home=own_home, env=CALM)
    assert found.code == 0, found.err
    report = found.json
    assert fingerprint(parcels) == before
    assert (report["status"], report["label"]) == ("patched", "no_regressions")
    assert "enumerate(reversed(code), 1)" in report["diff"]
    assert report["tokens"]["generated"] > 0
    assert report["tokens"]["reused"] > 0
    model.unlink()
    replayed = covey("runs", "replay", str(report["run_id"]), "--json", home=own_home, env=CALM)
    assert (replayed.code, replayed.json["same"]) == (0, True)


def test_a_wrong_model_is_told_what_the_tests_said_and_is_never_believed(
    parcels: Path, tmp_path: Path, own_home: Path
) -> None:
    cues = {"did not solve it": edit_answer()}
    model = write_speaking(tmp_path / "learns.gguf", edit_answer(WRONG), cues=cues, context=32_768)
    found = covey("run", "--repo", str(parcels), "--model", str(model), "--json", home=own_home, env=CALM)
    assert found.code == 0, found.err
    assert "enumerate(reversed(code), 1)" in found.json["diff"]


def test_a_model_that_rambles_costs_no_more_than_its_share(parcels: Path, tmp_path: Path, own_home: Path) -> None:
    model = write_random(tmp_path / "random.gguf", context=32_768)
    found = covey(
        "run", "--repo", str(parcels), "--model", str(model), "--budget", "40", "--json", home=own_home, env=CALM
    )
    assert found.code == 1, found.err
    assert found.json["status"] == "no_patch"
    assert found.json["duration_s"] < 80
