"""From what the fork server saw of candidates side by side to a :class:`ProbeReport`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import ValidationError

from covey.core.canonical import scrub
from covey.core.repair import ProbeInput, ProbeOutcome, ProbeReport
from covey.execution.reports import clean

_TEXT = 400
_WHY = 120

Outcome = ProbeOutcome | Literal[False] | None
"""False: not the same in two equal runs; None: not found out."""


def probe_report(candidates: Sequence[str], answer: Mapping[str, Any]) -> ProbeReport:
    """Keep the inputs on which the base and every probed candidate behave the same twice.

    ``answer`` comes from a process that ran untrusted code: what is not of the known form counts as not found out.
    """
    if answer.get("end") != "done":
        end = clean(str(answer.get("end", "no answer")), _WHY)
        return ProbeReport(notes=(f"Behaviour could not be compared ({end}).",))
    inputs = [_input(item) for item in _items(answer.get("inputs"))]
    seen = {number: _outcomes(found, len(inputs)) for number, found in _pairs(answer.get("subjects"))}
    base = seen.pop(-1, [None] * len(inputs))
    probed = {name: seen[number] for number, name in enumerate(candidates) if number in seen}
    why = {number: _line(str(text)) for number, text in _pairs(answer.get("cannot"))}
    kept = [
        at
        for at in range(len(inputs))
        if base[at] is not False and all(isinstance(found[at], ProbeOutcome) for found in probed.values())
    ]
    return ProbeReport(
        inputs=tuple(inputs[at] for at in kept),
        base=tuple(_known(base[at]) for at in kept),
        outcomes={
            name: tuple(item for at in kept if isinstance(item := found[at], ProbeOutcome))
            for name, found in probed.items()
        },
        unprobed={
            name: why.get(number, "no time left") for number, name in enumerate(candidates) if name not in probed
        },
        notes=_notes(answer, len(inputs), len(inputs) - len(kept)),
    )


def _notes(answer: Mapping[str, Any], inputs: int, dropped: int) -> tuple[str, ...]:
    notes = []
    if not inputs:
        notes.append("No test calls what the patches change with values that can be copied.")
    left_out = answer.get("left_out")
    if isinstance(left_out, int) and left_out:
        notes.append(f"{left_out} call(s) could not be recorded: their arguments cannot be copied.")
    if dropped:
        notes.append(f"{dropped} of {inputs} probe inputs do not count: no two equal runs, or no time left.")
    return tuple(notes)


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _pairs(value: object) -> list[tuple[int, Any]]:
    return [
        (item[0], item[1])
        for item in _items(value)
        if isinstance(item, list) and len(item) > 1 and isinstance(item[0], int)
    ]


def _input(item: object) -> ProbeInput:
    match item:
        case [str(path), str(call), bool(recorded)]:
            return ProbeInput(path=clean(path, _TEXT), call=_line(call), recorded=recorded)
    return ProbeInput(path="", call="")


def _outcomes(found: object, length: int) -> list[Outcome]:
    outcomes = [_outcome(item) for item in _items(found)]
    return outcomes if len(outcomes) == length else [None] * length


def _outcome(item: object) -> Outcome:
    match item:
        case False:
            return False
        case [str(kind), str(digest), str(text)]:
            try:
                return ProbeOutcome.model_validate({"kind": kind, "digest": digest[:64], "text": _line(text)})
            except ValidationError:
                return None
    return None


def _known(outcome: Outcome) -> ProbeOutcome | None:
    return outcome if isinstance(outcome, ProbeOutcome) else None


def _line(text: str) -> str:
    return scrub(clean(text, _TEXT))
