"""Which edits may be swapped into running code, and which need a fresh import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import covey.execution

PAYLOAD = Path(covey.execution.__file__).parent / "payload"

SOURCE = b'''from __future__ import annotations
import functools

LIMIT = 3


def plain(a, b=1):
    """Add."""
    return a + b


def outer(n):
    def inner(x):
        return x + n

    return inner


class Thing:
    size = 1

    def area(self):
        return self.size * 2

    @property
    def half(self):
        return self.size / 2


table = [n + 1 for n in range(LIMIT)]
double = lambda x: x * 2
made = outer(1)


async def wait():
    return 1


def many():
    yield 1
'''


@pytest.fixture
def swap() -> Iterator[Any]:
    sys.path.insert(0, str(PAYLOAD))
    try:
        yield importlib.import_module("covey_swap")
    finally:
        sys.path.remove(str(PAYLOAD))


def edit(old: bytes, new: str) -> list[Any]:
    at = SOURCE.index(old)
    return [at, at + len(old), new, "utf-8"]


def module(source: bytes) -> ModuleType:
    made = ModuleType("thing")
    exec(compile(source, "thing.py", "exec", 0, True), made.__dict__)
    return made


STARTED = {("thing.py", SOURCE[: SOURCE.index(b"def outer")].count(b"\n") + 1, "outer")}


def swapped(swap: Any, *edits: list[Any]) -> ModuleType:
    live = module(SOURCE)
    functions, _ = swap.live_functions(lambda path: path == "thing.py")
    mine = {key: [item for item in found if item.__globals__ is live.__dict__] for key, found in functions.items()}
    work = swap.plan_swaps("thing.py", "thing.py", SOURCE, list(edits), swap.outline(SOURCE), STARTED)
    swap.swap(work, mine)
    return live


def test_a_function_body_is_swapped(swap: Any) -> None:
    live = swapped(swap, edit(b"a + b", "a - b"))
    assert live.plain(3) == 2


def test_the_control_without_an_edit_behaves_differently() -> None:
    assert module(SOURCE).plain(3) == 4


def test_a_closure_made_at_import_is_swapped_and_so_are_later_ones(swap: Any) -> None:
    live = swapped(swap, edit(b"x + n", "x * 10 + n"))
    assert live.made(2) == 21
    assert live.outer(5)(1) == 15


def test_methods_properties_lambdas_coroutines_and_generators_are_swapped(swap: Any) -> None:
    live = swapped(
        swap,
        edit(b"self.size * 2", "self.size * 9"),
        edit(b"self.size / 2", "self.size / 4"),
        edit(b"x * 2", "x * 3"),
        edit(b"yield 1", "yield 7"),
    )
    thing = live.Thing()
    assert (thing.area(), thing.half, live.double(2), list(live.many())) == (9, 0.25, 6, [7])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"b=1", "b=2"),  # a default
        (b"LIMIT = 3", "LIMIT = 4"),  # a constant
        (b"size = 1", "size = 2"),  # a class attribute
        (b"@property", "@functools.cached_property"),  # a decorator
        (b"n + 1 for", "n + 2 for"),  # a comprehension that ran
        (b"Add.", "Subtract."),  # a docstring
        (b"plain(a, b=1)", "plain(a, c=1)"),  # a parameter's name
        (b"yield 1", "return 1"),  # no longer a generator
        (b"async def wait", "def wait"),
        (b"return inner", "return 1"),  # a function that ran at import
        (b"import functools\n", "import functools, os\n"),
        (b"outer(1)", "outer(2)"),
        (b"\n\ndef plain", "\n# note\ndef plain"),  # between statements
        (b"LIMIT = 3", "LIMIT = 3; OTHER = 1"),  # one statement becomes two
    ],
)
def test_what_a_swap_cannot_express_needs_a_fresh_import(swap: Any, old: bytes, new: str) -> None:
    with pytest.raises(swap.NeedsFresh):
        swapped(swap, edit(old, new))


def test_what_does_not_compile_is_a_syntax_error_with_the_line_of_the_file(swap: Any) -> None:
    with pytest.raises(SyntaxError) as caught:
        swapped(swap, edit(b"a + b", "a +* b"))
    assert caught.value.lineno == SOURCE[: SOURCE.index(b"a + b")].count(b"\n") + 1


def test_several_edits_of_one_function_are_applied_together(swap: Any) -> None:
    live = swapped(swap, edit(b"a + b", "a * b + 1"), edit(b"return a", "c = 1\n    return c * a"))
    assert live.plain(2, 5) == 11


def test_a_function_replaced_since_it_was_read_needs_a_fresh_import(swap: Any) -> None:
    work = swap.plan_swaps("thing.py", "thing.py", SOURCE, [edit(b"a + b", "a - b")], swap.outline(SOURCE), set())
    with pytest.raises(swap.NeedsFresh):
        swap.swap(work, {})


def test_edits_are_offsets_in_bytes(swap: Any) -> None:
    data = "é = 'ß'\r\nx = 1\r\n".encode("latin-1")
    assert swap.apply_edits(data, [[5, 6, "ü", "latin-1"]]) == "é = 'ü'\r\nx = 1\r\n".encode("latin-1")


def test_an_edit_outside_the_file_is_refused(swap: Any) -> None:
    with pytest.raises(swap.Damaged):
        swap.apply_edits(b"abc", [[2, 9, "x", "utf-8"]])


def test_the_outline_covers_decorators_and_marks_shared_lines(swap: Any) -> None:
    spans, _, _ = swap.outline(b"@f\ndef g():\n    pass\na = 1; b = 2\n")
    assert spans == [(0, 21, 1), (21, 34, None)]


IMPORTING = b"""from __future__ import absolute_import, division, print_function
import os.path
import re as regex
try:
    from textwrap import dedent
except ImportError:
    pass
else:
    import json


def clean(text):
    return regex.sub("a", "b", json.loads(dedent(os.path.basename(text))))
"""


def test_functions_that_call_what_the_module_imports_are_swapped(swap: Any) -> None:
    """Such calls compile differently when the compiler cannot see the import; so do marks of old features."""
    live = module(IMPORTING)
    functions, _ = swap.live_functions(lambda path: path == "thing.py")
    mine = {key: [item for item in found if item.__globals__ is live.__dict__] for key, found in functions.items()}
    at = IMPORTING.index(b'"b"')
    assert live.clean('x/"cab"') == "cbb"
    layout = swap.outline(IMPORTING)
    swap.swap(swap.plan_swaps("thing.py", "thing.py", IMPORTING, [[at, at + 3, '"e"', "utf-8"]], layout, set()), mine)
    assert live.clean('x/"cab"') == "ceb"


def test_only_imports_of_the_module_itself_count(swap: Any) -> None:
    source = b"import a.b, c as d\nfrom e import *\nif d:\n    from f import g\n"
    source += b"def h():\n    import i\nclass J:\n    import k\n"
    assert swap.outline(source)[2] == ["a", "d", "g"]
