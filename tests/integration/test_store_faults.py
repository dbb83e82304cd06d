"""What the store survives: kills at every point, full and read-only disks, other processes, damaged pages."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from covey.coordination.journal import Journal
from covey.core.artifact import ArtifactKind
from covey.core.errors import CoveyError, StoreConflict, StoreCorrupt, StoreError
from covey.store.export import read_export
from covey.store.sqlite import SqliteStore
from covey.testing.memory import MemoryStore
from support_store import honest, make_chain, make_run, make_step, small_walk

pytestmark = pytest.mark.requirement("F10")

CHILD = str(Path(__file__).parent.parent / "support_store_child.py")
RUN = make_run()


def command(*arguments: object) -> list[str]:
    return [sys.executable, CHILD, *map(str, arguments)]


def said_by(*arguments: object, before: str = "") -> Any:
    """What a child prints at its end; ``before``: shell words run first, in a mount namespace of its own."""
    argv = command(*arguments)
    if before:
        own = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        probe = subprocess.run([*own, "true"], check=False, capture_output=True, timeout=10)
        if probe.returncode:
            pytest.skip(f"no private mount namespace here: {probe.stderr.decode().strip()}")
        argv = [*own, "sh", "-c", f'{before} && exec "$@"', "sh", *argv]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    return done.stdout


def ended(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, check=False)


async def steps_and_faults(home: Path) -> tuple[list[str], str, list[str]]:
    async with SqliteStore(home) as store:
        run = await store.get(RUN.id)
        steps = await store.steps(RUN.id)
        assert run.steps == len(steps)
        return [step.hash for step in steps], run.head, list(await store.check())


async def test_no_acknowledged_step_is_lost_by_random_kills(tmp_path: Path) -> None:
    found = json.loads(said_by("appends", tmp_path / "home", 220, 7))
    hashes, head, faults = await steps_and_faults(tmp_path / "home")
    assert found["killed"] == 220
    assert len(found["acknowledged"]) > 50
    assert faults == []
    for line in found["acknowledged"]:
        seq, digest = line.split()
        assert hashes[int(seq)] == digest
    assert head == hashes[-1]
    assert len(set(hashes)) == len(hashes)


async def test_a_walk_killed_at_random_ends_like_one_that_was_not(tmp_path: Path) -> None:
    kills, said = 0, []
    for seed in range(5):
        found = json.loads(said_by("walks", tmp_path / str(seed), 40, seed))
        kills += found["kills"]
        said.append([line for line in found["said"] if line])
    assert kills >= 5
    quiet = MemoryStore()
    await quiet.create(RUN)
    journal = await Journal.open(quiet, RUN)
    await small_walk(40, honest)(journal)
    for seed, lines in enumerate(said):
        hashes, head, faults = await steps_and_faults(tmp_path / str(seed))
        assert (head, lines[-1], len(hashes), faults) == (journal.head, f"head {journal.head}", 40, [])
        done: set[str] = set()
        acknowledged: set[str] = set()
        for line in lines[:-1]:
            word, number = line.split()
            if word == "acknowledged":
                acknowledged.add(number)
            elif word == "done":
                assert number not in acknowledged, f"step {number} was done again although it was recorded"
                done.add(number)
        assert len(done) == 40


@pytest.mark.parametrize(
    ("point", "recorded"),
    [
        ("begin 1", 0),
        ("insert 1", 0),
        ("insert 2", 0),
        ("insert 3", 0),
        ("commit 1", 0),
        ("after commit", 1),
        ("before rename", 0),
        ("after rename", 0),
        ("never", 1),
    ],
)
async def test_an_exit_at_each_point_of_writing_leaves_all_or_nothing(
    tmp_path: Path, point: str, recorded: int
) -> None:
    done = ended("leave", tmp_path, point)
    assert done.returncode == (0 if point == "never" else 9), done.stderr
    assert ("acknowledged" in done.stdout) == bool(recorded)
    hashes, head, faults = await steps_and_faults(tmp_path)
    assert len(hashes) == recorded
    assert (head, faults) == (hashes[-1] if hashes else RUN.genesis, [])
    async with SqliteStore(tmp_path) as store:
        digest = await store.put_artifact(b"kept or not")
        assert await store.get_artifact(digest) == b"kept or not"
        await store.append(RUN.id, make_step(recorded, head))
        assert await store.check() == []


def check_filled(found: dict[str, Any]) -> None:
    assert found["errors"]["append"].startswith("StoreFull: ")
    assert "covey runs resume" in found["errors"]["append"]
    assert found["errors"]["artifact"].startswith("StoreFull: ")
    assert found["acknowledged"] > 3
    assert found["kept"] is True
    assert (found["faults full"], found["left over"]) == ([], [])
    assert (found["steps after"], found["faults after"]) == (found["acknowledged"] + 1, [])


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(tmp_path: Path) -> None:
    check_filled(json.loads(said_by("fill", tmp_path, "disk", before=f"mount -t tmpfs -o size=2m none {tmp_path}")))


def test_a_limit_on_file_sizes_stops_the_run_and_raising_it_lets_it_go_on(tmp_path: Path) -> None:
    check_filled(json.loads(said_by("fill", tmp_path, "limit")))


def test_a_full_disk_at_the_first_opening_is_named(tmp_path: Path) -> None:
    fill = f"mount -t tmpfs -o size=64k none {tmp_path} && (cat /dev/zero > {tmp_path}/x 2>/dev/null || true)"
    assert said_by("attempt", tmp_path / "home", before=fill).startswith("StoreFull: ")


@pytest.mark.parametrize("there", [True, False])
async def test_a_read_only_store_is_named_when_it_is_opened(tmp_path: Path, there: bool) -> None:
    if there:
        async with SqliteStore(tmp_path) as store:
            await store.create(RUN)
    before = sorted(path.name for path in tmp_path.iterdir())
    read_only = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,bind,ro {tmp_path}"
    words = said_by("attempt", tmp_path if there else tmp_path / "home", before=read_only)
    assert words.startswith("StoreError: ")
    assert "cannot be written" in words
    assert "COVEY_HOME" in words
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert said_by("attempt", tmp_path, before="true") == "opened\n"


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    async with SqliteStore(tmp_path, busy_s=0.2) as made:
        await made.create(RUN)
        yield made


async def test_a_database_that_stays_locked_is_an_error_and_nothing_is_lost(store: SqliteStore) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    step = make_step(0, RUN.genesis)
    with pytest.raises(StoreError, match="locked by another process"):
        await store.append(RUN.id, step)
    assert (await store.get(RUN.id)).steps == 0
    other.execute("ROLLBACK")
    other.close()
    await store.append(RUN.id, step)
    assert await store.check() == []


async def test_a_lock_that_ends_in_time_is_waited_for(store: SqliteStore, tmp_path: Path) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with SqliteStore(tmp_path) as patient:
        waiting = asyncio.create_task(patient.append(RUN.id, make_step(0, RUN.genesis)))
        with pytest.raises(StoreError, match="locked"):
            await store.set_status(RUN.id, (await store.get(RUN.id)).status)
        assert not waiting.done()
        other.execute("COMMIT")
        other.close()
        await waiting
        assert (await patient.get(RUN.id)).steps == 1


@pytest.fixture
def children(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for child in started:
        child.kill()
        child.communicate()


def start(children: list[subprocess.Popen[str]], *arguments: object) -> subprocess.Popen[str]:
    child = subprocess.Popen(command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    children.append(child)
    return child


def line_of(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


async def test_of_two_processes_that_append_to_one_run_one_is_refused(
    tmp_path: Path, children: list[subprocess.Popen[str]]
) -> None:
    pair = [start(children, "compete", tmp_path, mark) for mark in ("one", "two")]
    assert [line_of(child) for child in pair] == ["ready", "ready"]
    for child in pair:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    assert sorted(line_of(child) for child in pair) == ["conflict", "taken"]
    hashes, _, faults = await steps_and_faults(tmp_path)
    assert (len(hashes), faults) == (1, [])


async def test_the_lock_of_a_run_ends_with_its_process(tmp_path: Path, children: list[subprocess.Popen[str]]) -> None:
    child = start(children, "hold", tmp_path)
    assert line_of(child) == "held"
    async with SqliteStore(tmp_path) as store:
        taken = store.acquire(RUN.id)
        with pytest.raises(StoreConflict):
            taken.__enter__()
        child.send_signal(signal.SIGKILL)
        child.wait()
        with store.acquire(RUN.id):
            pass


async def test_many_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    assert json.loads(said_by("first", tmp_path, 6, 5)) == [0] * 30
    for number in range(6):
        async with SqliteStore(tmp_path / str(number)) as store:
            assert len(await store.list()) == 5
            assert await store.check() == []


async def filled(home: Path) -> None:
    async with SqliteStore(home) as store:
        await store.create(RUN)
        for step in make_chain(RUN, 40, size=60):
            await store.append(RUN.id, step)
        await store.link_artifact(RUN.id, "log", await store.put_artifact(b"a log"), ArtifactKind.log)


async def everything(store: SqliteStore) -> tuple[object, ...]:
    run, steps, artifacts = await store.get(RUN.id), await store.steps(RUN.id), await store.artifacts(RUN.id)
    return run, list(steps), [(a.name, a.digest, a.size) for a in artifacts]


async def test_a_flipped_byte_is_found_or_changes_nothing(tmp_path: Path) -> None:
    await filled(tmp_path / "good")
    async with SqliteStore(tmp_path / "good") as good:
        expected = await everything(good)
        assert await good.check() == []
    size = (tmp_path / "good" / "covey.db").stat().st_size
    chance, found = random.Random(3), 0
    for number in range(80):
        home = tmp_path / str(number)
        shutil.copytree(tmp_path / "good", home)
        with (home / "covey.db").open("r+b") as file:
            where = chance.randrange(size)
            file.seek(where)
            byte = file.read(1)[0]
            file.seek(where)
            file.write(bytes([byte ^ (1 << chance.randrange(8))]))
        try:
            async with SqliteStore(home) as store:
                faults = await store.check()
                if not faults:
                    assert await everything(store) == expected, f"byte {where} changed something unseen"
                found += bool(faults)
        except CoveyError:
            found += 1
        shutil.rmtree(home)
    assert found > 40


async def test_a_flipped_byte_of_an_artifact_is_found(tmp_path: Path) -> None:
    await filled(tmp_path)
    (path,) = (tmp_path / "artifacts").glob("*/*")
    path.write_bytes(b"a lag")
    async with SqliteStore(tmp_path) as store:
        assert any("another SHA-256" in fault for fault in await store.check())
        path.unlink()
        assert any("is not in" in fault for fault in await store.check())


async def test_a_damaged_page_is_refused_and_the_rest_can_be_exported(tmp_path: Path) -> None:
    await filled(tmp_path)
    async with SqliteStore(tmp_path) as store:
        whole = list(await store.steps(RUN.id))
    data = bytearray((tmp_path / "covey.db").read_bytes())
    where = data.index(b'"name":"step20"')
    page = where - where % 4096
    data[page : page + 4096] = bytes(4096)
    (tmp_path / "covey.db").write_bytes(data)
    async with SqliteStore(tmp_path) as store:
        with pytest.raises(StoreCorrupt, match="covey runs export"):
            await store.steps(RUN.id)
        assert await store.check() != []
        faults = await store.export(RUN.id, tmp_path / "rest.jsonl")
    export = read_export(tmp_path / "rest.jsonl")
    assert faults
    assert 25 < len(export.steps) < 40
    assert all(step == whole[step.seq] for step in export.steps)


async def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "covey.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreCorrupt, match="damaged"):
        await SqliteStore(tmp_path).open()
    assert (tmp_path / "covey.db").read_bytes() == b"not a database" * 1000
