"""What a model reads out of a problem: only names that are there, added to what rules found, every claim looked up."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.requirements import Requirements, quoted_code
from covey.agents.slots import Brief, UnderstandRequest
from covey.agents.understander import Understander
from covey.core.errors import AnswerInvalid
from support_asking import LENIENT, asking_bench, prompt_of, said

pytestmark = pytest.mark.requirement("E4")

STATEMENT = (
    "The total in shop/cart.py is negative, see `total([1, 2])`. Add up!\n"
    "An elephant also said something, and CartTest is fine.\n"
)


def answer(**values: object) -> str:
    given: dict[str, object] = {
        "title": "Total is negative",
        "expected": "Values are added.",
        "actual": "Values are subtracted.",
        "files": ["shop/cart.py"],
        "symbols": ["total"],
        "examples": [1],
        "stories": ["As a buyer, I want a right total, so that I pay what I owe."],
        "assumes": [],
    }
    return said(**{**given, **values})


async def understood(tmp_path: Path, script: list[str], statement: str = STATEMENT) -> tuple[Brief, Brief]:
    """What the role makes of the statement, and what its floor does."""
    tools, _ = await asking_bench(tmp_path, script, statement=statement, can=LENIENT)
    request = UnderstandRequest(statement=statement)
    return await Requirements(Understander()).run(request, tools), await Understander().run(request, tools)


async def test_a_specification_is_added_and_nothing_of_the_floor_is_lost(tmp_path: Path) -> None:
    found, floor = await understood(tmp_path, [answer()])
    assert found.model_copy(update={"spec": floor.spec, "mentioned": floor.mentioned}) == floor
    assert found.mentioned[: len(floor.mentioned)] == floor.mentioned
    assert (found.spec.expected, found.spec.actual) == ("Values are added.", "Values are subtracted.")
    assert found.spec.examples == ("total([1, 2])",)
    assert len(found.spec.stories) == 1


async def test_only_names_that_stand_in_the_text_and_in_the_repository_are_offered(tmp_path: Path) -> None:
    tools, backend = await asking_bench(tmp_path, [answer()], statement=STATEMENT)
    await Requirements(Understander()).run(UnderstandRequest(statement=STATEMENT), tools)
    asked = prompt_of(backend)
    assert "shop/cart.py" in asked
    assert "stand in the problem: total, CartTest\n" in asked
    assert "1: total([1, 2])" in asked


async def test_names_that_a_model_makes_up_are_left_out(tmp_path: Path) -> None:
    found, floor = await understood(
        tmp_path, [answer(files=["/etc/passwd", "shop/../x.py"], symbols=["elephant", "os.system"], examples=[6, 0])]
    )
    assert (found.files, found.mentioned) == (floor.files, floor.mentioned)
    assert found.spec.examples == ()


@pytest.mark.parametrize(
    ("kind", "name", "holds"),
    [
        ("file", "shop/cart.py", True),
        ("file", "cart.py", True),
        ("file", "art.py", False),
        ("file", "../shop/cart.py", False),
        ("symbol", "shop.cart.total()", True),
        ("symbol", "grand_total", False),
        ("test", "tests/test_cart.py::CartTest::test_total", True),
        ("test", "tests/test_till.py::CartTest::test_total", False),
        ("test", "test_total", True),
        ("test", "total", False),
        ("test", "tests/test_cart.py", True),
    ],
)
async def test_every_assumption_is_looked_up(tmp_path: Path, kind: str, name: str, *, holds: bool) -> None:
    found, _ = await understood(tmp_path, [answer(assumes=[{"kind": kind, "name": name}])])
    (assumption,) = found.spec.assumptions
    assert (assumption.kind, assumption.holds) == (kind, holds)
    assert any("do not" in note and assumption.name in note for note in found.notes) is not holds


async def test_what_a_model_says_cannot_steer_a_terminal(tmp_path: Path) -> None:
    found, _ = await understood(
        tmp_path, [answer(expected="\x1b[2Jfine\nvery\u202e", assumes=[{"kind": "file", "name": "\x1b]0;x\x07"}])]
    )
    assert "\x1b" not in found.model_dump_json()
    assert "\\u001b" not in found.model_dump_json()
    assert "\n" not in found.spec.expected


async def test_an_empty_problem_asks_no_model(tmp_path: Path) -> None:
    found, floor = await understood(tmp_path, [], statement=" \n")
    assert found == floor


async def test_where_time_is_short_no_model_is_asked(tmp_path: Path) -> None:
    tools, _ = await asking_bench(tmp_path, [], statement=STATEMENT, left=15.0)
    request = UnderstandRequest(statement=STATEMENT)
    assert await Requirements(Understander()).run(request, tools) == await Understander().run(request, tools)


async def test_a_long_first_line_gets_a_title(tmp_path: Path) -> None:
    found, _ = await understood(tmp_path, [answer()], statement="It is wrong because " * 30 + "of `total`")
    assert found.title == "Total is negative"


@pytest.mark.parametrize("text", ["", "{}", "对不起，我不能。", '{"title": "x"}', answer(title="x" * 500)])
async def test_a_model_that_gives_no_answer_raises_after_bounded_tries(tmp_path: Path, text: str) -> None:
    with pytest.raises(AnswerInvalid):
        await understood(tmp_path, [text] * 3)


async def test_ten_megabytes_of_problem_fit_a_small_window(tmp_path: Path) -> None:
    text = "The total is wrong.\n" + "".join(f"{number} was logged\n" for number in range(600_000))
    tools, backend = await asking_bench(tmp_path, [answer()], statement=text)
    found = await Requirements(Understander()).run(UnderstandRequest(statement=text), tools)
    assert found.spec.expected == "Values are added."
    assert len(prompt_of(backend).encode()) < 4 * 2_000


def test_quoted_code_is_python_that_calls_something() -> None:
    text = "Do this:\n\n    x = pay(3)\n    print(x)\n\nnot\n\n    Dear all (hello),\n\nor `pay(4)` and `pay`."
    assert quoted_code(text) == ("x = pay(3)\nprint(x)", "pay(4)")


async def test_the_end_of_a_huge_problem_is_read_without_a_model_too(tmp_path: Path) -> None:
    trace = 'Traceback (most recent call last):\n  File "shop/cart.py", line 4, in total\n    x\nTypeError: bad\n'
    text = "Totals.\n" + "".join(f"{number} was logged\n" for number in range(100_000)) + trace
    tools, _ = await asking_bench(tmp_path, [])
    found = await Understander().run(UnderstandRequest(statement=text), tools)
    assert (found.exception, found.frames[-1].path) == ("TypeError", "shop/cart.py")
    assert "very long" in found.notes[0]
