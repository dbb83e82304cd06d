"""Which tests a change needs, from what they ran."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import covey.execution

PAYLOAD = Path(covey.execution.__file__).parent / "payload"

SOURCE = """
def outer(n):
    def inner(x):
        return x + n

    return inner
"""


@pytest.fixture
def nearby() -> Iterator[Any]:
    sys.path.insert(0, str(PAYLOAD))
    try:
        yield importlib.import_module("covey_nearby")
    finally:
        sys.path.remove(str(PAYLOAD))


def test_tests_that_ran_the_lines_or_are_unknown_stay(nearby: Any) -> None:
    known = nearby.Nearby()
    known.learn("a", {"m.py": [3, 4]})
    known.learn("b", {"m.py": [9]})
    known.learn("c", {"n.py": [3]})
    names = ["a", "b", "c", "unknown"]
    assert known.enter([0, 1, 2, 3], names, {"m.py": {4, 5}}) == [0, 3]
    assert known.enter([2, 1, 0], names, {"m.py": {4}, "n.py": {3}}) == [2, 0]
    assert known.enter([0, 1, 2, 3], names, {"m.py": None}) == [0, 1, 3]


def test_lines_of_nested_functions_belong_to_the_outer_one(nearby: Any) -> None:
    code = compile(SOURCE, "m.py", "exec")
    outer = next(item for item in code.co_consts if hasattr(item, "co_code"))
    assert nearby.lines_of(outer) >= {2, 3, 4, 6}
