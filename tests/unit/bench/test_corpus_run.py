"""Solving and grading, with solvers that are told what to answer."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest

from covey.bench.corpus import Outcome, grade, main, run_corpus
from covey.bench.corpus_cases import Bug, default_root, load_bugs
from covey.bench.corpus_report import Record, percentile, summarise, summary_lines
from covey.core.errors import SandboxError

OVERFIT = ("paginator/core.py", "max(1, ", "3 if len(self.items) == 25 else max(1, ")


def bug_named(name: str) -> Bug:
    (bug,) = load_bugs(default_root(), only=[name])
    return bug


def diff_of(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}")
    return "".join(lines)


def reference_diff(bug: Bug) -> str:
    texts = [[(bug.folder / folder / name).read_text() for folder in ("project", "fixed")] for name in bug.files]
    return "".join(diff_of(name, *text) for name, text in zip(bug.files, texts, strict=True))


def replaced(bug: Bug, path: str, old: str, new: str) -> str:
    text = (bug.project / path).read_text(encoding="utf-8")
    assert old in text
    return diff_of(path, text, text.replace(old, new))


async def reference(project: Path, issue: str, budget_s: float) -> Outcome:
    bug = bug_named(project.name)
    assert issue == bug.issue
    return Outcome(
        status="patched", label="verified", diff=reference_diff(bug), duration_s=2, candidates=50, candidates_per_s=100
    )


async def nothing(project: Path, issue: str, budget_s: float) -> Outcome:
    return Outcome(status="no_patch", duration_s=budget_s, candidates=10, candidates_per_s=5)


async def test_the_reference_fix_is_found_and_right() -> None:
    seen: list[str] = []
    bugs = [bug_named("page_count"), bug_named("room_booking")]
    records = await run_corpus(bugs, reference, jobs=2, report=lambda record: seen.append(record.name))
    assert [(r.name, r.found, r.hidden_pass, r.rank, r.label) for r in records] == [
        ("page_count", True, True, 1, "verified"),
        ("room_booking", True, True, 1, "verified"),
    ]
    assert sorted(seen) == ["page_count", "room_booking"]


async def test_the_solver_works_on_a_copy() -> None:
    bug = bug_named("page_count")
    before = {path: path.read_bytes() for path in sorted(bug.project.rglob("*.py"))}

    async def destroyer(project: Path, issue: str, budget_s: float) -> Outcome:
        for path in project.rglob("*.py"):
            path.write_text("gone")
        return Outcome(status="no_patch")

    (record,) = await run_corpus([bug], destroyer)
    assert not record.found
    assert {path: path.read_bytes() for path in sorted(bug.project.rglob("*.py"))} == before


async def test_an_overfitted_patch_is_found_but_not_right_and_a_right_alternative_has_its_rank() -> None:
    bug = bug_named("page_count")
    overfitted = replaced(bug, "src/" + OVERFIT[0], *OVERFIT[1:])

    async def solver(project: Path, issue: str, budget_s: float) -> Outcome:
        return Outcome(status="patched", diff=overfitted, alternatives=("nonsense", reference_diff(bug)))

    (record,) = await run_corpus([bug], solver)
    assert (record.found, record.hidden_pass, record.rank, record.offered) == (True, False, 3, 3)


async def test_a_patch_that_mends_only_a_part_is_not_found() -> None:
    bug = bug_named("page_count")

    async def solver(project: Path, issue: str, budget_s: float) -> Outcome:
        return Outcome(status="partial", diff=reference_diff(bug))

    (record,) = await run_corpus([bug], solver)
    assert (record.found, record.hidden_pass, record.rank) == (False, False, 1)


async def test_a_patch_cannot_win_by_editing_tests() -> None:
    bug = bug_named("page_count")
    blinded = replaced(bug, "tests/test_paginator.py", "paginator.pages == 3", "paginator.pages == 2")
    run = await grade(bug, blinded + reference_diff(bug))
    assert run.green
    assert not (await grade(bug, blinded)).green


async def test_a_diff_that_does_not_apply_is_not_green_and_says_why() -> None:
    run = await grade(bug_named("page_count"), "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n")
    assert not run.green
    assert run.output.startswith("git apply: ")


async def test_trouble_of_the_solver_is_recorded_and_the_others_go_on() -> None:
    async def solver(project: Path, issue: str, budget_s: float) -> Outcome:
        if project.name == "page_count":
            raise SandboxError("no sandbox today")
        return await reference(project, issue, budget_s)

    broken, fine = await run_corpus([bug_named("page_count"), bug_named("lru_order")], solver)
    assert (broken.status, broken.found, broken.error) == ("failed", False, "no sandbox today")
    assert fine.hidden_pass


def test_percentiles_are_nearest_rank() -> None:
    values = [float(n) for n in range(20, 0, -1)]
    assert (percentile(values, 50), percentile(values, 95), percentile(values, 100)) == (10, 19, 20)
    assert percentile([7.0], 5) == 7
    assert percentile([], 50) == 0


def test_the_summary_counts_by_kind_and_names_what_is_missing() -> None:
    def record(name: str, kind: str, **more: object) -> Record:
        return Record.model_validate({"name": name, "set": "seen", "kind": kind, "status": "x", **more})

    summary = summarise(
        [
            record("a", "async", found=True, hidden_pass=True, candidates=100, candidates_per_s=50.0, duration_s=2),
            record("b", "async", found=True, duration_s=4, candidates=100, candidates_per_s=200.0),
            record("c", "generator", duration_s=9, error="oh no"),
        ]
    )
    assert (summary.total, summary.found, summary.hidden_pass, summary.candidates) == (3, 2, 1, 200)
    assert (summary.p50_s, summary.p95_s) == (4, 9)
    assert summary.candidates_per_s == 80  # 200 candidates in 2 s + 0.5 s
    assert summary_lines(summary) == [
        "found 2/3 (67%), first patches passing hidden tests 1/2 (50%), p50 4.0 s, p95 9.0 s, 80 candidates/s",
        "by kind (found/total, passing hidden): async 2/2, 1; generator 0/1, 0",
        "missed: c",
        "first patch fails hidden tests: b",
        "error: c: oh no",
    ]


def test_run_prints_a_table_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "result.json"
    assert main(["run", "--only", "lru_order", "--budget", "7", "--json", str(target)], solve=reference) == 0
    out, err = capsys.readouterr()
    assert "found 1/1 (100%), first patches passing hidden tests 1/1 (100%)" in out
    assert "verified" in out
    assert "lru_order: right in 2.0 s" in err
    data = json.loads(target.read_text())
    assert data["summary"]["found"] == 1
    assert data["bugs"][0]["diff"].startswith("--- a/lru/cache.py")


def test_the_budget_reaches_the_solver(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--only", "lru_order", "--budget", "7"], solve=nothing) == 0
    out = capsys.readouterr().out
    assert "found 0/1 (0%)" in out
    assert "p50 7.0 s" in out
    assert "missed: lru_order" in out


def test_validate_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--only", "money_text"]) == 0
    assert capsys.readouterr().out == "1/1 bugs are valid (1 kinds, 0 hard)\n"


@pytest.mark.parametrize("arguments", [["run", "--only", "nonesuch"], ["validate", "--corpus", "/nonesuch"]])
def test_unusable_commands_end_with_2_and_a_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments, solve=nothing) == 2
    assert "No" in capsys.readouterr().err
