"""The transcript of a run with a model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from covey.core.run import Step
from covey.evidence.transcript import LIMIT, transcript

pytestmark = pytest.mark.requirement("C10")

CALL = {
    "role": "generator",
    "completion": {"text": "{}", "model": "m", "finish": "stop", "usage": {"prefilled": 3}, "duration_s": 0.5},
}


def step(detail: Any, seq: int = 4, name: str = "propose/1") -> Step:
    return Step(seq=seq, parent="", name=name, inputs="", detail=detail)


def lines(*steps: Step) -> list[dict[str, Any]]:
    return [json.loads(line) for line in transcript(steps).splitlines()]


def test_every_entry_and_every_call_is_a_line_with_its_agent() -> None:
    minutes = {
        "prefix": {"charter": "Be good.", "tools": "", "repository": "", "task": "It is wrong."},
        "entries": [
            {"role": "generator", "kind": "note", "text": "Write."},
            {"role": "generator", "kind": "answer", "text": "{}"},
        ],
        "calls": [CALL],
    }
    found = lines(step({"minutes": minutes, "value": {}}))
    assert [(line["role"], line["kind"]) for line in found] == [
        ("coordinator", "task"), ("coordinator", "task"), ("generator", "note"), ("generator", "answer"),
        ("generator", "call"),
    ]  # fmt: skip
    assert {line["agent"] for line in found[2:]} == {"4/generator"}
    assert (found[-1]["model"], found[-1]["usage"]) == ("m", {"prefilled": 3})


def test_secrets_are_redacted_and_long_texts_lose_their_middle() -> None:
    texts = ["key AKIAIOSFODNN7EXAMPLE", "x" * (2 * LIMIT)]
    entries = [{"role": "tester", "kind": "observation", "text": text} for text in texts]
    secret, long = lines(step({"minutes": {"entries": entries}}))
    assert "AKIAIOSFODNN7EXAMPLE" not in secret["text"]
    assert f"{LIMIT} characters left out" in long["text"]


@pytest.mark.parametrize("detail", [None, [], {"value": 1}, {"minutes": None}, {"minutes": {"entries": 3}}])
def test_steps_without_a_model_say_nothing(detail: Any) -> None:
    assert transcript([step(detail)]) == b""
