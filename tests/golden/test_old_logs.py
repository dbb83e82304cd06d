"""Logs and stores written by earlier versions keep loading, verifying and replaying.

The files beside this test are never written again: a change of format adds a new file and a new case here.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from pydantic import Field

from covey.coordination.journal import Journal
from covey.coordination.replay import replay
from covey.core.artifact import ArtifactKind
from covey.core.canonical import Frozen, Volatile
from covey.core.run import Run, RunStatus, Step, Usage
from covey.store.export import read_export
from covey.store.sqlite import SqliteStore
from covey.testing.memory import MemoryStore
from support_store import make_step

pytestmark = pytest.mark.requirement("F7")

HERE = Path(__file__).parent
HEAD = {1: "3c95a1dac37f241f63d5a0b9d8253cd1daeef5e9ea7bc0141db70eeb51fb1da7"}


class Located(Frozen):
    """An answer as it was when the log of schema 1 was written."""

    path: str
    lines: tuple[int, ...]
    scores: dict[str, float] = Field(default_factory=dict)
    duration_s: Volatile[float] = 0.0


class Judged(Frozen):
    """Another one."""

    label: str | None
    reasons: tuple[str, ...] = ()
    tokens: Volatile[int] = 0


async def walk_1(journal: Journal) -> None:
    """The walk that wrote the log of schema 1."""

    async def locate() -> Located:
        return Located(path="src/naïve.py", lines=(3, 14, 15), scores={"ochiai": 2 / 3, "crash": 1.0}, duration_s=0.92)

    async def judge() -> Judged:
        return Judged(label=None, reasons=("tests/test_a.py::test_b is red: 1 != 2",), tokens=65)

    async def give_up() -> Judged:
        return Judged(label="plausible")

    found = await journal.step("localise", {"tests": ["tests/test_a.py::test_b"]}, Located, locate, role="localiser")
    first = await journal.step(
        "verify", {"path": found.path, "attempt": 1}, Judged, judge, usage=lambda judged: Usage(generated=judged.tokens)
    )
    await journal.step("verify", {"because": list(first.reasons), "attempt": 2}, Judged, give_up, role="verifier")
    await journal.finish()


async def loaded(run: Run, steps: tuple[Step, ...]) -> MemoryStore:
    store = MemoryStore()
    await store.create(run)
    for step in steps:
        await store.append(run.id, step)
    return store


async def test_a_log_of_schema_1_loads_verifies_and_replays() -> None:
    export = read_export(HERE / "run-schema-1.jsonl")
    assert export.faults == ()
    assert [step.name for step in export.steps] == ["localise", "verify", "verify"]
    assert {step.schema_version for step in export.steps} == {1}
    assert export.run.head == HEAD[1]
    assert (export.run.status, export.metrics) == (RunStatus.plausible, {"wall_s": 1.25, "candidates": 17})
    assert [(artifact.name, artifact.kind) for artifact in export.artifacts] == [("before.log", ArtifactKind.log)]
    report = await replay(await loaded(export.run, export.steps), export.run.id, walk_1)
    assert report.identical, report.divergence
    assert report.walked_head == HEAD[1]


async def test_the_same_walk_still_writes_the_same_log() -> None:
    run = read_export(HERE / "run-schema-1.jsonl").run
    store = await loaded(run, ())
    await walk_1(await Journal.open(store, run))
    assert (await store.get(run.id)).head == HEAD[1]


async def test_a_changed_line_of_an_old_log_is_noticed(tmp_path: Path) -> None:
    text = (HERE / "run-schema-1.jsonl").read_text("utf-8")
    for old, new in (("14", "16"), ('"label":"plausible"', '"label":"verified"'), ("localise", "locate")):
        (tmp_path / "x.jsonl").write_text(text.replace(old, new), "utf-8")
        assert read_export(tmp_path / "x.jsonl").faults != (), (old, new)


@pytest.mark.parametrize("schema", [1])
async def test_a_store_of_each_schema_opens_and_goes_on(tmp_path: Path, schema: int) -> None:
    db = sqlite3.connect(tmp_path / "covey.db")
    db.executescript((HERE / f"store-schema-{schema}.sql").read_text("utf-8"))
    db.execute(f"PRAGMA user_version = {schema}")
    db.close()
    async with SqliteStore(tmp_path) as store:
        (run,) = await store.list()
        assert (run.head, run.steps) == (HEAD[schema], 3)
        assert await store.put_artifact(b"1 failed\n") == (await store.artifacts(run.id))[0].digest
        assert await store.check() == []
        await store.append(run.id, make_step(3, run.head))
        assert await store.check() == []
