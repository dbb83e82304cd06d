"""Whatever the program, candidates parse, stay inside their spans and leave every other byte alone."""

from __future__ import annotations

import ast
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.core.testing import Failure
from covey.repair.evidence import read_hints
from covey.repair.problem import read_problem
from covey.repair.sources import Source, read_source
from covey.workspace.edits import apply_edits
from support_repair import PATH, candidates_of

_names = st.sampled_from(["a", "b", "items", "self", "total", "größe"])
_atoms = st.one_of(
    _names,
    st.integers(-3, 30).map(str),
    st.sampled_from(
        ['"text"', "'ü'", "None", "True", "[]", "{}", "()", "[1, 2]", "{'k': a}", "f'{a}-{b:>3}'", "lambda q: q + a"]
    ),
)


_OPERATORS = ["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", "and", "or", "in", "is not"]
_MESSAGES = ["", "assert 1 == 2", "'NoneType' object is not subscriptable", "DID NOT RAISE <class 'KeyError'>"]


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(
            two, st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", "and", "or", "in", "is not"])
        ).map(lambda t: f"({t[0][0]} {t[1]} {t[0][1]})"),
        two.map(lambda t: f"call({t[0]}, key={t[1]})"),
        two.map(lambda t: f"({t[0]}).get({t[1]})"),
        two.map(lambda t: f"({t[0]})[{t[1]}:]"),
        two.map(lambda t: f"[x for x in {t[0]} if {t[1]}]"),
        inner.map(lambda t: f"(not {t})"),
        inner.map(lambda t: f"len({t})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    )


_expressions = st.recursive(_atoms, _grow, max_leaves=6)


def _indent(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


_simple = st.one_of(
    st.tuples(_names.filter(lambda n: n != "self"), _expressions).map(lambda t: f"{t[0]} = {t[1]}\n"),
    _expressions.map(lambda e: f"total += {e}  # note\n"),
    _expressions.map(lambda e: f"items.append({e})\n"),
    _expressions.map(lambda e: f"return {e}\n"),
    _expressions.map(lambda e: f"raise ValueError({e})\n"),
    st.just("pass\n"),
)
_blocks = st.recursive(
    st.lists(_simple, min_size=1, max_size=3).map("".join),
    lambda inner: st.one_of(
        st.tuples(_expressions, inner).map(lambda t: f"if {t[0]}:\n{_indent(t[1])}"),
        st.tuples(_expressions, inner, inner).map(lambda t: f"if {t[0]}:\n{_indent(t[1])}else:\n{_indent(t[2])}"),
        st.tuples(_expressions, inner).map(lambda t: f"for b in {t[0]}:\n{_indent(t[1])}    continue\n"),
        st.tuples(_expressions, inner).map(lambda t: f"while {t[0]}:\n{_indent(t[1])}    break\n"),
        st.tuples(inner, inner).map(lambda t: f"try:\n{_indent(t[0])}except KeyError as e:\n{_indent(t[1])}"),
        st.tuples(_expressions, inner).map(lambda t: f"with {t[0]} as total:\n{_indent(t[1])}"),
    ),
    max_leaves=3,
)
_functions = st.tuples(st.sampled_from(["def", "async def"]), _blocks).map(
    lambda t: f"{t[0]} f(a, b=1, *, items=()):\n{_indent(t[1])}"
)
_programs = st.one_of(
    _functions,
    _functions.map(lambda f: f"class A(Base):\n    kind = 'x'\n{_indent(f.replace('(a,', '(self, a,'))}"),
    st.tuples(_blocks.filter(lambda b: "return" not in b), _functions).map("\n".join),
)
_layouts = st.sampled_from(["plain", "crlf", "latin-1", "bom", "tabs", "bare"])


def _laid_out(program: str, layout: str) -> bytes:
    if layout == "crlf":
        return program.replace("\n", "\r\n").encode()
    if layout == "latin-1":
        return ("# coding: latin-1\n" + program).encode("latin-1")
    if layout == "bom":
        return b"\xef\xbb\xbf" + program.encode()
    if layout == "tabs":
        return program.replace("    ", "\t").encode()
    return program.rstrip("\n").encode() if layout == "bare" else program.encode()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    _programs,
    _layouts,
    st.sampled_from(
        ["", "assert 1 == 2", "'NoneType' object is not subscriptable", "DID NOT RAISE <class 'KeyError'>"]
    ),
)
def test_every_candidate_of_every_program_is_sound(program: str, layout: str, message: str) -> None:
    data = _laid_out(program, layout)
    if not isinstance(read_source(PATH, data), Source):
        return
    original = ast.dump(ast.parse(data))
    found = candidates_of(data, Failure(type="TypeError", message=message), most=1500)
    assert len({c.id for c in found}) == len(found)
    for candidate in found[::7]:
        spans = [(edit.start, edit.end) for edit in candidate.edits]
        assert all(0 <= start <= end <= len(data) for start, end in spans)
        assert all(left[1] <= right[0] for left, right in pairwise(spans))
        after = apply_edits(data, candidate.edits)
        assert ast.dump(ast.parse(after)) != original
        assert after.startswith(data[: spans[0][0]])
        assert after.endswith(data[spans[-1][1] :])


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    found = read_source(PATH, data)
    if isinstance(found, Source):
        candidates_of(data, most=30)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=300))
def test_no_text_crashes_the_readers_of_words(text: str) -> None:
    read_problem(text)
    read_hints([Failure(type="AssertionError", message=text, text=text)])
