"""The main job by the command line, on the example projects."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support_cli import EXAMPLES, Answer, covey, fingerprint

pytestmark = pytest.mark.requirement("E1", "E3", "E5", "E13", "F1", "F5", "F7")


@pytest.fixture
def playlists(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / "02_unittest_project", tmp_path / "playlists"))


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / "01_invoice_service", tmp_path / "invoices"))


def solved(answer: Answer) -> dict[str, object]:
    assert answer.code == 0, answer.err + answer.out
    return answer.json


def test_a_failing_suite_becomes_a_patch_that_git_applies_and_tests_confirm(playlists: Path, own_home: Path) -> None:
    before = fingerprint(playlists)
    report = solved(covey("run", "--repo", str(playlists), "--json", home=own_home))
    assert fingerprint(playlists) == before
    assert (report["status"], report["label"], report["model"]) == ("patched", "no_regressions", "none")
    for name in ("run_id", "patch", "diff", "duration_s", "tests", "alternatives", "evidence", "tokens"):
        assert name in report
    patched = Path(shutil.copytree(playlists, playlists.parent / "patched"))
    subprocess.run(["git", "apply", str(report["patch"])], cwd=patched, check=True)
    tests = subprocess.run([sys.executable, "-m", "unittest", "-q"], cwd=patched, capture_output=True, check=False)
    assert tests.returncode == 0, tests.stderr


@pytest.mark.slow
def test_held_out_tests_make_a_patch_verified(invoices: Path, own_home: Path) -> None:
    report = solved(covey("run", "--repo", str(invoices), "--holdout", "holdout", "--json", home=own_home))
    assert report["label"] == "verified"
    bundle = Path(str(report["evidence"]))
    assert {path.name for path in bundle.iterdir()} >= {
        "patch.diff", "report.md", "report.json", "logs", "environment.lock", "statement.json", "manifest.json",
    }  # fmt: skip
    checked = covey("runs", "verify", str(bundle), "--json", home=own_home)
    assert (checked.code, checked.json["ok"], checked.json["agrees"]) == (0, True, True)
    replayed = covey("runs", "replay", str(report["run_id"]), "--json", home=own_home)
    assert (replayed.code, replayed.json["same"]) == (0, True)
    other = own_home.parent / "another-machine"
    assert covey("runs", "verify", str(bundle), home=other).code == 0
    (bundle / "report.md").write_text("another story")
    assert covey("runs", "verify", str(bundle), home=own_home).code == 1


def test_apply_writes_the_patch_and_rollback_takes_it_back(playlists: Path, own_home: Path) -> None:
    before = {path: path.read_bytes() for path in playlists.rglob("*.py")}
    report = solved(covey("run", "--repo", str(playlists), "--apply", "--json", home=own_home))
    changed = {path for path, data in before.items() if path.read_bytes() != data}
    assert {str(path.relative_to(playlists)) for path in changed} == set(report["files"])  # type: ignore[call-overload]
    again = covey("run", "--repo", str(playlists), "--json", home=own_home)
    assert again.json["status"] == "already_passing"
    assert covey("runs", "rollback", str(report["run_id"]), home=own_home).code == 0
    assert {path: path.read_bytes() for path in playlists.rglob("*.py")} == before


def test_people_get_plain_lines_without_a_terminal(playlists: Path, own_home: Path) -> None:
    answer = covey("run", "the last song is lost", "--repo", str(playlists), home=own_home)
    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err
    assert "git" in answer.out
    assert "+++ b/" in answer.out


def test_a_budget_that_is_too_small_for_a_search_still_gives_an_answer(invoices: Path, own_home: Path) -> None:
    answer = covey("run", "--repo", str(invoices), "--budget", "1", "--json", home=own_home)
    assert answer.code in (0, 1)
    assert answer.json["status"] in ("patched", "plausible", "partial", "no_patch")


def test_equal_runs_have_equal_hashes(playlists: Path, own_home: Path) -> None:
    one, two = (solved(covey("run", "--repo", str(playlists), "--json", home=own_home)) for _ in range(2))
    assert one["run_id"] != two["run_id"]
    assert one["head"] == two["head"]


def test_a_problem_from_standard_input_becomes_a_test_when_none_is_red(tmp_path: Path, own_home: Path) -> None:
    repo = tmp_path / "shapes"
    repo.mkdir()
    (repo / "shapes.py").write_text("def area(width, height):\n    return width + height\n")
    (repo / "test_shapes.py").write_text(
        "import unittest\nimport shapes\n\n\nclass AreaTest(unittest.TestCase):\n    def test_square(self):\n"
        "        self.assertEqual(shapes.area(2, 2), 4)\n"
    )
    problem = (
        "Areas are wrong for anything but a small square. Expected:\n\n>>> import shapes\n>>> shapes.area(3, 5)\n15\n"
    )
    report = solved(covey("run", "-", "--repo", str(repo), "--json", home=own_home, stdin=problem))
    assert "width * height" in str(report["diff"])
    assert not list(repo.glob("*reproduction*"))


def test_runs_can_be_listed_shown_and_exported(playlists: Path, own_home: Path, tmp_path: Path) -> None:
    report = solved(covey("run", "--repo", str(playlists), "--json", home=own_home))
    run_id = str(report["run_id"])
    listed = covey("runs", "list", "--json", home=own_home).json["runs"]
    assert [(run["id"], run["status"]) for run in listed] == [(run_id, "patched")]
    assert run_id in covey("runs", "list", home=own_home).out
    assert "verdict" in covey("runs", "show", run_id, home=own_home).out
    assert covey("runs", "export", run_id, "--to", str(tmp_path / "run.zip"), home=own_home).code == 0
    names = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(tmp_path / "run.zip")], capture_output=True, text=True, check=True
    ).stdout
    assert "manifest.json" in names


def test_doctor_says_what_is_here(own_home: Path) -> None:
    answer = covey("doctor", "--json", home=own_home)
    found = {finding["name"]: finding["state"] for finding in answer.json["findings"]}
    assert found["git"] == "ok"
    assert any(name.startswith("sandbox") for name in found)
    assert covey("doctor", home=own_home).code == answer.code


def test_every_setting_is_shown_with_its_meaning(own_home: Path) -> None:
    shown = covey("config", "show", "--json", home=own_home, env={"COVEY_BUDGET": "12"}).json["settings"]
    assert shown["budget"] == 12
    assert json.dumps(shown["seed"]) == "0"
