"""A model's choice of functions moves what tests point at a little, removes nothing, and names only what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.pinpointer import SHARES, Pinpointer
from covey.agents.slots import Brief, Localisation, LocaliseRequest, Reproduction
from covey.core.errors import AnswerInvalid
from covey.core.repair import Suspect, ValidationPlan
from covey.core.testing import Failure, Frame, Outcome, TestResult
from covey.models.backends.scripted import ScriptedBackend
from covey.testing.roles import ScriptedRole
from support_asking import LENIENT, asking_bench, prompt_of, said
from support_roles import passed, report_of

FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": (
        "from shop.tax import vat\n\n\ndef total(values):\n    result = 0\n    for value in values:\n"
        "        result -= value\n    return vat(result)\n\n\ndef empty(cart):\n    return not cart\n"
    ),
    "shop/tax.py": (
        "class Rate:\n    def share(self):\n        return 0.2\n\n\ndef vat(value):\n    return value * 1.2\n"
    ),
    "tests/test_cart.py": "from shop.cart import total\n\n\ndef test_total():\n    assert total([1]) == 1.2\n",
}
SUSPECTS = (
    Suspect(path="shop/cart.py", line=7, score=0.5, symbol="total"),
    Suspect(path="shop/tax.py", line=7, score=0.45, symbol="vat"),
    Suspect(path="shop/cart.py", line=12, score=0.06, symbol="empty"),
    Suspect(path="shop/tax.py", line=1, score=0.05),
)
PLAN = ValidationPlan(targets=("t",))
RED = TestResult(id="t", outcome=Outcome.failed, failure=Failure(type="AssertionError", message="-1.2 != 1.2\nsecond"))
REQUEST = LocaliseRequest(
    brief=Brief(), baseline=report_of(RED, passed("u")), reproduction=Reproduction(targets=("t", "new"))
)


def choose(*places: tuple[str, str]) -> str:
    return said(choices=[{"path": path, "symbol": symbol} for path, symbol in places])


async def pinpointed(
    tmp_path: Path,
    script: list[str],
    *,
    suspects: tuple[Suspect, ...] = SUSPECTS,
    brief: Brief | None = None,
    statement: str = "",
) -> tuple[Localisation, ScriptedBackend]:
    tools, backend = await asking_bench(tmp_path, script, statement=statement, files=FILES, can=LENIENT)
    floor = ScriptedRole[LocaliseRequest, Localisation](
        "localiser", Localisation(suspects=suspects, plan=PLAN, traced=2, notes=("n",))
    )
    request = REQUEST.model_copy(update={"brief": brief or Brief()})
    found = await Pinpointer(floor).run(request, tools)
    assert not backend.left
    assert (found.plan, found.traced, found.notes) == (PLAN, 2, ("n",))
    return found, backend


def places(found: Localisation) -> list[tuple[str, int]]:
    return [(suspect.path, suspect.line) for suspect in found.suspects]


async def test_a_choice_decides_between_near_equals(tmp_path: Path) -> None:
    found, backend = await pinpointed(tmp_path, [choose(("shop/tax.py", "vat"))])
    assert places(found)[:2] == [("shop/tax.py", 7), ("shop/cart.py", 7)]
    assert sorted(places(found)) == sorted((one.path, one.line) for one in SUSPECTS)
    assert found.suspects[0].reasons[-1] == "chosen by the model"
    asked = prompt_of(backend)
    assert "shop/cart.py: total, empty\nshop/tax.py: vat" in asked
    assert "Failing: t: AssertionError -1.2 != 1.2 second" in asked


async def test_a_wrong_choice_cannot_bury_what_failing_tests_point_at(tmp_path: Path) -> None:
    found, _ = await pinpointed(tmp_path, [choose(("shop/cart.py", "empty"))])
    assert places(found)[:2] == [("shop/cart.py", 7), ("shop/tax.py", 7)]
    raised = next(one for one in found.suspects if one.symbol == "empty")
    assert raised.score == pytest.approx(1 - (1 - 0.06) * (1 - SHARES[0]))


async def test_functions_that_the_problem_names_and_what_they_call_can_be_chosen(tmp_path: Path) -> None:
    brief = Brief(mentioned=(Frame(path="", line=0, function="Rate"),))
    found, backend = await pinpointed(
        tmp_path, [choose(("shop/tax.py", "Rate.share"))], suspects=SUSPECTS[:1], brief=brief
    )
    assert "shop/tax.py: Rate.share, vat" in prompt_of(backend)
    assert places(found) == [("shop/cart.py", 7), ("shop/tax.py", 2), ("shop/tax.py", 3)]
    assert {one.score for one in found.suspects[1:]} == {0.1}


@pytest.mark.parametrize("suspects", [(), SUSPECTS[3:]])
async def test_where_nothing_points_anywhere_files_then_functions_are_chosen(
    tmp_path: Path, suspects: tuple[Suspect, ...]
) -> None:
    script = [choose(("shop/tax.py", "")), choose(("shop/tax.py", "vat"), ("shop/tax.py", "Rate.share"))]
    found, backend = await pinpointed(tmp_path, script, suspects=suspects)
    assert places(found)[:2] == [("shop/tax.py", 6), ("shop/tax.py", 7)]
    assert "Files to choose from:\nshop/__init__.py\nshop/cart.py\nshop/tax.py" in prompt_of(backend, 0)
    assert "tests/test_cart.py" not in prompt_of(backend, 0)


async def test_where_only_one_function_is_suspected_no_model_is_asked(tmp_path: Path) -> None:
    suspects = (SUSPECTS[1],)
    found, _ = await pinpointed(tmp_path, [], suspects=suspects)
    assert found.suspects == suspects


@pytest.mark.parametrize(
    "answer",
    [
        choose(("shop/cart.py", "vat")),
        choose(("/etc/passwd", "")),
        choose(),
        "",
        "Ich weiß es nicht.",
        '{"choices":[]}',
    ],
)
async def test_a_place_that_is_not_there_is_no_answer(tmp_path: Path, answer: str) -> None:
    with pytest.raises(AnswerInvalid):
        await pinpointed(tmp_path, [answer] * 3)


async def test_a_place_chosen_twice_counts_once(tmp_path: Path) -> None:
    found, _ = await pinpointed(tmp_path, [choose(*[("shop/tax.py", "vat")] * 3)])
    raised = next(one for one in found.suspects if one.symbol == "vat")
    assert raised.score == pytest.approx(1 - 0.55 * (1 - SHARES[0]))
