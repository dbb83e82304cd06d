"""What an engine's life costs and leaves behind: ``python -m covey.bench.engine_lifecycle [--json FILE]``.

The embedded engine, on a small model file made on the spot that says a known text. Measured: seconds of a whole life
(start, one answer, stop); processes, threads, descriptors and memory that many lives leave in this process; answers
whose engine is killed in the middle. Exit code 1 when anything is left behind or any answer is wrong. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from covey.app.engines import open_local
from covey.core.model import ChatMessage, Sampling
from covey.models.spec import EngineSpec

AIM_S = 1.5
"""Aim for the median of a whole life."""

GROWTH_BYTES = 8 << 20
"""Growth of this process's memory over all lives that counts as a leak; allocators are not exact."""

TEXT = "".join(f"{number} bottles, " for number in range(80))
ASK = (ChatMessage(role="user", content="sing"),)
SAMPLING = Sampling(max_tokens=2 * len(TEXT))
SHORT = Sampling(max_tokens=64)


Found = dict[str, dict[str, int] | dict[str, float]]
"""What was measured, by part and name."""


class Holding(NamedTuple):
    """What this process holds: children (of any depth), threads, open descriptors, bytes in RAM."""

    children: int
    threads: int
    descriptors: int
    rss: int


def holding() -> Holding:
    """Count what this process holds now."""
    status = Path("/proc/self/status").read_text().split("Threads:")[1].split()[0]
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Holding(
        len(_descendants()), int(status), len(list(Path("/proc/self/fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE")
    )


def _descendants() -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:  # it has ended
                continue
    found: set[int] = set()
    new = {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


async def life(spec: EngineSpec) -> float:
    """Start an engine, let it answer, end it; return the seconds. Raises RuntimeError for a wrong answer."""
    started = time.perf_counter()
    async with open_local(spec, engine="embedded") as engine:
        _right((await engine.complete(ASK, None, SHORT)).text, TEXT[: SHORT.max_tokens])
    return time.perf_counter() - started


async def lives(spec: EngineSpec, rounds: int) -> dict[str, float]:
    """Measure whole lives one after the other."""
    seconds = [await life(spec) for _ in range(rounds)]
    return {
        "rounds": rounds,
        "median_s": round(statistics.median(seconds), 3),
        "best_s": round(min(seconds), 3),
        "worst_s": round(max(seconds), 3),
        "aim_s": AIM_S,
    }


async def leftovers(spec: EngineSpec, rounds: int) -> dict[str, int]:
    """Live many lives; say what this process holds more than before."""
    for _ in range(min(3, rounds)):  # what the first ones import and allocate stays
        await life(spec)
    before = holding()
    for _ in range(rounds):
        await life(spec)
    after = holding()
    return {
        "rounds": rounds,
        "children": after.children - before.children,
        "threads": after.threads - before.threads,
        "descriptors": after.descriptors - before.descriptors,
        "rss_bytes": after.rss - before.rss,
    }


async def kills(spec: EngineSpec, rounds: int) -> dict[str, int]:
    """Kill the engine in the middle of an answer, so often; every answer must be whole and right all the same."""
    landed = late = 0
    before = holding()
    events: list[str] = []
    async with open_local(spec, engine="embedded", on_event=events.append) as engine:
        await engine.start()
        while landed < rounds and late < 10 * rounds:
            asked = engine.engine_log().count("processing task")
            task = asyncio.ensure_future(engine.complete(ASK, None, SAMPLING))
            while engine.engine_log().count("processing task") == asked and not task.done():  # noqa: ASYNC110 - a log
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.004 * (landed % 5))  # not always at the same place
            told, pid = len(events), engine.pid
            if not task.done() and pid is not None:
                os.kill(pid, signal.SIGKILL)
            _right((await task).text, TEXT)
            landed, late = (landed + 1, late) if len(events) > told else (landed, late + 1)
    return {"rounds": rounds, "recovered": landed, "too_late": late, "children": holding().children - before.children}


def _right(text: str, expected: str) -> None:
    if text != expected:
        raise RuntimeError(f"The engine answered {text[:80]!r} … instead of {expected[:80]!r} ….")


async def measure(
    folder: Path, *, rounds: int, starts: int, killed: int
) -> dict[str, dict[str, int] | dict[str, float]]:
    """Measure everything, with a model file made in ``folder``."""
    from covey.testing.gguf import write_speaking

    path = write_speaking(folder / "speaking.gguf", TEXT)
    spec = EngineSpec(path=str(path), context=2048, threads=1)
    return {
        "lives": await lives(spec, rounds),
        "leftovers": await leftovers(spec, starts),
        "kills": await kills(spec, killed),
    }


def faults(found: Found) -> list[str]:
    """Say what is left behind or was not recovered; the time of a life is told, not judged."""
    left, killed = found["leftovers"], found["kills"]
    sentences = [
        f"{left[name]} more {name} after {left['rounds']} lives"
        for name in ("children", "threads", "descriptors")
        if left[name] > 0
    ]
    if left["rss_bytes"] > GROWTH_BYTES:
        sentences.append(f"{left['rss_bytes']} bytes more after {left['rounds']} lives")
    if killed["recovered"] < killed["rounds"]:
        sentences.append(f"{killed['recovered']} recoveries of {killed['rounds']}")
    if killed["children"] > 0:
        sentences.append(f"{killed['children']} processes after the kills")
    return sentences


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m covey.bench.engine_lifecycle", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    parser.add_argument("--rounds", type=int, default=10, help="lives to time (default: 10)")
    parser.add_argument("--starts", type=int, default=50, help="lives to look for leftovers (default: 50)")
    parser.add_argument("--kills", type=int, default=20, help="engines to kill (default: 20)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="covey-engine-") as folder:
        found = asyncio.run(measure(Path(folder), rounds=given.rounds, starts=given.starts, killed=given.kills))
    wrong = faults(found)
    text = json.dumps({**found, "faults": wrong}, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    sys.stdout.write(text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
