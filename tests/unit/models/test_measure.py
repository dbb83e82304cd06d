"""Measuring finds out what engines do, also when they claim something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.core.errors import UnusableModel
from covey.core.model import Capabilities
from covey.core.progress import Progress
from covey.models.measure import measure
from covey.models.measure_report import EngineReport, Window
from covey.models.measure_window import code_word, window_prompt
from support_measure import LyingEngine

pytestmark = pytest.mark.requirement("F9")

HONEST = Capabilities(context=32_000, schema_support="json_schema", timings=True, tokenizer=True)


async def _measure(engine: LyingEngine, budget_s: float = 600.0) -> EngineReport:
    return await measure(engine, budget_s=budget_s, clock=engine.clock, salt="salt")


async def _window(engine: LyingEngine, budget_s: float = 600.0) -> Window:
    return (await _measure(engine, budget_s)).window


async def test_an_honest_engine_is_believed_after_it_was_tried() -> None:
    engine = LyingEngine(HONEST, real=40_000, finds=True, schema="held", refuses=32_000)
    report = await _measure(engine)

    assert report.window.state == "ok"
    assert report.window.real == 32_000
    assert report.window.evidence == ("count", "code word")
    assert report.window.overflow == "typed"
    assert (report.schema_answers.valid, report.actions.valid) == (5, 5)
    assert report.usable


async def test_a_window_that_is_cut_at_4k_is_found_by_the_engines_own_count() -> None:
    window = await _window(LyingEngine(HONEST, real=4096))

    assert window.truncates
    assert window.real == 4096
    assert window.state == "reduced"
    assert "cut without an error" in window.explanation


async def test_a_window_that_is_cut_after_counting_is_found_by_the_code_word() -> None:
    window = await _window(LyingEngine(HONEST, real=4096, counting="early", finds=True))

    assert window.truncates
    assert 3600 <= window.real <= 4096
    assert "code word" in window.explanation


@pytest.mark.parametrize("counting", ["none", "constant"])
async def test_an_engine_that_counts_wrongly_is_measured_by_the_code_word_alone(counting: str) -> None:
    engine = LyingEngine(HONEST, real=4096, counting=counting, finds=True)  # type: ignore[arg-type]
    window = await _window(engine)

    assert window.evidence == ("code word",)
    assert window.truncates
    assert window.real <= 4096 * 1.5


async def test_without_any_evidence_nothing_is_called_read() -> None:
    window = await _window(LyingEngine(HONEST, real=4096, counting="none"))

    assert window.state == "reduced"
    assert window.evidence == ()
    assert "nothing shows that they were read whole" in window.explanation


async def test_a_refusal_below_the_claim_gives_the_real_window() -> None:
    window = await _window(LyingEngine(HONEST, refuses=5000))

    assert (window.real, window.truncates) == (5000, False)
    assert "refused as too long, although 32000 are claimed" in window.explanation


async def test_an_engine_that_fails_at_long_prompts_is_bounded_by_what_it_took() -> None:
    window = await _window(LyingEngine(HONEST, fails=9000))

    assert 3000 <= window.real < 9000
    assert "It crashed." in window.explanation


@pytest.mark.parametrize(
    ("engine", "overflow", "state"),
    [
        (LyingEngine(HONEST, real=32_000), "silent", "reduced"),
        (LyingEngine(HONEST, real=90_000), "accepted", "ok"),
        (LyingEngine(HONEST, real=90_000, fails=32_000), "error", "reduced"),
    ],
)
async def test_prompts_beyond_the_claim_are_tried_too(engine: LyingEngine, overflow: str, state: str) -> None:
    window = await _window(replace(engine))

    assert window.complete
    assert (window.overflow, window.state) == (overflow, state)


async def test_a_window_a_little_smaller_than_claimed_is_found_too() -> None:
    window = await _window(LyingEngine(HONEST, real=31_000))

    assert window.real == 31_000


async def test_a_slow_engine_is_measured_as_far_as_the_time_reaches() -> None:
    engine = LyingEngine(HONEST, prefill=100.0, decode=200.0)
    window = await _window(engine, budget_s=120.0)

    assert not window.complete
    assert 1000 < window.real < 20_000
    assert engine.now < 150
    assert "longer ones were not tried" in window.explanation


async def test_what_was_found_before_a_prompt_that_never_ends_is_kept() -> None:
    window = (await measure(LyingEngine(HONEST, hangs_from=3000, prefill=1e9), budget_s=2.0)).window

    assert 500 < window.real < 3000
    assert window.state == "reduced"


async def test_no_prompt_is_longer_than_allowed() -> None:
    engine = LyingEngine(HONEST)
    report = await measure(engine, budget_s=600, clock=engine.clock, longest=10_000)

    assert engine.longest <= 10_000
    assert 4000 < report.window.real <= 10_000


async def test_a_slow_start_takes_nothing_from_the_time_to_measure() -> None:
    engine = LyingEngine(HONEST, startup=200.0)
    report = await measure(engine, budget_s=100, start_s=300, clock=engine.clock)

    assert report.cold_start.ready_s == 200.0
    assert report.window.real == 32_000


async def test_a_small_window_is_measured_as_well() -> None:
    small = HONEST.model_copy(update={"context": 512})
    window = await _window(LyingEngine(small, real=512, refuses=512))

    assert (window.state, window.real) == ("ok", 512)


async def test_an_engine_that_ignores_schemas_is_found_out_and_asked_with_the_schema_shown() -> None:
    answers = (await _measure(LyingEngine(HONEST, schema="ignored"))).schema_answers

    assert (answers.valid, answers.asked, answers.shown) == (0, 5, 5)
    assert answers.state == "reduced"
    assert "does not" in answers.explanation


async def test_an_engine_that_neither_holds_nor_understands_schemas_fails_at_answers() -> None:
    answers = (await _measure(LyingEngine(HONEST, schema="ignored", understands=False))).schema_answers

    assert (answers.state, answers.shown) == ("failed", 0)


async def test_an_engine_that_claims_nothing_is_measured_with_the_schema_shown() -> None:
    claims = HONEST.model_copy(update={"schema_support": "none"})
    answers = (await _measure(LyingEngine(claims, schema="ignored"))).schema_answers

    assert (answers.state, answers.valid, answers.shown) == ("reduced", 5, -1)


async def test_speed_is_what_the_clock_says() -> None:
    speed = (await _measure(LyingEngine(HONEST, prefill=500.0, decode=25.0))).speed

    assert speed.prefill_per_s == pytest.approx(500, rel=0.05)
    assert speed.decode_per_s == pytest.approx(25, rel=0.05)


async def test_speed_of_a_model_that_says_little_is_called_rough() -> None:
    speed = (await _measure(LyingEngine(HONEST, decode=25.0, words=2))).speed

    assert speed.state == "reduced"
    assert 0 < speed.decode_per_s <= 25
    assert "stopped early (2 of 32 tokens)" in speed.explanation


async def test_an_engine_too_fast_for_the_clock_is_not_said_to_reuse_anything() -> None:
    claims = HONEST.model_copy(update={"timings": False})
    prefix = (await _measure(LyingEngine(claims, prefill=1e6))).prefix

    assert prefix.state == "skipped"
    assert prefix.reused == 0


async def test_speed_of_an_engine_that_does_not_stream_is_measured_all_the_same() -> None:
    speed = (await _measure(LyingEngine(HONEST, prefill=500.0, decode=25.0, streams=False))).speed

    assert speed.prefill_per_s == pytest.approx(500, rel=0.1)
    assert speed.decode_per_s == pytest.approx(25, rel=0.1)


async def test_reuse_of_a_prefix_is_counted_by_the_engine_or_estimated_and_said_so() -> None:
    counted = (await _measure(LyingEngine(HONEST))).prefix
    timed = (await _measure(LyingEngine(HONEST.model_copy(update={"timings": False})))).prefix
    none = (await _measure(LyingEngine(HONEST, reuses=False))).prefix

    assert (counted.state, counted.estimated) == ("ok", False)
    assert (timed.state, timed.estimated) == ("ok", True)
    assert "does not say" in timed.explanation
    assert (none.state, none.reused) == ("reduced", 0)


async def test_slots_that_help_are_told_from_slots_that_do_not() -> None:
    claims = HONEST.model_copy(update={"parallel": 2})
    helping = (await _measure(LyingEngine(claims, slots=2))).parallel
    idle = (await _measure(LyingEngine(claims, slots=1))).parallel

    assert helping.gain > 1.2
    assert helping.state == "ok"
    assert idle.gain < 1.2
    assert idle.state == "reduced"


async def test_an_engine_that_cannot_be_used_gives_a_report_with_the_reason() -> None:
    report = await _measure(LyingEngine(broken=UnusableModel("There is no such file.")))

    assert not report.usable
    assert report.error == "There is no such file."
    assert {row.value for row in report.rows()} >= {"-"}


async def test_a_fault_of_any_kind_is_a_finding() -> None:
    report = await _measure(LyingEngine(broken=ZeroDivisionError("division by zero")))

    assert report.error == "ZeroDivisionError: division by zero"


async def test_an_engine_that_hangs_is_given_up_in_time() -> None:
    report = await measure(LyingEngine(HONEST, hangs=True), start_s=0.3)

    assert not report.usable
    assert "No result came within" in report.error


async def test_whoever_watches_is_told_what_is_measured() -> None:
    seen: list[str] = []

    def observer(progress: Progress, /) -> None:
        seen.append(progress.message)

    engine = LyingEngine(HONEST)
    await measure(engine, budget_s=100, clock=engine.clock, observer=observer)

    assert seen == ["start", "speed", "schema", "actions", "parallel", "window"]


async def test_the_report_is_a_table_with_a_sentence_for_each_thing() -> None:
    rows = (await _measure(LyingEngine(HONEST))).rows()

    assert [row.name for row in rows] == [
        "start", "window", "schema", "actions", "tool calls", "speed", "prefix", "parallel",
    ]  # fmt: skip
    assert all(row.explanation.endswith(".") for row in rows)


def test_a_longer_prompt_of_the_window_probe_begins_like_a_shorter_one() -> None:
    short, long = window_prompt(3, "salt"), window_prompt(6, "salt")

    assert short[0] == long[0]
    assert long[1].content.startswith(short[1].content.split("\n\n")[0])
    assert code_word("salt") in short[0].content
