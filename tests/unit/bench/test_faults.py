"""Dealing out tests, injecting, judging and resuming, on a small package; real ones need a package index."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from covey.bench.corpus import Outcome
from covey.bench.faults import Bench, Result, judge, main, summarise
from covey.bench.faults_cases import Injected, deal_tests, failing_functions, functions_of_suite, inject, source_files
from covey.bench.mutation_program import span
from covey.bench.packages_cases import Case, get_case
from covey.bench.packages_faults import Package

SOURCE = "def last(items):\n    return items[len(items) - 1]\n\n\ndef first(items):\n    return items[0]\n"
TEST = "import pytest\nfrom things import first, last\n\n\n@pytest.mark.parametrize('n', [1, 2])\n"
TEST += "def test_last(n):\n    assert last('a' * n + 'c') == 'c'\n\n\n"
TEST += "def test_first():\n    assert first('abc') == 'a'\n\n\n"
TEST += "def test_both():\n    assert first(last(['xy', 'ab'])) == 'a'\n"
PACKAGE = Package("things", "1.0", "", (), source="src")
AT = SOURCE.index(" - 1")
FAULT = Injected(
    package="things", file="src/things/__init__.py", line=2, operator="core/NumberReplacer", start=AT, end=AT + 4,
    before=" - 1", after=" - 2", failing=("tests/test_things.py::test_last", "tests/test_things.py::test_both"),
)  # fmt: skip


@pytest.fixture
async def case(tmp_path: Path) -> Case:
    place = tmp_path / "cache" / "things-1.0"
    for name, text in {
        "source/src/things/__init__.py": SOURCE,
        "source/tests/test_things.py": TEST,
        "source/setup.py": "",
        "venv/bin/python": f'#!/bin/sh\nPYTEST_DISABLE_PLUGIN_AUTOLOAD=1 exec "{sys.executable}" "$@"\n',
        "ready": "",
    }.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (place / "venv/bin/python").chmod(0o755)
    return await get_case(PACKAGE, place.parent)


def diff_to(text: str) -> str:
    broken = SOURCE[:AT] + " - 2" + SOURCE[AT + 4 :]
    name = "src/things/__init__.py"
    return "".join(difflib.unified_diff(broken.splitlines(True), text.splitlines(True), f"a/{name}", f"b/{name}"))


def test_the_span_of_a_mutant_is_what_differs_and_whole_characters() -> None:
    assert span(b"a == b", b"a != b") == (2, 3, b"!")
    assert span(b"is not x", b"is x") == (3, 7, b"")
    before, after = "x = 'ä'".encode(), "x = 'ö'".encode()
    start, end, text = span(before, after)
    assert before[:start] + text + before[end:] == after
    assert text.decode() == "ö"


async def test_the_suite_says_which_functions_there_are_and_which_fail(case: Case, tmp_path: Path) -> None:
    functions = await functions_of_suite(case)
    assert [name.partition("::")[2] for name in functions] == ["test_last", "test_first", "test_both"]
    assert source_files(case) == ["src/things/__init__.py"]
    inject(case, FAULT, tmp_path / "copy")
    code, failing = await failing_functions(case, tmp_path / "copy")
    assert (code, [name.partition("::")[2] for name in failing]) == (1, ["test_last", "test_both"])


def test_each_test_function_is_dealt_once_and_a_failing_one_to_the_search() -> None:
    functions = [f"tests/test_things.py::test_{name}" for name in ("last", "first", "both", "c", "d", "e", "f", "g")]
    for seed in range(20):
        deal = deal_tests(functions, FAULT, seed)
        assert sorted((*deal.search, *deal.verdict, *deal.unseen)) == sorted(functions)
        assert set(deal.search) & set(FAULT.failing)
        assert (len(deal.search), len(deal.verdict), len(deal.unseen)) == (4, 1, 3)
        assert deal == deal_tests(functions, FAULT, seed)


async def test_a_patch_is_exact_equivalent_or_wrong(case: Case) -> None:
    deal = deal_tests(await functions_of_suite(case), FAULT, 0)
    assert await judge(case, FAULT, deal, diff_to(SOURCE)) == ("exact", True)
    assert await judge(case, FAULT, deal, diff_to(SOURCE.replace("len(items) - 1", "-1"))) == ("equivalent", True)
    everything = deal.model_copy(update={"unseen": FAULT.failing})
    assert await judge(case, FAULT, everything, diff_to(SOURCE.replace(" - 1", " - 3"))) == ("wrong", False)
    nothing = deal.model_copy(update={"unseen": ()})
    assert await judge(case, FAULT, nothing, diff_to(SOURCE.replace(" - 1", " - 3"))) == ("wrong", True)


async def restoring(project: Path, command: str, holdout: Sequence[str], budget_s: float) -> Outcome:
    assert " - 2" in (project / FAULT.file).read_text()
    assert command.startswith("python -m pytest")
    assert budget_s == 5
    assert len(holdout) <= 1
    return Outcome(status="patched", label="verified", diff=diff_to(SOURCE), duration_s=2.0, candidates=7)


def test_a_stopped_benchmark_goes_on_where_it_was(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "faults.jsonl").write_text(FAULT.model_dump_json() + "\n")
    cache = str(case.original.parent.parent)
    arguments = ["--cache", cache, "--out", str(out), "--count", "1", "--budget", "5"]
    assert main(arguments, solve=restoring, packages=[PACKAGE]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["found"], first["exact"], first["by_label"]) == (1, 1, {"verified": "1 of 1"})

    async def never(project: Path, command: str, holdout: Sequence[str], budget_s: float) -> Outcome:
        raise AssertionError

    assert main(arguments, solve=never, packages=[PACKAGE]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert len(Bench(out, Path(cache), 0).results()) == 1


def test_a_package_that_is_not_there_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--packages", "nothing", "--out", str(tmp_path)], solve=restoring, packages=[PACKAGE]) == 2
    assert "things" in capsys.readouterr().err


def test_the_summary_counts_misses_by_operator() -> None:
    base = {"fault": "f", "package": "p", "before": "", "after": "", "duration_s": 1.0}
    results = [
        Result(**base, operator="core/A", label="verified", verdict="wrong", unseen_pass=False),
        Result(**base, operator="core/B"),
    ]
    summary = summarise(results)
    assert (summary["wrong"], summary["missed_by_operator"]) == (1, {"B": 1})
    assert summary["by_label"] == {"verified": "0 of 1"}
