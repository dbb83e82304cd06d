"""Draft: propose candidate repairs, best first."""

from __future__ import annotations

from covey.agents.slots import DraftRequest, Drafts
from covey.agents.workbench import Workbench
from covey.core.canonical import stable_hash
from covey.repair.stream import CandidateStream


class Coder:
    """Floor: edit templates at suspicious lines, or on top of drafts that made progress."""

    name = "coder"

    def __init__(self) -> None:
        self._streams: dict[str, CandidateStream] = {}

    async def run(self, request: DraftRequest, tools: Workbench) -> Drafts:
        """Fill the slot: candidates ``offset`` to ``offset + count`` of one deterministic stream."""
        stream = self._stream(request, tools)
        candidates = stream.take(request.offset, request.count)
        return Drafts(candidates=candidates, exhausted=len(candidates) < request.count)

    def _stream(self, request: DraftRequest, tools: Workbench) -> CandidateStream:
        suspects, failures, seeds = request.suspects, request.failures, request.seeds
        key = stable_hash((suspects, failures, seeds))
        if key not in self._streams:
            self._streams[key] = (
                CandidateStream.from_progress(tools.sources, seeds, suspects, failures=failures, seed=tools.seed)
                if seeds
                else CandidateStream(tools.sources, suspects, failures=failures, seed=tools.seed)
            )
        return self._streams[key]
