"""The agent that works alone: it looks, edits, fails, edits again; rules and budgets end what has no end of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from covey.agents.desk import ModelDesk
from covey.agents.soloist import Call, Move, NobodyAlone, Solo, Soloist, SoloRequest
from covey.agents.workbench import Workbench
from covey.core.canonical import stable
from covey.core.errors import AnswerInvalid, EngineError
from covey.core.model import Capabilities
from covey.core.repair import Standing, Suspect, ValidationPlan
from covey.core.testing import Failure
from covey.models.backends.scripted import Answer, Script, ScriptedBackend
from covey.workspace.edits import changes_of
from support_roles import GREEN, RED, make_bench
from support_team import CartTests, OneModel

MINUS, PLUS, TIMES = "        result -= value", "        result += value", "        result *= value"
REQUEST = SoloRequest(
    suspects=(Suspect(path="shop/cart.py", line=4, score=1.0),),
    failures=(Failure(type="AssertionError", message="-3 != 3", text="total([1, 2]) gave -3"),),
    targets=(RED,),
    plan=ValidationPlan(targets=(RED,), regressions=(GREEN,)),
)


def act(tool: str, thought: str = "Let me see.", **arguments: Any) -> str:
    return json.dumps({"thought": thought, "action": {"tool": tool, **arguments}})


def change(old: str, new: str) -> str:
    return act("apply_edit", edits=[{"path": "shop/cart.py", "search": old, "replacement": new}])


def stop(thought: str = "Done.") -> str:
    return act("stop", thought)


def lenient(_moves: Sequence[Move]) -> Call:
    return Call()


def strict(moves: Sequence[Move]) -> Call:
    done = [move.action for move in moves if not move.failed]
    if sum(move.failed for move in moves) > 1:
        return Call(over=True, why="No usable answers.")
    repeats = len(done) - len(set(done))
    return Call(over=repeats > 1, why="You repeat yourself." if repeats else "")


CAN = Capabilities(context=32_768, schema_support="json_schema", tokenizer=True, timings=True)


async def bench_with(
    tmp_path: Path, script: Script, *, tokens: int = 200_000, real: bool = False, can: Capabilities = CAN
) -> Workbench:
    tools = await make_bench(tmp_path)
    if not real:
        tools._validator = CartTests(tools)
    backend = ScriptedBackend(script, capabilities=can)
    tools.model = ModelDesk(OneModel(backend), "The cart is wrong.", tokens, lambda: 60.0)
    return tools


def backend_of(tools: Workbench) -> ScriptedBackend:
    engines = tools.desk.engines
    assert isinstance(engines, OneModel)
    assert isinstance(engines.backend, ScriptedBackend)
    return engines.backend


async def play(tmp_path: Path, *answers: Answer) -> tuple[Solo, Workbench]:
    tools = await bench_with(tmp_path, answers)
    return await Soloist(strict).run(REQUEST, tools), tools


async def test_it_reads_searches_edits_fails_edits_again_and_is_stopped_by_the_tests(tmp_path: Path) -> None:
    script = [
        act("analyze_codebase", path=""),
        act("find_references", symbol="total"),
        act("read_file", path="tests/test_cart.py", first=1, last=12),
        change(MINUS, TIMES),
        act("git_diff"),
        change(TIMES, PLUS),
    ]
    tools = await bench_with(tmp_path, script, real=True)
    async with tools:
        solo = await Soloist(strict).run(REQUEST, tools)
    assert [turn.call.tool for turn in solo.turns] == [json.loads(answer)["action"]["tool"] for answer in script]
    assert [turn.standing for turn in solo.turns[3:]] == [Standing.failed, Standing.failed, Standing.plausible]
    assert solo.stopped == "The failing tests pass and the nearest tests stay green."
    assert [candidate.edits[0].text.strip() for candidate in solo.candidates] == [PLUS.strip(), TIMES.strip()]
    assert "-3 != 3" in backend_of(tools).calls[0].prompt[-1].content
    assert "Still red" in backend_of(tools).calls[4].prompt[-1].content


async def test_a_claim_of_success_with_a_wrong_edit_is_not_believed(tmp_path: Path) -> None:
    solo, _ = await play(tmp_path, change(MINUS, TIMES), stop("All tests pass now, I am certain."))
    assert solo.stopped == "The model had nothing more to do."
    assert [turn.standing for turn in solo.turns] == [Standing.failed]


async def test_a_claim_without_any_edit_brings_nothing_home(tmp_path: Path) -> None:
    solo, _ = await play(tmp_path, stop("It was correct all along."))
    assert (solo.candidates, solo.turns) == ((), ())


async def test_the_same_action_for_ever_is_done_once_refused_once_and_ended_by_the_rules(tmp_path: Path) -> None:
    solo, tools = await play(tmp_path, *(act("run_tests", f"Again {number}.", which="nearby") for number in range(16)))
    assert [turn.result.ok for turn in solo.turns] == [True, False, False]
    assert "You did just this before" in solo.turns[1].result.text
    assert solo.stopped == "You repeat yourself."
    assert tools.metrics["suite_runs"] == 1
    assert "You repeat yourself." in backend_of(tools).calls[2].prompt[-1].content


async def test_the_same_question_after_an_edit_is_another_action(tmp_path: Path) -> None:
    solo, _ = await play(tmp_path, act("git_diff"), change(MINUS, TIMES), act("git_diff"), stop())
    assert [turn.result.ok for turn in solo.turns] == [True, True, True]


async def test_an_agent_that_never_ends_has_so_many_turns(tmp_path: Path) -> None:
    answers = (act("find_references", symbol=name) for name in [f"name{number}" for number in range(40)])
    tools = await bench_with(tmp_path, list(answers))
    solo = await Soloist(lenient).run(REQUEST, tools)
    assert len(solo.turns) == len(backend_of(tools).calls) == 16
    assert solo.stopped == "All 16 turns were used."


async def test_paths_outside_are_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    paths = ["../../etc/passwd", "/etc/passwd", ".git/config"]
    reads = [act("read_file", path=path, first=1, last=9) for path in paths]
    solo, _ = await play(tmp_path, *reads, change(MINUS, PLUS))
    assert [turn.result.ok for turn in solo.turns] == [False, False, False, True]
    assert not any("root:" in turn.result.text for turn in solo.turns)
    assert solo.candidates


async def test_answers_of_no_use_are_turns_and_the_rules_end_them(tmp_path: Path) -> None:
    solo, tools = await play(tmp_path, change(MINUS, TIMES), *["what?"] * 6)
    assert solo.stopped == "No usable answers."
    assert len(solo.turns) == 1
    assert "Your last answer was of no use." in backend_of(tools).calls[4].prompt[-1].content


async def test_when_nothing_was_done_the_trouble_is_the_floors_business(tmp_path: Path) -> None:
    with pytest.raises(AnswerInvalid):
        await play(tmp_path / "one", *["what?"] * 6)
    with pytest.raises(EngineError):
        await play(tmp_path / "two", EngineError("It fell over."))


async def test_an_engine_that_fails_later_does_not_cost_what_was_done(tmp_path: Path) -> None:
    solo, _ = await play(tmp_path, change(MINUS, TIMES), EngineError("It fell over."))
    assert (solo.stopped, len(solo.candidates)) == ("It fell over.", 1)


async def test_a_spent_budget_of_tokens_ends_the_loop(tmp_path: Path) -> None:
    tools = await bench_with(tmp_path, lambda *_: act("git_diff"), tokens=1_200)
    solo = await Soloist(lenient).run(REQUEST, tools)
    assert "1200 model tokens are spent" in solo.stopped
    assert solo.turns


async def test_the_time_of_the_search_ends_the_loop(tmp_path: Path) -> None:
    tools = await bench_with(tmp_path, [act("git_diff")])
    tools.deadline.seconds = 0
    solo = await Soloist(lenient).run(REQUEST, tools)
    assert (solo.stopped, len(solo.turns)) == ("The time for the search was up.", 1)


async def test_what_a_solution_does_not_need_is_left_out_of_it(tmp_path: Path) -> None:
    solo, tools = await play(tmp_path, change("    result = 0", "    result = 00"), change(MINUS, PLUS))
    best, whole = (b"".join(changes_of(tools.sources, one.edits).values()).decode() for one in solo.candidates[:2])
    assert ("00" in best, "+=" in best) == (False, True)
    assert ("00" in whole, "+=" in whole) == (True, True)


LINES = {"first": f"4|{MINUS}", "count": 1, "lines": [PLUS]}
INDEX = {"file": 0, "first": 4, "last": 4, "lines": [PLUS]}
SEARCH = {"search": MINUS, "replacement": PLUS}


@pytest.mark.parametrize(
    ("support", "grammar", "edit", "told"),
    [
        ("grammar", "llguidance", LINES | {"path": "shop/cart.py"}, "copied as number|text"),
        ("grammar", "gbnf", INDEX, "0 for shop/cart.py"),
        ("json_schema", "unknown", SEARCH | {"path": "shop/cart.py"}, '"replacement"'),
        ("none", "unknown", SEARCH | {"path": "shop/cart.py"}, '"replacement"'),
    ],
)
async def test_edits_are_written_as_the_engine_can_be_held_to(
    tmp_path: Path,
    support: Literal["grammar", "json_schema", "none"],
    grammar: Literal["llguidance", "gbnf", "unknown"],
    edit: dict[str, Any],
    told: str,
) -> None:
    can = CAN.model_copy(update={"schema_support": support, "grammar": grammar})
    tools = await bench_with(tmp_path, [act("git_diff"), act("apply_edit", edits=[edit])], can=can)
    solo = await Soloist(strict).run(REQUEST, tools)
    assert [turn.result.ok for turn in solo.turns] == [True, True]
    assert solo.candidates
    assert told in backend_of(tools).calls[0].prompt[-1].content
    assert ("JSON schema" in backend_of(tools).calls[0].prompt[-1].content) == (support == "none")


async def test_a_model_may_not_touch_tests(tmp_path: Path) -> None:
    edit = {"path": "tests/test_cart.py", "search": "import unittest", "replacement": ""}
    look = act("read_file", path="tests/test_cart.py", first=1, last=20)
    solo, _ = await play(tmp_path, look, act("apply_edit", edits=[edit]), stop())
    assert [turn.result.ok for turn in solo.turns] == [True, False]
    assert "may not be edited" in solo.turns[1].result.text
    assert solo.candidates == ()


async def test_equal_work_gives_equal_bytes(tmp_path: Path) -> None:
    script = [act("read_file", path="shop/cart.py", first=1, last=5), change(MINUS, TIMES), change(TIMES, PLUS)]
    first, one = await play(tmp_path / "one", *script)
    second, two = await play(tmp_path / "two", *script)
    assert stable(first) == stable(second)
    assert [call.prompt for call in backend_of(one).calls] == [call.prompt for call in backend_of(two).calls]
    assert Solo.model_validate_json(first.model_dump_json()) == first


async def test_each_prompt_is_the_one_before_with_something_added(tmp_path: Path) -> None:
    _, tools = await play(tmp_path, act("git_diff"), change(MINUS, TIMES), change(TIMES, PLUS))
    prompts = [call.prompt for call in backend_of(tools).calls]
    for earlier, later in pairwise(prompts):
        assert later[: len(earlier)] == earlier
    notes = [re.findall(r"Turn \d+ of 16; runs of tests left: \d", prompt[-1].content) for prompt in prompts]
    assert notes == [[], ["Turn 2 of 16; runs of tests left: 6"], ["Turn 3 of 16; runs of tests left: 6"]]


async def test_secrets_in_what_was_asked_and_answered_do_not_reach_the_log(tmp_path: Path) -> None:
    key = "AKIAIOSFODNN7EXAMPLE"
    solo, _ = await play(tmp_path, act("find_references", f"key = '{key}'", symbol=f"password='{key}'"), stop())
    assert key not in solo.model_dump_json()


async def test_how_edits_are_written_is_told_once_there_is_something_to_edit(tmp_path: Path) -> None:
    tools = await bench_with(tmp_path, [act("read_file", path="shop/cart.py", first=1, last=5), change(MINUS, PLUS)])
    solo = await Soloist(strict).run(REQUEST.model_copy(update={"suspects": ()}), tools)
    first, second = (call.prompt[-1].content for call in backend_of(tools).calls)
    assert '"replacement"' not in first
    assert second.count('"replacement"') == 1
    assert solo.candidates


async def test_the_floor_does_nothing(tmp_path: Path) -> None:
    assert await NobodyAlone().run(REQUEST, await make_bench(tmp_path)) == Solo()
