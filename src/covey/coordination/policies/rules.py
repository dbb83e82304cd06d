"""When to try again, when to give a line of thought up, when to ask no model any more.

Small models fail by doing the same again, by going round in circles and by missing the format. The rules are the same
for all policies and look at nothing but recorded turns, so a replay comes to the same rulings. Each ruling is a step of
the log and a note of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from covey.agents.workbench import Workbench
from covey.core.canonical import Frozen

FORMAT_ERRORS = 2
"""So many turns in a row without a usable answer, and no model is asked any more."""
BARREN = 2
"""So many turns of coders in a row of which the tests say nothing new, and the line of thought is given up. A policy
in which several coders make up one round gives each of them a turn first."""


class Turn(Frozen):
    """One question to a model and what came of it.

    ``action`` names what it did; empty when it only did again what had been tried. ``evidence``: what tests or a
    reviewer said about it, one phrase each. ``failed``: there was no usable answer.
    """

    role: str
    action: str = ""
    evidence: tuple[str, ...] = ()
    failed: bool = False
    codes: bool = False


class Decision(StrEnum):
    """What a ruling means to a policy."""

    go_on = "go_on"
    retry = "retry"  # ask again, sampled differently
    abandon = "abandon"  # give this line of thought up
    stop = "stop"  # ask no model any more


class Turns(Frozen):
    """What a ruling is about, for the log. ``barren``: see :data:`BARREN`."""

    turns: tuple[Turn, ...]
    barren: int = BARREN


class Ruling(Frozen):
    """A decision and the sentence that says why; empty when no rule fired."""

    decision: Decision = Decision.go_on
    why: str = ""


class Referee:
    """Applies the rules; no model has a say in it."""

    name = "rules"

    async def run(self, request: Turns, tools: Workbench) -> Ruling:  # noqa: ARG002 - the interface of a role
        """Fill the slot."""
        return rule(request.turns, request.barren)


def rule(turns: Sequence[Turn], barren: int = BARREN) -> Ruling:
    """Return the first ruling that applies after the last of ``turns``."""
    rulings = (format_errors(turns), identical(turns), no_news(turns, barren))
    return next((ruling for ruling in rulings if ruling.decision is not Decision.go_on), Ruling())


def format_errors(turns: Sequence[Turn]) -> Ruling:
    """Stop after :data:`FORMAT_ERRORS` turns in a row without a usable answer, whoever was asked."""
    last = turns[-FORMAT_ERRORS:]
    if len(last) < FORMAT_ERRORS or not all(turn.failed for turn in last):
        return Ruling()
    return Ruling(
        decision=Decision.stop,
        why=f"The model gave no usable answer {FORMAT_ERRORS} times in a row; it was not asked again.",
    )


def identical(turns: Sequence[Turn]) -> Ruling:
    """Try once more after a turn that only repeats one of the same role; give up when that repeats one as well."""
    if not turns or turns[-1].failed:
        return Ruling()
    role = turns[-1].role
    own = [turn for turn in turns if turn.role == role and not turn.failed]
    if not _again(own):
        return Ruling()
    if not _again(own[:-1]):
        return Ruling(decision=Decision.retry, why=f"The {role} repeated itself; it was asked once more.")
    return Ruling(decision=Decision.abandon, why=f"The {role} repeated itself twice; its way was given up.")


def no_news(turns: Sequence[Turn], barren: int = BARREN) -> Ruling:
    """Give up after ``barren`` turns of coders in a row after which nothing is known that was not before."""
    known: set[str] = set()
    count = 0
    for turn in turns:
        if set(turn.evidence) - known:
            count = 0
        elif turn.codes:
            count += 1
        known |= set(turn.evidence)
    if count < barren:
        return Ruling()
    return Ruling(decision=Decision.abandon, why=f"{count} turns in a row told nothing new; this way was given up.")


def _again(own: Sequence[Turn]) -> bool:
    """True when the last turn does what one before it did."""
    return bool(own) and (not own[-1].action or any(turn.action == own[-1].action for turn in own[:-1]))
