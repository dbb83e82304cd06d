"""Modules that a model writes: what is refused before anything runs, and how much of one its tests run."""

from __future__ import annotations

import pytest

from covey.agents.author import ModuleAnswer, check, module_of
from covey.agents.modulechecker import coverage, hollow
from covey.core.errors import AgentFeedback
from covey.models.schema import schema_of, token_bound

pytestmark = pytest.mark.requirement("D15")

GOOD = {
    "name": "sums",
    "module": ("def add(a, b):", "    return a + b"),
    "tests": ("import unittest", "import sums", "class T(unittest.TestCase):", "    def test_add(self): ..."),
}


def answer(**changes: object) -> ModuleAnswer:
    return ModuleAnswer.model_validate({**GOOD, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "test_sums"}, "cannot be the name"),
        ({"name": "../sums"}, "cannot be the name"),
        ({"name": "class"}, "cannot be the name"),
        ({"name": "json"}, "standard library"),
        ({"module": ("def add(a, b):",)}, r"sums\.py is not valid Python"),
        ({"tests": ("import sums", "class T(:")}, r"test_sums\.py is not valid Python"),
        ({"module": ("x = 1",)}, "no function and no class"),
        ({"tests": ("import unittest",)}, "does not import sums"),
        ({"tests": ("import sums",)}, "no test method"),
    ],
)
def test_what_cannot_be_a_module_with_tests_is_refused(changes: dict[str, object], said: str) -> None:
    check(answer())
    with pytest.raises(AgentFeedback, match=said):
        check(answer(**changes))


def test_lines_become_texts_and_the_longest_answer_is_known() -> None:
    assert module_of(answer()).code == "def add(a, b):\n    return a + b\n"
    assert module_of(answer(module=("def f():\n    return 1  ",))).code == "def f():\n    return 1\n"
    assert token_bound(schema_of(ModuleAnswer)) > 0


CODE = '''def outer(n):
    """Text."""
    def inner(x):
        return x
    if n:
        return inner(
            n)
    else:
        n = 1
    try:
        return n
    finally:
        pass


class Box:
    size = 1

    def grow(self): self.size += 1
'''


def test_coverage_counts_statements_inside_functions_by_any_of_their_lines() -> None:
    assert coverage("x = 1\n", frozenset()) == (100, ())
    assert coverage(CODE, frozenset({3, 4, 5, 7, 9, 11, 13, 19})) == (100, ())
    share, unrun = coverage(CODE, frozenset({3, 5, 9, 11, 13}))
    assert (share, unrun) == (62, (4, 6, 19))


def test_a_hollow_module_keeps_its_shape_and_does_nothing() -> None:
    space: dict[str, object] = {}
    exec(compile(hollow(CODE), "hollow", "exec"), space)
    outer = space["outer"]
    assert callable(outer)
    assert outer(3) is None
