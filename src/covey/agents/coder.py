"""Draft: propose candidate repairs, best first."""

from __future__ import annotations

import asyncio

from covey.agents.ranking import BATCH, NoRanker, Ranker, reordered, scored
from covey.agents.slots import DraftRequest, Drafts
from covey.agents.workbench import Workbench
from covey.core.canonical import stable_hash
from covey.core.patch import Candidate
from covey.core.testing import Failure
from covey.repair.stream import CandidateStream

_WINDOW = 4 * BATCH
"""Drafts of the stream that a ranker puts in order together."""


class Coder:
    """Floor: edit templates at suspicious lines, or on top of drafts that made progress.

    With a ranker, each window of drafts is put in its order before any of them is given out.
    """

    name = "coder"

    def __init__(self, ranker: Ranker | None = None) -> None:
        self._ranker = ranker
        self._streams: dict[str, _Ordered] = {}

    async def run(self, request: DraftRequest, tools: Workbench) -> Drafts:
        """Fill the slot: candidates ``offset`` to ``offset + count`` of one stream, deterministic without a ranker."""
        ordered = self._stream(request, tools)
        candidates = await ordered.take(request.offset, request.count, tools)
        return Drafts(candidates=candidates, exhausted=len(candidates) < request.count)

    def _stream(self, request: DraftRequest, tools: Workbench) -> _Ordered:
        suspects, failures, seeds = request.suspects, request.failures, request.seeds
        key = stable_hash((suspects, failures, seeds))
        if key not in self._streams:
            stream = (
                CandidateStream.from_progress(tools.sources, seeds, suspects, failures=failures, seed=tools.seed)
                if seeds
                else CandidateStream(tools.sources, suspects, failures=failures, seed=tools.seed)
            )
            self._streams[key] = _Ordered(stream, self._ranker, failures)
        return self._streams[key]


class _Ordered:
    """A stream whose windows are put in order by a ranker, where there is one."""

    def __init__(self, stream: CandidateStream, ranker: Ranker | None, failures: tuple[Failure, ...]) -> None:
        self._stream = stream
        self._ranker = ranker if not isinstance(ranker, NoRanker) else None
        self._failures = failures
        self._given: list[Candidate] = []

    async def take(self, offset: int, count: int, tools: Workbench) -> tuple[Candidate, ...]:
        """Candidates ``offset`` to ``offset + count`` in the ranker's order; fewer at the end."""
        if self._ranker is None:
            return await asyncio.to_thread(self._stream.take, offset, count)
        while len(self._given) < offset + count:
            window = await asyncio.to_thread(self._stream.take, len(self._given), _WINDOW)
            if not window:
                break
            self._given += reordered(window, await scored(self._ranker, window, self._failures, tools))
        return tuple(self._given[offset : offset + count])
