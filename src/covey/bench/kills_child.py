"""A run that ends itself, without any farewell, at one of its writes: started by ``covey.bench.kills`` only.

``python -m covey.bench.kills_child REPO WHAT``, where WHAT is ``before N``, ``after N`` (its N-th record of a step) or
``write N`` (after its N-th write of any kind, the first being that it is running). It goes on with the newest run
that is not at its end, or starts one. Exit code 9: ended at that write; 0: came to the end before.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from covey.app import build, run
from covey.core.protocols import RunStore
from covey.settings import Settings, load_settings

ENDED = 9
WRITES = ("create", "append", "set_status", "record_metrics", "put_artifact", "link_artifact")
"""Everything that a store writes."""


def end_at(store: RunStore, where: str, number: int) -> None:
    """Make ``store`` end this process at the ``number``-th of its writes."""
    seen: Counter[str] = Counter()

    def watched(name: str, write: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def call(*values: object, **named: object) -> object:
            seen[name] += 1
            seen["write"] += 1
            at_step = name == "append" and seen[name] == number
            if where == "before" and at_step:
                os._exit(ENDED)
            answer = await write(*values, **named)
            if (where == "after" and at_step) or (where == "write" and seen["write"] == number):
                os._exit(ENDED)
            return answer

        return call

    for name in WRITES:
        setattr(store, name, watched(name, getattr(store, name)))


async def work(repo: str, where: str, number: int) -> int:
    """Go on with the run that is open, or start one, with a store that ends the process."""
    settings = load_settings()
    async with build.open_store(settings) as store:
        unfinished = [one.id for one in await store.list() if not one.status.final]

    @asynccontextmanager
    async def opened(given: Settings) -> AsyncIterator[RunStore]:
        async with build.open_store(given) as store:
            end_at(store, where, number)
            yield store

    vars(run)["open_store"] = opened
    report = await (run.resume_run(unfinished[0], settings) if unfinished else run.solve(repo, settings=settings))
    return report.exit_code


if __name__ == "__main__":
    sys.exit(asyncio.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
