"""What a deeper search may build upon: drafts that mended some targets, and drafts whose test fails later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from covey.core.patch import Candidate
from covey.core.repair import Standing, Verdict
from covey.core.testing import Failure
from covey.repair.later import advance

_LATER_AT_MOST = 4
_LEAST_ADVANCE = 0.05

Tried = tuple[Candidate, Verdict]


def promising(tried: Iterable[Tried], before: Mapping[str, Failure], mended: int = 0) -> tuple[Tried, ...]:
    """Drafts worth building upon.

    Those that mend more than ``mended`` targets come as they are. Of those that mend none, the few whose deciding
    target fails later than in ``before`` (target → failure of the code as it is) are added as progress, best first.
    """
    pairs = list(tried)
    found = [pair for pair in pairs if pair[1].standing is Standing.progress and len(pair[1].flipped) > mended]
    if mended:
        return tuple(found)
    gains: dict[tuple[str | None, str, str], float] = {}  # most drafts fail in one of a few ways
    later: list[tuple[float, float, int, Tried]] = []
    for position, (candidate, verdict) in enumerate(pairs):
        failure = before.get(verdict.stopped_at or "")
        if verdict.standing is not Standing.failed or failure is None:
            continue
        way = (verdict.stopped_at, verdict.failure_type, verdict.failure_message)
        if way not in gains:
            gains[way] = advance(failure, verdict.failure_type, verdict.failure_message)
        gain = gains[way]
        if gain >= _LEAST_ADVANCE:
            nearer = verdict.model_copy(update={"standing": Standing.progress})
            later.append((gain, candidate.score, -position, (candidate, nearer)))
    later.sort(key=lambda item: item[:3], reverse=True)
    return (*found, *(pair for *_, pair in later[:_LATER_AT_MOST]))
