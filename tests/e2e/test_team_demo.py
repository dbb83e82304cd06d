"""The demonstration of the team, as ``make demo-team`` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.requirement("B3", "B4")

ROOT = Path(__file__).parents[2]


def test_the_whole_team_mends_a_fault_on_a_scripted_model_and_every_message_is_shown(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / "demo_team.sh")],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "DEMO_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    for said in (
        "FAILED (failures=4)",
        "localise  coordinator -> ",
        "| Role: ",
        "planner answer",
        "patcher answer",
        "critic answer",
        "tests                 | candidate",
        "coordinator -> evaluator",
        "+        if load and sum(load) + weight > limit:",
        "status patched, label no_regressions",
        "byte for byte as it was",
    ):
        assert said in done.stdout, said
    assert done.stdout.rstrip().endswith("OK")
    assert not list(tmp_path.glob("tmp.*")), "the demonstration leaves nothing behind"
