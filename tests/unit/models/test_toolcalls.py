"""What becomes of a tool call at an endpoint, and what the doctor says about it."""

from __future__ import annotations

import json

import pytest

from covey.core.model import Capabilities
from covey.models.backends.openai_compatible import OpenAICompatibleBackend
from covey.models.measure import measure
from covey.testing.endpoint import Endpoint, Reply
from support_measure import LyingEngine

pytestmark = pytest.mark.requirement("F9")

RIGHT = ("read_file", json.dumps({"path": "parcels/rates.py", "first": 3}))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(tool_calls=(RIGHT,)), "called"),
        (Reply(tool_calls=(("read_file", '{"path": "a"}'),)), "broken"),
        (Reply(tool_calls=(("read_file", "{"),)), "broken"),
        (Reply(tool_calls=(("delete", RIGHT[1]),)), "broken"),
        (Reply(f"<tool_call>{RIGHT[1]}</tool_call>"), "text"),
        (Reply(""), "nothing"),
    ],
)
async def test_each_kind_of_answer_to_a_tool_call_is_told_from_the_others(reply: Reply, kind: str) -> None:
    with Endpoint([reply]) as endpoint:
        backend = OpenAICompatibleBackend(endpoint.url)
        try:
            assert (await backend.call_tool("Show a file.")).kind == kind
        finally:
            await backend.aclose()


async def test_the_doctor_counts_calls_and_says_that_covey_does_without() -> None:
    calls = iter([Reply(tool_calls=(RIGHT,)), Reply("read_file(...)"), Reply(tool_calls=(RIGHT,))])

    def answer(request: object) -> Reply | str:
        body = getattr(request, "body", {})
        return next(calls) if body.get("tools") else "x"

    with Endpoint(answer) as endpoint:
        backend = OpenAICompatibleBackend(endpoint.url)
        try:
            found = (await measure(backend, budget_s=20)).tool_calls
        finally:
            await backend.aclose()
    assert (found.state, found.asked, found.called, found.as_text) == ("reduced", 3, 2, 1)
    assert "asks for schemas instead" in found.explanation


async def test_an_engine_that_is_asked_for_schemas_only_is_not_measured_for_calls() -> None:
    engine = LyingEngine(Capabilities(context=8_000, timings=True))
    found = (await measure(engine, budget_s=50, clock=engine.clock)).tool_calls
    assert found.state == "skipped"
