"""apply_edit: the one way to change anything. The harness checks the syntax and runs the nearest tests at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from covey.agents.tools.session import HARMFUL, Session
from covey.core.errors import AgentFeedback
from covey.core.repair import Standing, Verdict
from covey.models.context import clip
from covey.models.edits import EditLimits, IndexEdit, LinesEdit, SearchEdit
from covey.models.lineedits import EditFile, LineEdit
from covey.models.prompts import numbered
from covey.models.schema import Bounded
from covey.repair.sources import parse_tolerant

LIMITS = EditLimits(edits=3, lines=16, characters=140)
"""An edit may change so much: the longest answer decides how long a rambling model can take."""
_AROUND = 3


class ApplyEditArguments(Bounded):
    """Edits, written as the grammar of the request says."""

    tool: Literal["apply_edit"]
    edits: Annotated[tuple[LinesEdit | SearchEdit | IndexEdit, ...], Field(min_length=1, max_length=32)]


class ApplyEdit:
    """Changes the candidate so far; an edit that does harm is taken back."""

    name = "apply_edit"
    about = "apply_edit(edits): changes lines that were shown; the tests are then run for you."
    arguments = ApplyEditArguments

    async def run(self, args: ApplyEditArguments, session: Session) -> str:
        """Return what the tests said, and the changed lines with their new numbers."""
        lines = _decode(args, session)
        candidate = await asyncio.to_thread(session.revise, lines)
        if candidate.id in session.tried:
            said = sentence(session.tried[candidate.id][1], len(session.plan.targets))
            raise AgentFeedback(f"That leads to what was tried before. {said} Make another edit.")
        changed = session.content(candidate)
        await asyncio.to_thread(check_syntax, changed)
        verdicts = await session.verify([candidate])
        if not verdicts:
            raise AgentFeedback("The time for tests is used up, so the edit was not made; stop.")
        said = sentence(verdicts[0], len(session.plan.targets))
        if verdicts[0].standing in HARMFUL:
            return f"{said} The edit was taken back."
        session.adopt(candidate, lines)
        return f"The edit is made. {said}\n{_changed(lines, session)}"


def _decode(args: ApplyEditArguments, session: Session) -> tuple[LineEdit, ...]:
    grammar = session.grammar
    if grammar is None:
        raise AgentFeedback("No line that may be edited was shown yet; read the file first.")
    try:
        answer = grammar.answer.model_validate({"edits": [edit.model_dump() for edit in args.edits]})
    except ValidationError:
        raise AgentFeedback("Edits are written in another form here; use the fields that were named.") from None
    return grammar.decode(answer)


def check_syntax(changed: Mapping[str, bytes]) -> None:
    """Raise AgentFeedback for Python that can no longer be parsed."""
    for path, data in changed.items():
        if path.endswith(".py") and parse_tolerant(data.decode("utf-8", "replace")) is None:
            raise AgentFeedback(
                f"With that edit {path} is no longer valid Python, so it was not made; mind indentation and brackets."
            )


def sentence(verdict: Verdict, targets: int) -> str:
    """What the tests said about a candidate, in words."""
    why = clip(f"{verdict.failure_type}: {verdict.failure_message}", 300, 100) if verdict.failure_type else ""
    at = f" {verdict.stopped_at}" if verdict.stopped_at else ""
    match verdict.standing:
        case Standing.plausible:
            return "The failing tests pass now, and the nearest tests stay green."
        case Standing.progress:
            passing = f"{len(verdict.flipped)} of {targets} failing tests pass now"
            mended = passing if verdict.flipped else "It fails later"
            return f"{mended}; still red:{at} {why}".rstrip() + "."
        case Standing.failed:
            return f"Still red:{at} {why}".rstrip() + "."
        case Standing.regressed:
            return f"It breaks a test that passed:{at} {why}".rstrip() + "."
        case Standing.invalid:
            return f"The code can no longer be imported: {why}".rstrip() + "."
        case Standing.timeout:
            return f"The tests no longer end in time{at}."
        case Standing.crashed:
            return f"The test process crashed{at}."


def _changed(lines: Sequence[LineEdit], session: Session) -> str:
    """Show the places of an edit as they are now."""
    parts = []
    moved: dict[str, int] = {}
    for edit in lines:
        first = edit.first + moved.get(edit.path, 0)
        moved[edit.path] = moved.get(edit.path, 0) + len(edit.lines) - edit.count
        file = EditFile.of(edit.path, session.view[edit.path])
        shown = numbered(file, first - _AROUND, first + len(edit.lines) - 1 + _AROUND)
        parts.append(f"{edit.path} is now:\n{shown}")
    return "\n".join(parts)
