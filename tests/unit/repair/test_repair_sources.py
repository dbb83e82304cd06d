"""Reading files and finding the way back to their bytes."""

from __future__ import annotations

import ast

import pytest

from covey.repair.sources import MAX_BYTES, Source, Unreadable, parse_tolerant, read_source
from covey.repair.view import View
from covey.workspace.edits import apply_edits
from support_repair import PATH, candidates_of

BODY = "def f(x):\n    é = 'ü'\n    return x + 1 if x > 3 else é\n"


def _read(data: bytes) -> Source:
    source = read_source(PATH, data)
    assert isinstance(source, Source)
    return source


@pytest.mark.parametrize(
    "data",
    [
        BODY.encode(),
        b"\xef\xbb\xbf" + BODY.encode(),
        BODY.replace("\n", "\r\n").encode(),
        BODY.replace("\n", "\r").encode(),
        ("# -*- coding: latin-1 -*-\n" + BODY).encode("latin-1"),
        ("# coding: cp1252\r\n" + BODY.replace("\n", "\r\n")).encode("cp1252"),
        BODY.replace("    ", "\t").encode(),
        ("\f\n" + BODY).encode(),
        BODY.rstrip("\n").encode(),
    ],
    ids=["utf-8", "bom", "crlf", "cr", "latin-1", "cp1252-crlf", "tabs", "form-feed", "no-last-line-end"],
)
def test_edits_change_their_span_and_no_other_byte(data: bytes) -> None:
    found = candidates_of(data)
    assert len(found) > 20
    for candidate in found:
        after = apply_edits(data, candidate.edits)
        ast.parse(after)
        place = 0
        rest = after
        for edit in candidate.edits:
            kept = data[place : edit.start]
            assert rest.startswith(kept)
            written = edit.text.encode(edit.encoding)
            assert rest[len(kept) :].startswith(written)
            rest = rest[len(kept) + len(written) :]
            place = edit.end
        assert rest == data[place:]


def test_new_lines_get_the_line_ends_of_the_file() -> None:
    data = BODY.replace("\n", "\r\n").encode()
    texts = [edit.text for candidate in candidates_of(data) for edit in candidate.edits if "\n" in edit.text]
    assert texts
    assert all("\n" not in text.replace("\r\n", "") for text in texts)


def test_a_character_that_the_encoding_cannot_hold_gives_no_edit() -> None:
    source = _read("# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    assert source.to_edit(0, 0, "ü") is not None
    assert source.to_edit(0, 0, "€") is None


def test_columns_after_wide_characters_are_found() -> None:
    source = _read("x = 'äöü€𝄞' + name\n".encode())
    names = [n for n in ast.walk(source.tree) if isinstance(n, ast.Name)]
    assert [source.segment(n) for n in names] == ["x", "name"]
    edit = source.to_edit(*source.span(names[1]), "other")
    assert edit is not None
    assert apply_edits("x = 'äöü€𝄞' + name\n".encode(), (edit,)).decode() == "x = 'äöü€𝄞' + other\n"


@pytest.mark.parametrize(
    "data",
    [
        b"x = 1\0",
        b"def f(:\n",
        b"# coding: no-such-thing\n",
        b"\xff\xfe\x00",
        b"x = '\xe9'\n",
        b"# coding: utf-7\nx = 1\n",
        b"# coding: iso2022_jp\nx = 1\n",
        b"(" * 5000 + b")" * 5000,
        b"x = " + b"-" * 100_000 + b"1",
        b"x = 1\n" * (MAX_BYTES // 6 + 1),
        "x = '\ud800'".encode("utf-8", "surrogatepass"),
    ],
    ids=[
        "null",
        "syntax",
        "cookie",
        "utf-16",
        "not-utf-8",
        "utf-7",
        "iso2022",
        "nested",
        "signs",
        "large",
        "surrogate",
    ],
)
def test_what_cannot_be_read_is_left_alone_with_a_note(data: bytes) -> None:
    found = read_source(PATH, data)
    assert isinstance(found, Unreadable)
    assert PATH in found.note


def test_very_long_expressions_do_not_crash() -> None:
    parse_tolerant("x = " + "+".join(["1"] * 20_000))
    data = ("def f(a):\n    return " + " + ".join(["a"] * 300) + "\n").encode()
    assert candidates_of(data, most=50)


def test_structure_is_known_by_line() -> None:
    data = b"class A:\n    @deco\n    def f(self):\n        return (1 +\n            2)\n\nx = 1; y = 2\n"
    view = View(_read(data))
    assert view.statement_line(5) == 4
    assert view.statement_line(2) == 3
    assert [type(s).__name__ for s in view.at(7)] == ["Assign", "Assign"]
    assert view.symbol(view.at(4)[0]) == "A.f"
    assert view.whole_lines(view.at(7)[0]) is None
    assert view.unit == "    "
