"""Reading problem texts."""

from __future__ import annotations

import pytest

from covey.core.testing import Frame
from covey.repair.problem import MAX_CHARACTERS, read_problem

TRACEBACK = """Calling `Cart.total()` fails since 2.1:

```python
>>> cart = Cart()
>>> for x in (1, 2):
...     cart.add(x)
>>> cart.total()
4
```

Traceback (most recent call last):
  File "/srv/app/shop/cart.py", line 12, in total
    return self._sum(items)
  File "/srv/app/shop/sums.py", line 3, in _sum
    return a + b
shop.errors.SumError: cannot add 'a' and 1

Expected: 3
Actual: 4

FAILED tests/test_cart.py::TestCart::test_total[one-two] - AssertionError
ERROR: test_add (tests.test_cart.TestCart)
see shop/cart.py:12 and shop.sums.add_all(x)
"""


def test_frames_and_exception() -> None:
    problem = read_problem(TRACEBACK)
    assert problem.frames[0] == Frame(path="/srv/app/shop/cart.py", line=12, function="total")
    assert problem.frames[-1].function == "_sum"
    assert (problem.exception, problem.message) == ("SumError", "cannot add 'a' and 1")


def test_tests_paths_and_symbols() -> None:
    problem = read_problem(TRACEBACK)
    assert problem.tests == ("tests/test_cart.py::TestCart::test_total[one-two]", "tests.test_cart.TestCart.test_add")
    assert "shop/cart.py" in problem.paths
    assert Frame(path="shop/cart.py", line=12) in problem.lines
    assert {"Cart.total", "shop.sums.add_all"} <= set(problem.symbols)
    assert any(frame.function == "add_all" for frame in problem.mentioned)


def test_code_and_doctests() -> None:
    problem = read_problem(TRACEBACK)
    assert problem.code[0].language == "python"
    assert [(d.source, d.want) for d in problem.doctests] == [
        ("cart = Cart()", ""),
        ("for x in (1, 2):\n    cart.add(x)", ""),
        ("cart.total()", "4"),
    ]


def test_expected_and_actual() -> None:
    problem = read_problem(TRACEBACK)
    assert problem.expected[0] == "3"
    assert "4" in problem.actual


def test_pytest_short_frames() -> None:
    problem = read_problem("shop/cart.py:12: in total\n    x\nshop/sums.py:3: ValueError\n")
    assert problem.frames == (Frame(path="shop/cart.py", line=12, function="total"), Frame(path="shop/sums.py", line=3))


def test_nothing_is_read_from_nothing() -> None:
    problem = read_problem("")
    assert problem.frames == ()
    assert problem.notes == ()


def test_a_huge_text_is_cut_with_a_note() -> None:
    problem = read_problem("word `name` " * 1_000_000)
    assert len(problem.text) == MAX_CHARACTERS
    assert "only the first" in problem.notes[0]


def test_hidden_characters_become_visible() -> None:
    problem = read_problem("fix \u202egnp.exe\u200b now\x1b[2J")
    assert "<U+202E>" in problem.text
    assert "<U+200B>" in problem.text
    assert "<U+001B>" in problem.text
    assert any("invisible" in note for note in problem.notes)


AWKWARD = (
    "a." * 90_000,
    "/" * 200_000,
    "`" * 200_000,
    "\n" * 200_000,
    "x(" * 90_000,
    '  File "' * 20_000,
    "~~~\n" * 50_000,
)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_awkward_texts_do_not_make_the_reader_backtrack(text: str) -> None:
    assert read_problem(text).frames == ()
