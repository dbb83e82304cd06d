"""The corpus is what it claims to be. All of it for real: ``python -m covey.bench.corpus validate``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from covey.bench.corpus import validate
from covey.bench.corpus_cases import KINDS, Bug, default_root, load_bugs, read_bug, real_faults, structural_faults
from covey.core.errors import UnusableInput

SEEN = load_bugs(default_root(), sets=["seen"])
SAMPLE = ("leap_calendar", "room_booking", "async_profile", "csv_quoting", "router_mount", "stock_report")

TOML = """
title = "Sum is wrong"
kind = "operators"
issue = "add(1, 2) gives -1 instead of 3. Adding zero is fine, so nobody noticed until we added two real numbers."
files = ["calc.py"]
tests = "."
"""


@pytest.fixture
def bug(tmp_path: Path) -> Bug:
    folder = tmp_path / "set" / "sum"
    for name, text in {
        "bug.toml": TOML,
        "project/calc.py": "def add(a, b):\n    return a - b\n",
        "project/test_calc.py": "from calc import add\n\n\ndef test_zero():\n    assert add(1, 0) == 1\n\n\n"
        "def test_add():\n    assert add(1, 2) == 3\n",
        "hidden/test_more.py": "from calc import add\n\n\ndef test_more():\n    assert add(2, 5) == 7\n",
        "fixed/calc.py": "def add(a, b):\n    return a + b\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_bug(folder)


def test_every_bug_of_the_corpus_has_a_sound_structure() -> None:
    everything = load_bugs(default_root())
    assert {bug.name: faults for bug in everything if (faults := structural_faults(bug))} == {}
    assert len({bug.name for bug in everything}) == len(everything)


def test_the_corpus_is_varied_and_small() -> None:
    assert len(SEEN) >= 44
    by_kind = {kind: sum(bug.kind == kind for bug in SEEN) for kind in KINDS}
    assert {kind: count for kind, count in by_kind.items() if count < 2} == {}
    assert sum(bug.runner == "unittest" for bug in SEEN) >= 6
    assert 0.1 <= sum(bug.hard for bug in SEEN) / len(SEEN) <= 0.25
    size = sum(path.stat().st_size for path in default_root().rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert size < 600_000


def test_projects_need_nothing_but_pytest() -> None:
    foreign = re.compile(r"^\s*(?:import|from) (numpy|pandas|requests|attr|yaml|dateutil|hypothesis)\b", re.MULTILINE)
    users = [path for path in default_root().rglob("*.py") if foreign.search(path.read_text(encoding="utf-8"))]
    assert users == []


@pytest.mark.parametrize("name", SAMPLE)
async def test_sampled_bugs_are_red_before_and_green_after_the_fix(name: str) -> None:
    (bug,) = load_bugs(default_root(), only=[name])
    assert await real_faults(bug) == []


async def test_a_sound_bug_is_valid(bug: Bug) -> None:
    assert await validate([bug]) == {}


async def test_a_fix_that_mends_nothing_is_reported(bug: Bug) -> None:
    (bug.folder / "fixed/calc.py").write_text("def add(a, b):\n    return a - b - 0\n")
    faults = (await validate([bug]))["sum"]
    assert [fault.split(":")[0] for fault in faults] == ["fixed", "fixed"]


async def test_a_project_without_a_red_test_is_reported(bug: Bug) -> None:
    (bug.project / "test_calc.py").write_text("def test_nothing():\n    pass\n")
    (fault,) = (await validate([bug]))["sum"]
    assert fault.startswith("buggy: visible tests need both red and green ones: 1 passed, 0 failed")


async def test_hidden_tests_that_see_nothing_are_reported(bug: Bug) -> None:
    (bug.folder / "hidden/test_more.py").write_text("def test_nothing():\n    pass\n")
    (fault,) = (await validate([bug]))["sum"]
    assert fault.startswith("buggy: no hidden test is red")


def test_structural_faults_are_named(bug: Bug) -> None:
    (bug.folder / "fixed/calc.py").write_bytes((bug.project / "calc.py").read_bytes())
    (bug.folder / "hidden/test_more.py").rename(bug.folder / "hidden/test_calc.py")
    broken = bug.model_copy(update={"kind": "magic", "issue": "short", "files": ("calc.py", "other.py")})
    assert structural_faults(broken) == [
        "unknown kind 'magic'",
        "the issue text is too short to be one",
        "files of the fix are ['calc.py'], bug.toml says ['calc.py', 'other.py']",
        "calc.py does not differ from its fixed version",
        "hidden test test_calc.py hides a visible one",
    ]


def test_a_bug_needs_hidden_tests(bug: Bug) -> None:
    (bug.folder / "hidden/test_more.py").unlink()
    assert structural_faults(bug) == ["no hidden test file"]


@pytest.mark.parametrize("text", ["title = ", "title = 'x'\nsurprise = 1\n", TOML.replace('["calc.py"]', "[]")])
def test_an_unusable_description_names_its_file(bug: Bug, text: str) -> None:
    (bug.folder / "bug.toml").write_text(text)
    with pytest.raises(UnusableInput, match=r"sum/bug\.toml is not a valid description"):
        read_bug(bug.folder)


def test_bugs_can_be_chosen_by_set_name_and_kind() -> None:
    assert {bug.kind for bug in load_bugs(default_root(), kind="async")} == {"async"}
    assert [bug.name for bug in load_bugs(default_root(), only=["lru_order", "csv_join"])] == ["csv_join", "lru_order"]
    with pytest.raises(UnusableInput, match="nonesuch"):
        load_bugs(default_root(), only=["nonesuch", "lru_order"])
    with pytest.raises(UnusableInput, match="No bug to work on"):
        load_bugs(default_root(), sets=["nonesuch"])
