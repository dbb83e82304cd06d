"""Programs that the fault tests of the store start, limit and kill. Each prints one JSON object or lines of text.

``python support_store_child.py VERB HOME [ARGUMENT…]``
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import select
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from covey.coordination.journal import Journal
from covey.core.artifact import ArtifactKind
from covey.core.errors import CoveyError, StoreConflict, UnusableInput
from covey.core.run import Run
from covey.store.sqlite import SqliteStore
from support_store import Found, honest, make_run, make_step, small_walk

RUN = make_run()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def opened(home: Path) -> tuple[SqliteStore, Run]:
    """The store with the one run of these tests, made by whoever comes first."""
    store = await SqliteStore(home).open()
    try:
        run = await store.get(RUN.id)
    except UnusableInput:
        with contextlib.suppress(StoreConflict):  # another process was faster
            await store.create(RUN)
        run = await store.get(RUN.id)
    return store, run


def in_child(work: Callable[[int], Any]) -> tuple[int, int]:
    """Run ``work`` with the writing end of a pipe in a forked process; return its pid and the reading end."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        asyncio.run(work(writing))
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - a forked child must not return into its parent's code
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)


def kill_after(pid: int, reading: int, lines: int, seconds: float) -> tuple[bytes, int]:
    """Read so many lines of a child, wait for ``seconds``, kill it; return all it said and its exit status."""
    said = b""
    while said.count(b"\n") < lines and (block := os.read(reading, 1 << 16)):
        said += block
    select.select([], [], [], seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    while block := os.read(reading, 1 << 16):
        said += block
    os.close(reading)
    return said, status


def appends(home: Path, kills: str, seed: str) -> None:
    """Append without end, killed again and again at random; print what was acknowledged."""
    chance = random.Random(int(seed))
    acknowledged: list[str] = []
    killed = 0

    async def forever(writing: int) -> None:
        os.write(writing, b"\n")
        store, run = await opened(home)
        head, seq = run.head, run.steps
        while True:
            step = make_step(seq, head, size=chance.choice((1, 50, 3000)))
            await store.append(run.id, step)
            os.write(writing, f"{seq} {step.hash}\n".encode())
            head, seq = step.hash, seq + 1

    for _ in range(int(kills)):
        said, status = kill_after(*in_child(forever), 1, chance.uniform(0.0, 0.03))
        killed += os.WIFSIGNALED(status)
        acknowledged += [line for line in said.decode().split("\n")[:-1] if line]
    say(json.dumps({"acknowledged": acknowledged, "killed": killed}))


def walks(home: Path, steps: str, seed: str) -> None:
    """Take up one walk until it is at its end, killed at random on the way; print what was done and acknowledged."""
    chance = random.Random(int(seed))
    count, said, kills, status = int(steps), b"", 0, 1

    async def walk(writing: int) -> None:
        os.write(writing, b"\n")

        async def work(number: int) -> Found:
            os.write(writing, f"done {number}\n".encode())
            return await honest(number)

        store, run = await opened(home)
        with store.acquire(run.id):
            journal = await Journal.open(store, run)
            step = journal.step

            async def acknowledged(name: str, *values: Any, **named: Any) -> Any:
                known = journal.replaying
                answer = await step(name, *values, **named)
                if not known:
                    os.write(writing, f"acknowledged {name.removeprefix('look')}\n".encode())
                return answer

            journal.step = acknowledged  # type: ignore[method-assign]
            await small_walk(count, work)(journal)
            os.write(writing, f"head {journal.head}\n".encode())
        await store.close()

    while status:
        block, status = kill_after(*in_child(walk), chance.randint(1, 6), chance.uniform(0.0, 0.004))
        kills += os.WIFSIGNALED(status)
        said += block
    say(json.dumps({"said": said.decode().split("\n"), "kills": kills}))


def leave(home: Path, point: str) -> None:
    """Append one step, or keep one artifact, and end the process at a named point without any farewell."""

    def at(name: str) -> None:
        if name == point:
            os._exit(9)

    connect, replace = sqlite3.connect, os.replace

    def traced(*values: Any, **named: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*values, **named)

        def watch(statement: str) -> None:
            first = statement.split(maxsplit=1)[0]
            seen[first] += 1  # a statement is seen again when one of its triggers begins
            at(f"{first.lower()} {seen[first]}")

        if armed:
            db.set_trace_callback(watch)
        return db

    def watched(source: str, target: str) -> None:
        at("before rename")
        replace(source, target)
        at("after rename")

    async def work() -> None:
        store, run = await opened(home)
        await store.close()
        armed.append(True)
        store = await SqliteStore(home).open()
        if "rename" in point:
            await store.put_artifact(b"kept or not")
        await store.append(run.id, make_step(run.steps, run.head))
        say("acknowledged")
        at("after commit")

    armed: list[bool] = []
    seen: Counter[str] = Counter()
    sqlite3.connect, os.replace = traced, watched  # type: ignore[assignment]
    asyncio.run(work())


def fill(home: Path, how: str) -> None:
    """Append until nothing more fits, make room, go on; print what happened."""

    async def work() -> dict[str, Any]:
        ballast = home / "ballast"
        store, run = await opened(home)
        ballast.write_bytes(b"\0" * (900 << 10))
        if how == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
        errors: dict[str, str] = {}
        head, hashes = run.head, []
        for seq in range(1000):
            step = make_step(seq, head, size=2000)
            try:
                await store.append(run.id, step)
            except CoveyError as error:
                errors["append"] = f"{type(error).__name__}: {error}"
                break
            head = step.hash
            hashes.append(head)
        try:
            await store.put_artifact(os.urandom(1500 << 10))
        except CoveyError as error:
            errors["artifact"] = f"{type(error).__name__}: {error}"
        found: dict[str, Any] = {"errors": errors, "acknowledged": len(hashes)}
        found["kept"] = [each.hash for each in await store.steps(run.id)] == hashes
        found["faults full"] = list(await store.check())
        found["left over"] = [path.name for path in home.rglob(".tmp-*")]
        ballast.unlink()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await store.append(run.id, make_step(len(hashes), head, size=2000))
        await store.close()
        store, run = await opened(home)
        found["steps after"], found["faults after"] = run.steps, list(await store.check())
        await store.close()
        return found

    say(json.dumps(asyncio.run(work())))


def attempt(home: Path) -> None:
    """Open the store and say how that went."""

    async def work() -> str:
        try:
            await (await SqliteStore(home).open()).close()
        except CoveyError as error:
            return f"{type(error).__name__}: {error}"
        return "opened"

    say(asyncio.run(work()))


def compete(home: Path, mark: str) -> None:
    """Append one step of one's own when told to go; print whether it was taken."""

    async def work() -> str:
        store, run = await opened(home)
        step = make_step(run.steps, run.head).model_copy(update={"name": mark}).sealed()
        say("ready")
        sys.stdin.readline()
        try:
            await store.append(run.id, step)
        except StoreConflict:
            return "conflict"
        return "taken"

    say(asyncio.run(work()))


def hold(home: Path) -> None:
    """Hold the lock of the run until killed."""

    async def work() -> None:
        store, run = await opened(home)
        with store.acquire(run.id):
            say("held")
            sys.stdin.readline()

    asyncio.run(work())


def first(home: Path, rounds: str, many: str) -> None:
    """Open a store that is not there yet in many processes at once, again and again; print the exit statuses."""
    statuses = []
    for number in range(int(rounds)):
        place = home / str(number)
        go, start = os.pipe()

        async def work(_: int, place: Path = place, go: int = go, start: int = start) -> None:
            os.close(start)
            os.read(go, 1)  # until the last writing end is closed
            async with SqliteStore(place) as store:
                run = make_run(f"run-{os.getpid()}")
                await store.create(run)
                digest = await store.put_artifact(b"the same bytes")
                await store.link_artifact(run.id, "log", digest, ArtifactKind.log)

        children = [in_child(work) for _ in range(int(many))]
        os.close(start)
        os.close(go)
        for pid, reading in children:
            statuses.append(os.waitpid(pid, 0)[1])
            os.close(reading)
    say(json.dumps(statuses))


if __name__ == "__main__":
    verb, place, *arguments = sys.argv[1:]
    verbs: dict[str, Callable[..., None]] = {
        "appends": appends, "walks": walks, "leave": leave, "fill": fill, "attempt": attempt, "compete": compete,
        "hold": hold, "first": first,
    }  # fmt: skip
    verbs[verb](Path(place), *arguments)
