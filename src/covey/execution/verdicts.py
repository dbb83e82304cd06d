"""From what the fork server saw of a candidate to a :class:`Verdict`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from covey.core.canonical import scrub
from covey.core.patch import Candidate
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.execution.reports import clean

_MESSAGE = 500


def regressions_for(candidate: Candidate, plan: ValidationPlan) -> tuple[str, ...]:
    """Tests that must stay green for a candidate, without its targets: those that run a file it touches, if known.

    A file that no traced test runs (``covering`` does not name it) is guarded by all regression tests.
    """
    chosen = plan.regressions
    paths = tuple(dict.fromkeys(edit.path for edit in candidate.edits))
    if plan.covering is not None and all(path in plan.covering for path in paths):
        chosen = tuple(dict.fromkeys(name for path in paths for name in plan.covering[path]))
    targets = frozenset(plan.targets)
    return tuple(name for name in chosen if name not in targets)


def _said(value: object) -> tuple[str, str]:
    match value:
        case [str(kind), str(message), *_]:
            return clean(kind, 200), scrub(clean(message, _MESSAGE))
    return "", ""


def _name(names: Sequence[str], index: object) -> str | None:
    return names[index] if isinstance(index, int) and 0 <= index < len(names) else None


def verdict_from(
    candidate: Candidate, targets: Sequence[str], answer: Mapping[str, Any], names: Sequence[str]
) -> Verdict:
    """Judge an answer of the server. ``names`` are the test ids that it calls by number.

    Anything but an end announced by the child itself is ``timeout`` or ``crashed``, whatever was reported before.
    """
    green = {_name(names, index) for index in answer.get("green", ())}
    flipped = tuple(name for name in targets if name in green)
    red = answer.get("red")
    decided = _name(names, red[0]) if red else _name(names, answer.get("running"))
    failure = _said(red[1:]) if red else ("", "")
    end = str(answer.get("end", ""))
    if answer.get("invalid"):
        standing, failure, decided, flipped = Standing.invalid, _said(answer["invalid"]), None, ()
    elif end == "timeout":
        standing, failure = Standing.timeout, ("Timeout", "The tests did not end within the time limit.")
    elif end != "done":
        standing, failure = Standing.crashed, ("ProcessEnded", f"The test process ended by itself ({clean(end, 40)}).")
    elif answer.get("broken") and (red or len(flipped) < len(targets)):
        standing, failure, flipped = Standing.invalid, _said(answer["broken"]), ()
    elif red and decided not in targets:
        standing = Standing.regressed
    elif targets and len(flipped) == len(targets):
        standing = Standing.plausible
    else:
        standing = Standing.progress if flipped else Standing.failed
    seconds = answer.get("seconds")
    return Verdict(
        candidate=candidate.id,
        standing=standing,
        flipped=flipped,
        stopped_at=decided,
        failure_type=failure[0],
        failure_message=failure[1],
        mode=str(answer.get("mode", "")),
        duration_s=float(seconds) if isinstance(seconds, (int, float)) else 0.0,
    )
