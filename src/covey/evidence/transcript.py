"""``transcript.jsonl``: what roles asked models and what was said, one line each, for people and other tools."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from covey.core.redact import redact
from covey.core.run import Step

LIMIT = 8_000
"""Characters of one text; longer ones lose their middle."""


def transcript(steps: Sequence[Step]) -> bytes:
    """Return the transcript of a run; empty when no model was asked.

    Lines in order: ``agent`` (the number of the step and its role), ``role``, ``kind`` (task, note, observation,
    answer, failed, repair, call), ``text``. A ``call`` has the model, its tokens and its seconds instead of a text.
    """
    return b"".join(
        (json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")
        for step in steps
        for line in _lines(step)
    )


def _lines(step: Step) -> Iterator[dict[str, JsonValue]]:
    minutes = step.detail.get("minutes") if isinstance(step.detail, dict) else None
    if not isinstance(minutes, dict):
        return
    prefix = minutes.get("prefix")
    if isinstance(prefix, dict):
        for name in ("charter", "tools", "repository", "task"):
            if text := prefix.get(name):
                yield _line(step, "coordinator", "task", str(text))
    for entry in _dicts(minutes.get("entries")):
        yield _line(step, str(entry.get("role")), str(entry.get("kind")), str(entry.get("text")))
    for call in _dicts(minutes.get("calls")):
        said = call.get("completion")
        completion = said if isinstance(said, dict) else {}
        yield {
            "agent": f"{step.seq}/{call.get('role')}",
            "step": step.name,
            "role": call.get("role"),
            "kind": "call",
            "model": completion.get("model"),
            "finish": completion.get("finish"),
            "usage": completion.get("usage"),
            "seconds": completion.get("duration_s"),
        }


def _line(step: Step, role: str, kind: str, text: str) -> dict[str, JsonValue]:
    clean = redact(text)
    if len(clean) > LIMIT:
        clean = f"{clean[: LIMIT // 2]}\n[{len(clean) - LIMIT} characters left out]\n{clean[-LIMIT // 2 :]}"
    return {"agent": f"{step.seq}/{role}", "step": step.name, "role": role, "kind": kind, "text": clean}


def _dicts(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
