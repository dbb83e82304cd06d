"""Models that behave badly: whatever they say, a run ends well. ``python -m covey.bench.team_hostile`` does more."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from covey.agents.excerpts import excerpts
from covey.agents.generator import LIMITS
from covey.app.engines import OneEngine
from covey.bench import team_hostile
from covey.bench.team_cases import BARCODES, CASES, ODD, TILL, TeamCase
from covey.bench.team_deadline import slow_model
from covey.bench.team_hostile import broken_rules, one_run, really_right
from covey.core.errors import AgentFeedback, EngineError
from covey.core.model import ChatMessage, Sampling, Schema
from covey.core.repair import Suspect
from covey.core.report import RunReport
from covey.core.run import RunStatus
from covey.models.edits import edit_grammar
from covey.models.lineedits import byte_edits
from covey.models.structured import ask
from covey.settings import Settings, load_settings
from covey.testing.hostile import CHARACTERS, ENGINES, fill, hostile
from covey.workspace.edits import changes_of

PROMPT = (ChatMessage(role="user", content="Mend tests/test_check.py and barcodes/check.py."),)


def quick(home: Path, **more: object) -> Settings:
    facts = {"home": home, "python": sys.executable, "sandbox": "none", "workers": 1, "drafts": 2, "plausible": 1}
    return load_settings(**{**facts, "budget": 20.0, "candidates": 60, **more})


async def run(case: TeamCase, name: str, folder: Path, **more: object) -> tuple[RunReport, Sequence[str]]:
    """One run with a hostile model, and the rules that it broke."""
    own = quick(folder / "home", model=f"hostile-{name}", **more)
    report, seconds, error = await one_run(case, OneEngine(hostile(name)), own, folder / "repository")
    assert report is not None, error
    floor = RunStatus.no_patch if case is BARCODES else RunStatus.patched
    return report, list(broken_rules(case, report, folder / "repository", seconds=seconds, budget=120.0, floor=floor))


@pytest.mark.parametrize(
    ("name", "case", "policy"),
    [("cheating", TILL, "pipeline"), ("edits-tests", ODD, "workflow")],
)
async def test_a_hostile_model_breaks_no_rule_and_costs_no_patch(
    name: str, case: TeamCase, policy: str, tmp_path: Path
) -> None:
    report, broken = await run(case, name, tmp_path, policy=policy)
    assert broken == []
    assert report.status is RunStatus.patched


async def test_the_rules_can_be_broken(tmp_path: Path) -> None:
    repository = TILL.write(tmp_path / "till")
    log = tmp_path / "events.jsonl"
    edit = {"path": "tests/test_sums.py", "start": 0, "end": 10**6, "text": "", "encoding": "utf-8"}
    draft = {"id": "x", "edits": [edit], "origin": "generator", "path": "tests/test_sums.py", "line": 1}
    log.write_text(json.dumps({"detail": {"value": {"candidates": [draft]}}}) + "\n")
    (repository / "till" / "sums.py").write_text("changed")
    lie = RunReport(
        run_id="r",
        status=RunStatus.no_patch,
        exit_code=0,
        diff="",
        files=("tests/test_sums.py",),
        evidence=str(tmp_path),
    )
    broken = list(broken_rules(TILL, lie, repository, seconds=60.0, budget=20.0, floor=RunStatus.patched))
    assert len(broken) == 8, broken
    assert not really_right(BARCODES, "no diff", BARCODES.write(tmp_path / "barcodes"))


@pytest.mark.parametrize("name", sorted(set(CHARACTERS) - {"endless"}))
@pytest.mark.parametrize("engine", range(len(ENGINES)))
async def test_whatever_is_said_becomes_an_edit_that_applies_to_no_test_or_none(name: str, engine: int) -> None:
    sources = {path: text.encode() for path, text in BARCODES.files.items()}
    suspects = [Suspect(path=path, line=6, score=1.0) for path in ("tests/test_check.py", "barcodes/check.py")]
    files = excerpts(sources, suspects, lines=100)
    assert [file.path for file in files] == ["barcodes/check.py"]
    grammar = edit_grammar(files, ENGINES[engine], LIMITS)
    backend = hostile(name, engine)
    for _ in range(6):
        try:
            said = await ask(backend, PROMPT, grammar.answer, schema=grammar.schema, check=grammar.check)
        except (AgentFeedback, EngineError):
            continue
        edits = byte_edits(grammar.decode(said.value), sources)
        assert {edit.path for edit in edits} <= {"barcodes/check.py"}
        changes_of(sources, edits)


@settings(max_examples=40, deadline=None)
@given(seed=strategies.integers(0, 10**6), full=strategies.booleans())
def test_schema_valid_nonsense_really_fits_the_schema(seed: int, full: bool) -> None:
    sources = {path: text.encode() for path, text in BARCODES.files.items()}
    files = excerpts(sources, [Suspect(path="barcodes/check.py", line=6, score=1.0)], lines=100)
    for engine in ENGINES:
        grammar = edit_grammar(files, engine, LIMITS)
        value = fill(grammar.schema, lambda: "    pass", random.Random(seed), full=full)
        grammar.check(grammar.answer.model_validate(value))


async def test_hostile_models_are_the_same_for_the_same_seed() -> None:
    schema: Schema = {"type": "object", "properties": {"word": {"type": "string", "maxLength": 30}}}
    for name in sorted(set(CHARACTERS) - {"endless", "failing"}):
        one, two = hostile(name, 4), hostile(name, 4)
        for _ in range(3):
            sampling = Sampling(max_tokens=4_000)
            assert await one.complete(PROMPT, schema, sampling) == await two.complete(PROMPT, schema, sampling), name


def test_every_case_of_the_benchmark_is_known_by_its_tests_and_its_mend(tmp_path: Path) -> None:
    assert all(case.tests for case in CASES)
    for case in (TILL, BARCODES, ODD):
        folder = case.write(tmp_path / case.name)
        path, place, line = case.mend
        lines = (folder / path).read_text().splitlines()
        number, _, text = place.partition("|")
        assert lines[int(number) - 1] == text
        assert not really_right(case, "", folder)
        (folder / path).write_text("\n".join([*lines[: int(number) - 1], line, *lines[int(number) :]]) + "\n")
        assert team_hostile.asks_right(case, folder)
        assert slow_model(case, "right", 0).name == "scripted"
