"""A coder in a team: drafts as others read them, and what it is told only once."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.coder_team import NoCode, Patcher
from covey.agents.slots import Attempt, ProposeRequest
from covey.agents.team_slots import CodeRequest
from covey.core.repair import Standing, Verdict
from support_team import BASELINE, OTHER, RIGHT, WHERE, WRONG, edit, team_world

pytestmark = pytest.mark.requirement("D4")

FAILURE = BASELINE.results[0].failure
assert FAILURE is not None
PROPOSE = ProposeRequest(suspects=WHERE.suspects, failures=(FAILURE,), targets=WHERE.plan.targets)


async def test_a_draft_is_recorded_in_the_form_that_other_programs_read(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [edit(RIGHT)])
    made = await Patcher().run(CodeRequest(propose=PROPOSE, iteration=2, instruction="Add."), world.tools)
    (output,) = made.outputs
    shown = output.model_dump(mode="json")
    assert set(shown) == {"iteration", "files_modified", "tests_created", "status"}
    assert (output.iteration, output.tests_created, output.status) == (2, (), "drafted")
    (file,) = output.files_modified
    assert file.path == "shop/cart.py"
    assert "-        result -= value\n+        result += value\n" in file.diff
    assert file.reasoning.endswith("Add.")
    assert made.candidates[0].edits[0].text == f"{RIGHT}\n"


async def test_drafts_and_their_records_have_the_same_order(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [edit(WRONG), edit(OTHER), edit(WRONG)])
    three = PROPOSE.model_copy(update={"count": 3})
    made = await Patcher().run(CodeRequest(propose=three), world.tools)
    texts = [candidate.edits[0].text.strip() for candidate in made.candidates]
    assert texts == [WRONG.strip(), OTHER.strip()]
    assert all(text in output.files_modified[0].diff for text, output in zip(texts, made.outputs, strict=True))


async def test_a_coder_that_only_repeats_what_was_tried_writes_nothing(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [edit(WRONG), edit(WRONG)])
    first = await Patcher().run(CodeRequest(propose=PROPOSE), world.tools)
    attempt = Attempt(
        candidate=first.candidates[0], verdict=Verdict(candidate=first.candidates[0].id, standing=Standing.failed)
    )
    again = CodeRequest(propose=PROPOSE.model_copy(update={"attempts": (attempt,)}))
    made = await Patcher().run(again, world.tools)
    assert (made.candidates, made.source) == ((), "model")
    nothing = await NoCode().run(again, world.tools)
    assert (nothing.candidates, nothing.source) == ((), "floor")


async def test_what_is_in_the_ledger_already_is_not_told_again(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [edit(WRONG)] * 4)
    code, failing, form = "4|        result -= value", "Failing test", 'Give "edits"'
    for request, told in (
        (CodeRequest(propose=PROPOSE), {code, failing, form}),
        (CodeRequest(propose=PROPOSE, introduced=True), {code, form}),
        (CodeRequest(propose=PROPOSE, introduced=True, shown=True), {form}),
        (CodeRequest(propose=PROPOSE, introduced=True, shown=True, formed=True), set()),
    ):
        await Patcher().run(request, world.tools)
        note = world.prompts[-1]
        assert {part for part in (code, failing, form) if part in note} == told
