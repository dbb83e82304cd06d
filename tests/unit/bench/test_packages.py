"""Breaking, solving and grading a small package; the real ones need a package index and are no part of the tests."""

from __future__ import annotations

import difflib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from covey.bench.corpus import Outcome
from covey.bench.packages import Record, grade, main, summarise
from covey.bench.packages_cases import Case, broken_copy, get_case, is_test, same_program, unpack
from covey.bench.packages_faults import PACKAGES, Fault, Package
from covey.core.errors import RunError, SandboxError, UnusableInput

SOURCE = "def last(items):\n    return items[len(items) - 1]\n\n\ndef first(items):\n    return items[0]\n"
TEST = "from things import first, last\n\n\ndef test_last():\n    assert last('abc') == 'c'\n\n\n"
TEST += "def test_first():\n    assert first('abc') == 'a'\n"
FAULT = Fault("early", "src/things.py", "len(items) - 1]", "len(items) - 2]", "last is wrong", "last('abc') is 'b'.")
IDLE = Fault("idle", "src/things.py", "items[0]", "items[0 ]", "nothing", "Nothing is wrong.")
PACKAGE = Package("things", "1.0", "", (FAULT,), source="src")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A warm cache: the package is unpacked, and what runs its tests is this interpreter."""
    place = tmp_path / "cache" / "things-1.0"
    for name, text in {
        "source/src/things.py": SOURCE,
        "source/tests/test_things.py": TEST,
        "source/pyproject.toml": "[tool.pytest.ini_options]\nasyncio_default_fixture_loop_scope = 'function'\n",
        "venv/bin/python": f'#!/bin/sh\nPYTEST_DISABLE_PLUGIN_AUTOLOAD=1 exec "{sys.executable}" "$@"\n',
        "ready": "",
    }.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (place / "venv/bin/python").chmod(0o755)
    return place.parent


@pytest.fixture
async def case(cache: Path) -> Case:
    return await get_case(PACKAGE, cache)


def diff_to(text: str, *, name: str = "src/things.py", before: str | None = None) -> str:
    """A diff from the broken source to ``text``."""
    broken = before if before is not None else SOURCE.replace(FAULT.before, FAULT.after)
    return "".join(difflib.unified_diff(broken.splitlines(True), text.splitlines(True), f"a/{name}", f"b/{name}"))


async def restoring(project: Path, issue: str, budget_s: float) -> Outcome:
    assert issue.startswith("last is wrong\n\n")
    assert FAULT.after in (project / FAULT.file).read_text()
    return Outcome(status="patched", label="no_regressions", diff=diff_to(SOURCE), duration_s=3, candidates=30)


async def test_a_patch_that_restores_the_text_is_exact(case: Case) -> None:
    assert await grade(case, FAULT, diff_to(SOURCE)) == "exact"


async def test_a_patch_that_restores_the_syntax_tree_is_exact(case: Case) -> None:
    assert await grade(case, FAULT, diff_to(SOURCE.replace("items) - 1", "items) -  1"))) == "exact"


async def test_another_patch_with_which_the_suite_passes_is_green(case: Case) -> None:
    assert await grade(case, FAULT, diff_to(SOURCE.replace("[len(items) - 1]", "[-1]"))) == "green"


async def test_a_patch_with_which_the_suite_fails_is_wrong(case: Case) -> None:
    assert await grade(case, FAULT, diff_to(SOURCE.replace("- 1", "- 3"))) == "wrong"


async def test_a_patch_cannot_win_by_editing_tests(case: Case) -> None:
    blinded = diff_to(TEST.replace("== 'c'", "== 'b'"), name="tests/test_things.py", before=TEST)
    assert await grade(case, FAULT, blinded) == "wrong"


async def test_what_does_not_apply_is_wrong(case: Case) -> None:
    assert await grade(case, FAULT, "--- a/nothing.py\n+++ b/nothing.py\n@@ -1 +1 @@\n-a\n+b\n") == "wrong"


async def test_a_fault_must_fit_its_file(case: Case, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="early: its lines are not exactly once"):
        broken_copy(case, FAULT._replace(before="items"), tmp_path / "copy")


def test_a_changed_package_is_another_program(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("a = 1\n")
    one, other = tmp_path / "one", tmp_path / "other"
    assert same_program(one, other)
    (other / "a.py").write_text("a = 1  # the same\n")
    assert same_program(one, other)
    (other / "b.py").write_text("")
    assert not same_program(one, other)
    (other / "b.py").unlink()
    (other / "a.py").write_text("a = (\n")
    assert not same_program(one, other)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tests/helpers.py", True), ("pkg/tests/test_a.py", True), ("test_a.py", True), ("pkg/testing.py", False)],
)
def test_files_of_tests_are_known_by_their_place_and_name(name: str, expected: bool) -> None:
    assert is_test(Path(name)) is expected


def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar.gz"
    for name in ("evil-1.0/../../escaped", "evil-1.0/fine"):
        with tarfile.open(archive, "w:gz") as tar:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        if "fine" in name:
            unpack(archive, tmp_path / "source")
        else:
            with pytest.raises(RunError, match="leaves its folder"):
                unpack(archive, tmp_path / "source")
    assert [path.name for path in (tmp_path / "source").iterdir()] == ["fine"]
    assert not (tmp_path / "escaped").exists()


def test_the_command_reports_in_a_table_a_summary_and_json(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "result.json"
    code = main(["--cache", str(cache), "--json", str(target)], solve=restoring, packages=[PACKAGE])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert "things   early  no_regressions  exact" in out
    assert err == "things/early: exact in 3.0 s\n"
    data = json.loads(target.read_text())
    assert (data["summary"]["found"], data["summary"]["exact"], data["summary"]["proved"]) == (1, 1, 1)
    assert data["faults"][0]["diff"] == ""


def test_a_fault_that_no_test_sees_is_reported(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cache", str(cache)], solve=restoring, packages=[PACKAGE._replace(faults=(IDLE,))]) == 1
    assert "NOT A FAULT" in capsys.readouterr().out


def test_trouble_of_the_product_is_a_record(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(project: Path, issue: str, budget_s: float) -> Outcome:
        raise SandboxError("no sandbox today")

    assert main(["--cache", str(cache)], solve=broken, packages=[PACKAGE]) == 0
    assert "things/early: no sandbox today" in capsys.readouterr().err


def test_an_unknown_package_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "nonesuch"], solve=restoring) == 2
    assert "no package nonesuch" in capsys.readouterr().err


def test_a_wrong_first_patch_is_found_but_not_right_and_a_right_alternative_has_its_rank(
    cache: Path, tmp_path: Path
) -> None:
    async def second(project: Path, issue: str, budget_s: float) -> Outcome:
        return Outcome(status="patched", diff=diff_to(SOURCE.replace("- 1", "- 3")), alternatives=(diff_to(SOURCE),))

    target = tmp_path / "result.json"
    assert main(["--cache", str(cache), "--json", str(target)], solve=second, packages=[PACKAGE]) == 0
    (record,) = json.loads(target.read_text())["faults"]
    assert (record["verdict"], record["rank"], record["offered"]) == ("wrong", 2, 2)


def test_the_summary_counts_only_valid_faults() -> None:
    summary = summarise(
        [
            Record(package="a", fault="1", verdict="exact", label="verified", candidates=100, candidates_per_s=50),
            Record(package="a", fault="2", verdict="green", label="plausible", candidates=100, candidates_per_s=200),
            Record(package="b", fault="3"),
            Record(package="b", fault="4", valid=False),
        ]
    )
    counted = {name: summary[name] for name in ("packages", "faults", "found", "exact_or_green", "exact", "proved")}
    assert counted == {"packages": 2, "faults": 3, "found": 2, "exact_or_green": 2, "exact": 1, "proved": 1}
    assert summary["candidates_per_s"] == 80
    assert summary["not_faults"] == ["b/4"]


def test_the_packages_are_pinned_and_their_faults_described() -> None:
    assert len(PACKAGES) >= 5
    for package in PACKAGES:
        assert len(package.sha256) == 64
        assert 2 <= len(package.faults) <= 3
        assert len({fault.name for fault in package.faults}) == len(package.faults)
        for fault in package.faults:
            assert fault.before != fault.after
            assert fault.before not in fault.issue
            assert len(fault.issue) > 40
