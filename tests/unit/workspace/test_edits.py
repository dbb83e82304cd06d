from __future__ import annotations

import pytest

from covey.core.errors import EditError
from covey.core.patch import Edit
from covey.workspace.edits import apply_edits, changes_of


def edit(start: int, end: int, text: str, encoding: str = "utf-8", path: str = "a.py") -> Edit:
    return Edit(path=path, start=start, end=end, text=text, encoding=encoding)


def test_everything_outside_the_spans_stays_byte_for_byte() -> None:
    data = b"\xef\xbb\xbfone\r\ntwo\rthree\n\x00\xfffour"
    edits = [edit(8, 11, "2"), edit(3, 6, "1"), edit(len(data), len(data), "!")]
    assert apply_edits(data, edits) == b"\xef\xbb\xbf1\r\n2\rthree\n\x00\xfffour!"


def test_insertions_at_one_place_keep_their_order() -> None:
    assert apply_edits(b"ad", [edit(1, 1, "b"), edit(1, 1, "c")]) == b"abcd"


def test_an_insertion_may_touch_a_replacement_on_both_sides() -> None:
    assert apply_edits(b"abc", [edit(1, 2, "B"), edit(1, 1, "<"), edit(2, 2, ">")]) == b"a<B>c"


def test_text_is_written_in_the_encoding_of_the_file() -> None:
    data = "# -*- coding: latin-1 -*-\ns = 'é'\n".encode("latin-1")
    at = data.index(b"\xe9")
    assert apply_edits(data, [edit(at, at + 1, "üé", "latin-1")]) == data.replace(b"\xe9", b"\xfc\xe9")


def test_a_byte_order_mark_is_not_written_again() -> None:
    assert apply_edits(b"\xef\xbb\xbfx = 1\n", [edit(7, 8, "2", "utf-8-sig")]) == b"\xef\xbb\xbfx = 2\n"


@pytest.mark.parametrize("spans", [[(0, 3), (2, 4)], [(1, 4), (2, 3)], [(0, 2), (1, 1)], [(1, 3), (1, 2)]])
def test_overlapping_edits_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(EditError, match="overlap"):
        apply_edits(b"abcdef", [edit(start, end, "x") for start, end in spans])


@pytest.mark.parametrize("span", [(-1, 0), (0, 7), (3, 2), (7, 7)])
def test_a_span_outside_the_file_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(EditError, match="not inside"):
        apply_edits(b"abcdef", [edit(*span, "x")])


@pytest.mark.parametrize(
    ("text", "encoding"), [("€", "latin-1"), ("x", "no-such"), ("x", "rot13"), ("x", "utf-16"), ("\ud800", "utf-8")]
)
def test_text_that_the_encoding_cannot_hold_is_refused(text: str, encoding: str) -> None:
    with pytest.raises(EditError):
        apply_edits(b"abc", [Edit.model_construct(path="a.py", start=0, end=1, text=text, encoding=encoding)])


def test_edits_of_several_files_are_applied_all_or_none() -> None:
    sources = {"a.py": b"one", "b.py": b"two", "c.py": b"same"}
    good = [edit(0, 3, "1"), edit(0, 3, "2", path="./b.py"), edit(0, 4, "same", path="c.py")]
    assert changes_of(sources, good) == {"a.py": b"1", "b.py": b"2"}
    for bad in (edit(0, 9, "x", path="b.py"), edit(0, 0, "x", path="missing.py"), edit(0, 0, "x", path="../b.py")):
        with pytest.raises(EditError):
            changes_of(sources, [*good, bad])
    assert sources == {"a.py": b"one", "b.py": b"two", "c.py": b"same"}
