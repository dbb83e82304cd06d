"""What Covey does with an engine follows from what was measured, and says why."""

from __future__ import annotations

import pytest

from covey.core.model import Capabilities
from covey.models.measure_advice import advise
from covey.models.measure_report import Answers, ColdStart, EngineReport, Parallel, Prefix, Speed, Window

pytestmark = pytest.mark.requirement("F9")

CLAIMED = Capabilities(context=32_768, schema_support="grammar", grammar="llguidance", timings=True, parallel=4)
GOOD = EngineReport(
    model="good",
    claimed=CLAIMED,
    cold_start=ColdStart(state="ok", ready_s=2.0),
    speed=Speed(state="ok", prefill_per_s=2000.0, decode_per_s=50.0),
    prefix=Prefix(state="ok", reused=1490, of=1500),
    schema_answers=Answers(state="ok", asked=5, valid=5),
    actions=Answers(state="ok", asked=5, valid=5),
    parallel=Parallel(state="ok", claimed=4, gain=1.8),
    window=Window(state="ok", claimed=32_768, real=32_768, complete=True, evidence=("count",)),
)


def _with(**changes: object) -> EngineReport:
    return GOOD.model_copy(update=changes)


def test_a_good_engine_is_used_to_the_full() -> None:
    advice = advise(GOOD)

    assert (advice.protocol, advice.edits) == ("grammar", "lines")
    assert (advice.context, advice.answer, advice.drafts) == (32_768, 1500, 4)
    assert advice.calls > 10


def test_an_engine_that_breaks_its_word_on_schemas_is_validated() -> None:
    advice = advise(_with(schema_answers=Answers(state="reduced", asked=5, valid=3, shown=4)))

    assert (advice.protocol, advice.edits) == ("validate-and-retry", "search")
    assert "only 8 of 10" in advice.choices[0].why


def test_a_model_that_gives_no_valid_answer_is_not_recommended() -> None:
    none = Answers(state="failed", asked=5, valid=0, shown=0)
    advice = advise(_with(schema_answers=none, actions=none))

    assert advice.protocol == "validate-and-retry"
    assert "choose another one" in advice.choices[0].why


@pytest.mark.parametrize(
    ("grammar", "support", "protocol", "edits"),
    [
        ("gbnf", "grammar", "grammar", "index"),
        ("unknown", "json_schema", "json_schema", "search"),
        ("unknown", "json_object", "validate-and-retry", "search"),
        ("unknown", "none", "validate-and-retry", "search"),
    ],
)
def test_protocol_and_edits_follow_what_enforces_schemas(grammar: str, support: str, protocol: str, edits: str) -> None:
    claimed = CLAIMED.model_copy(update={"grammar": grammar, "schema_support": support})
    advice = advise(_with(claimed=claimed))

    assert (advice.protocol, advice.edits) == (protocol, edits)


def test_a_cut_window_is_not_used_beyond_what_is_read() -> None:
    window = Window(state="reduced", claimed=32_768, real=4100, truncates=True, evidence=("count",))

    assert advise(_with(window=window)).context == 4096


def test_a_window_without_evidence_is_used_with_care() -> None:
    assert advise(_with(window=Window(state="reduced", claimed=32_768, real=32_768))).context == 4096


def test_a_slow_engine_gets_shorter_prompts_and_answers() -> None:
    advice = advise(_with(speed=Speed(state="ok", prefill_per_s=40.0, decode_per_s=4.0)), 300)

    assert advice.context == 2816
    assert advice.answer == 120
    assert "more than 25% of the run" in advice.choices[2].why


def test_reuse_of_prefixes_allows_more_calls() -> None:
    without = _with(prefix=Prefix(state="reduced", reused=0, of=1500))

    assert advise(without).calls < advise(GOOD).calls


def test_twice_the_time_allows_more_calls_and_tokens() -> None:
    short, long = advise(GOOD, 100), advise(GOOD, 1000)

    assert short.calls < long.calls
    assert short.tokens < long.tokens


def test_an_engine_too_slow_for_one_call_is_said_to_be_so() -> None:
    advice = advise(_with(speed=Speed(state="ok", prefill_per_s=1.0, decode_per_s=0.1)), 60)

    assert advice.calls == 0
    assert "a smaller model, or more time, is needed" in advice.choices[4].why


def test_slots_that_do_not_help_are_not_used() -> None:
    assert advise(_with(parallel=Parallel(state="reduced", claimed=4, gain=1.05))).drafts == 1


def test_an_engine_that_cannot_be_used_is_not_used() -> None:
    advice = advise(EngineReport(model="gone", error="It is not there."))

    assert not advice.usable
    assert advice.choices[0].value == "none"


def test_what_could_not_be_measured_is_not_assumed() -> None:
    advice = advise(EngineReport(model="unknown", claimed=CLAIMED))

    assert (advice.protocol, advice.context, advice.calls, advice.drafts) == ("validate-and-retry", 4096, 1, 1)


def test_every_choice_has_a_reason() -> None:
    assert all(choice.why.endswith(".") for choice in advise(GOOD).choices)
