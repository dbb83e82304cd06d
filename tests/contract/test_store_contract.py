"""What every RunStore promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from covey.core.artifact import ArtifactKind
from covey.core.canonical import sha256
from covey.core.errors import StoreConflict, StoreCorrupt, StoreError, UnusableInput
from covey.core.protocols import RunStore
from covey.core.run import RunStatus, Usage
from covey.store.export import read_export
from covey.store.sqlite import SqliteStore
from covey.testing.memory import MemoryStore
from support_store import make_chain, make_run, make_step

pytestmark = pytest.mark.requirement("E2", "E13")


@pytest.fixture(params=["sqlite", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunStore]:
    made: RunStore = await SqliteStore(tmp_path / "home").open() if request.param == "sqlite" else MemoryStore()
    yield made
    await made.close()


async def test_a_new_run_starts_at_its_genesis(store: RunStore) -> None:
    run = make_run()
    await store.create(run)
    assert await store.get(run.id) == run.model_copy(update={"head": run.genesis})
    assert await store.steps(run.id) == []


async def test_a_run_id_is_used_once(store: RunStore) -> None:
    await store.create(make_run())
    with pytest.raises(StoreConflict, match="already"):
        await store.create(make_run())


async def test_a_run_without_its_own_genesis_is_refused(store: RunStore) -> None:
    with pytest.raises(StoreError, match="genesis"):
        await store.create(make_run().model_copy(update={"genesis": "0" * 64}))
    assert await store.list() == []


async def test_steps_come_back_equal_and_in_order_and_the_head_follows(store: RunStore) -> None:
    run = make_run()
    await store.create(run)
    steps = make_chain(run, 5)
    for count, step in enumerate(steps, 1):
        await store.append(run.id, step)
        now = await store.get(run.id)
        assert (now.head, now.steps) == (step.hash, count)
    assert await store.steps(run.id) == steps
    assert steps[0].usage == Usage(prefilled=3, reused=2, generated=1)
    assert await store.check() == []


async def test_a_step_that_does_not_follow_the_head_is_a_conflict(store: RunStore) -> None:
    run = make_run()
    await store.create(run)
    first, second, third = make_chain(run, 3)
    await store.append(run.id, first)
    for wrong in (first, third, make_step(1, run.genesis), make_step(0, run.genesis)):
        with pytest.raises(StoreConflict):
            await store.append(run.id, wrong)
    await store.append(run.id, second)
    assert await store.steps(run.id) == [first, second]


async def test_a_step_with_a_hash_that_is_not_its_own_is_refused(store: RunStore) -> None:
    run = make_run()
    await store.create(run)
    with pytest.raises(StoreError, match="sealed"):
        await store.append(run.id, make_step(0, run.genesis).model_copy(update={"name": "another"}))
    assert (await store.get(run.id)).steps == 0


async def test_many_tasks_that_append_the_same_step_add_it_once(store: RunStore) -> None:
    run = make_run()
    await store.create(run)
    step = make_step(0, run.genesis)
    results = await asyncio.gather(*(store.append(run.id, step) for _ in range(8)), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, StoreConflict) for result in results) == 7
    assert await store.check() == []


async def test_a_status_is_set_and_read(store: RunStore) -> None:
    run = make_run()
    await store.create(run)
    await store.set_status(run.id, RunStatus.failed, "the disk is full")
    assert ((await store.get(run.id)).status, (await store.get(run.id)).error) == ("failed", "the disk is full")
    await store.set_status(run.id, RunStatus.patched)
    assert ((await store.get(run.id)).status, (await store.get(run.id)).error) == ("patched", "")


async def test_runs_are_listed_newest_first_by_order_not_by_clock(store: RunStore) -> None:
    for name, clock in (("a", 300.0), ("c", 100.0), ("b", 200.0)):
        await store.create(make_run(name).model_copy(update={"created_at": clock}))
    assert [run.id for run in await store.list()] == ["b", "c", "a"]


async def test_a_run_is_found_by_a_unique_prefix(store: RunStore) -> None:
    for name in ("2026-aa", "2026-ab", "2026-a"):
        await store.create(make_run(name))
    assert (await store.get("2026-ab")).id == "2026-ab"
    assert (await store.get("2026-a")).id == "2026-a"
    with pytest.raises(UnusableInput, match="2026-aa, 2026-ab"):
        await store.get("2026")
    for nothing in ("2027", "", "%", "2026-a_", "2026-A"):
        with pytest.raises(UnusableInput):
            await store.get(nothing)


async def test_what_writes_wants_the_whole_id(store: RunStore) -> None:
    run = make_run("2026-aa")
    await store.create(run)
    digest = await store.put_artifact(b"x")
    with pytest.raises(UnusableInput):
        await store.append("2026", make_step(0, run.genesis))
    with pytest.raises(UnusableInput):
        await store.set_status("2026", RunStatus.failed)
    with pytest.raises(UnusableInput):
        await store.link_artifact("2026", "log", digest, ArtifactKind.log)
    with pytest.raises(UnusableInput):
        await store.record_metrics("2026", {"wall_s": 1.0})


@pytest.mark.parametrize("data", [b"", b"text", bytes(range(256)) * 500])
async def test_artifacts_are_kept_under_their_sha256(store: RunStore, data: bytes) -> None:
    digest = await store.put_artifact(data)
    assert digest == sha256(data) == await store.put_artifact(data)
    assert await store.get_artifact(digest) == data


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc/passwd", "", "ab", "A" * 64])
async def test_an_artifact_that_is_not_there_is_a_store_error(store: RunStore, digest: str) -> None:
    with pytest.raises(StoreError):
        await store.get_artifact(digest)


async def test_artifacts_are_found_by_run_name_and_kind(store: RunStore) -> None:
    run, other = make_run("one"), make_run("two")
    for each in (run, other):
        await store.create(each)
    log, lock = await store.put_artifact(b"FAILED"), await store.put_artifact(b"pytest==8.3")
    await store.link_artifact(run.id, "tests/before.log", log, ArtifactKind.log)
    await store.link_artifact(run.id, "environment.lock", lock, ArtifactKind.environment)
    await store.link_artifact(other.id, "x", log, ArtifactKind.other)
    assert [(a.name, a.digest, a.size, a.kind) for a in await store.artifacts(run.id)] == [
        ("environment.lock", lock, 11, ArtifactKind.environment),
        ("tests/before.log", log, 6, ArtifactKind.log),
    ]
    again = await store.put_artifact(b"FAILED twice")
    await store.link_artifact(run.id, "tests/before.log", again, ArtifactKind.test_results)
    assert [(a.digest, a.kind) for a in await store.artifacts("one")][1] == (again, ArtifactKind.test_results)
    with pytest.raises(StoreCorrupt):
        await store.link_artifact(run.id, "nothing", "0" * 64, ArtifactKind.log)


async def test_metrics_are_merged_by_name(store: RunStore) -> None:
    run = make_run()
    await store.create(run)
    assert await store.metrics(run.id) == {}
    await store.record_metrics(run.id, {"wall_s": 1.5, "candidates": 10})
    await store.record_metrics(run.id, {"wall_s": 2.5, "max_memory_bytes": None})
    assert await store.metrics(run.id) == {"wall_s": 2.5, "candidates": 10, "max_memory_bytes": None}


async def test_one_at_a_time_works_on_a_run(store: RunStore) -> None:
    for name in ("one", "two"):
        await store.create(make_run(name))
    with store.acquire("one"), store.acquire("two"):
        again = store.acquire("one")
        with pytest.raises(StoreConflict, match="worked on"):
            again.__enter__()
    with pytest.raises(ValueError, match="boom"), store.acquire("one"):
        raise ValueError("boom")
    with store.acquire("one"):
        pass


async def test_an_export_holds_the_whole_run(store: RunStore, tmp_path: Path) -> None:
    run = make_run()
    await store.create(run)
    for step in make_chain(run, 3):
        await store.append(run.id, step)
    digest = await store.put_artifact(b"log")
    await store.link_artifact(run.id, "a.log", digest, ArtifactKind.log)
    await store.record_metrics(run.id, {"wall_s": 2.0})
    await store.set_status(run.id, RunStatus.patched)
    dest = tmp_path / "out" / "run.jsonl"
    assert list(await store.export(run.id, dest)) == []
    export = read_export(dest)
    assert export.run == await store.get(run.id)
    assert list(export.steps) == await store.steps(run.id)
    assert list(export.artifacts) == await store.artifacts(run.id)
    assert (export.metrics, export.faults) == ({"wall_s": 2.0}, ())


async def test_after_close_nothing_is_taken(store: RunStore) -> None:
    await store.create(make_run())
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.create(make_run("another"))
    with pytest.raises(StoreError, match="closed"):
        await store.get(make_run().id)
