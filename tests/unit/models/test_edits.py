"""Grammars for edits: what they enumerate, how answers become lines, and lines bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from covey.core.errors import AgentFeedback, EditError
from covey.core.model import Capabilities, Schema
from covey.models.edits import (
    SEARCH_BYTES,
    Choices,
    EditGrammar,
    EditLimits,
    IndexAnswer,
    LinesAnswer,
    SearchAnswer,
    choice_schema,
    edit_grammar,
)
from covey.models.lineedits import EditFile, LineEdit, byte_edits, nearest, settle, split_lines
from covey.models.schema import plain, token_bound
from covey.workspace.edits import changes_of

pytestmark = pytest.mark.requirement("F2")

LLGUIDANCE = Capabilities(context=8192, schema_support="grammar", grammar="llguidance")
GBNF = Capabilities(context=8192, schema_support="grammar", grammar="gbnf")
HOSTED = Capabilities(context=8192, schema_support="json_schema")
NOTHING = Capabilities(context=8192)

SOURCE = b'def f(a):\n    """Double."""\n    return a\n\n\nprint(f(2))\n'
FILE = EditFile.of("src/f.py", SOURCE)


def alternatives(schema: Schema) -> list[dict[str, Any]]:
    """The properties of each alternative of an edit."""
    found: Any = schema["properties"]
    items = found["edits"]["items"]
    return [branch["properties"] for branch in items.get("anyOf", [items])]


def grammar_for(engine: Capabilities, *files: EditFile, limits: EditLimits | None = None) -> EditGrammar[Any]:
    return edit_grammar(files, engine, limits)


def decode(grammar: EditGrammar[Any], *edits: object) -> tuple[LineEdit, ...]:
    value = grammar.answer.model_validate({"edits": edits})
    grammar.check(value)
    return tuple(grammar.decode(value))


def applied(data: bytes, *edits: LineEdit) -> bytes:
    return changes_of({"f": data}, byte_edits(edits, {"f": data})).get("f", data)


@pytest.mark.parametrize(
    ("engine", "name", "answer"),
    [
        (LLGUIDANCE, "lines", LinesAnswer),
        (GBNF, "index", IndexAnswer),
        (HOSTED, "search", SearchAnswer),
        (NOTHING, "search", SearchAnswer),
        (Capabilities(context=8192, grammar="llguidance"), "search", SearchAnswer),
    ],
)
def test_the_engine_decides_how_edits_are_written(engine: Capabilities, name: str, answer: type) -> None:
    grammar = grammar_for(engine, FILE)
    assert (grammar.name, grammar.answer) == (name, answer)


def test_lines_are_named_by_number_and_text_and_belong_to_their_file() -> None:
    other = EditFile.of("src/g.py", b"x = 1\n")
    first, second = alternatives(grammar_for(LLGUIDANCE, FILE, other).schema)
    assert first["path"]["enum"] == ["src/f.py"]
    assert first["first"]["enum"] == [
        "1|def f(a):",
        "2|    '''Double.'''",
        "3|    return a",
        "4|",
        "5|",
        "6|print(f(2))",
        "7|<end of file>",
    ]
    assert (second["path"]["enum"], second["first"]["enum"]) == (["src/g.py"], ["1|x = 1", "2|<end of file>"])
    grammar = grammar_for(LLGUIDANCE, FILE, other)
    edit = {"path": "src/f.py", "first": "3|    return a", "count": 1, "lines": ["    return 2 * a"]}
    assert decode(grammar, edit) == (LineEdit(path="src/f.py", first=3, count=1, lines=("    return 2 * a",)),)
    with pytest.raises(AgentFeedback, match=r"'3\|    return a' is not a line of src/g\.py"):
        decode(grammar, {**edit, "path": "src/g.py"})


def test_only_lines_in_the_given_ranges_may_change() -> None:
    file = EditFile(path="f", lines=tuple("abcdef"), ranges=((5, 9), (2, 3), (3, 4), (20, 30)))
    assert file.spans() == ((2, 6),)
    ranged = EditFile(path="f", lines=tuple("abcdef"), ranges=((2, 3),))
    grammar = grammar_for(LLGUIDANCE, ranged)
    assert alternatives(grammar.schema)[0]["first"]["enum"] == ["2|b", "3|c"]
    assert decode(grammar, {"path": "f", "first": "3|c", "count": 6, "lines": []}) == (
        LineEdit(path="f", first=3, count=1),
    )
    numbers = grammar_for(GBNF, ranged)
    for first, last, place in [(1, 9, (2, 2)), (6, 6, (3, 1)), (3, 1, (3, 0))]:
        (edit,) = decode(numbers, {"file": 0, "first": first, "last": last, "lines": ["x"]})
        assert (edit.first, edit.count) == place


def test_the_text_of_a_unique_line_is_enough_to_find_it() -> None:
    grammar = grammar_for(HOSTED, FILE)
    (only,) = alternatives(grammar.schema)
    assert only["search"]["enum"] == ["def f(a):", "    '''Double.'''", "    return a", "print(f(2))"]
    want = (LineEdit(path="src/f.py", first=2, count=1, lines=("    # one", "    # two")),)
    for search in ('    """Double."""', "    '''Double.'''"):
        assert decode(grammar, {"path": "src/f.py", "search": search, "replacement": "    # one\n    # two"}) == want
    assert decode(grammar, {"path": "src/f.py", "search": "    return a", "replacement": ""}) == (
        LineEdit(path="src/f.py", first=3, count=1),
    )


def test_a_file_without_unique_lines_has_numbered_ones() -> None:
    same, empty = EditFile.of("same.py", b"pass\npass\n"), EditFile.of("empty.py", b"")
    first, second = alternatives(grammar_for(HOSTED, same, empty).schema)
    assert first["search"]["enum"] == ["1|pass", "2|pass", "3|<end of file>"]
    assert second["search"]["enum"] == ["1|<end of file>"]
    grammar = grammar_for(HOSTED, same, empty)
    assert decode(grammar, {"path": "empty.py", "search": "1|<end of file>", "replacement": "x = 1"}) == (
        LineEdit(path="empty.py", first=1, count=0, lines=("x = 1",)),
    )


def test_without_a_grammar_the_nearest_real_path_and_line_are_named() -> None:
    grammar = grammar_for(NOTHING, FILE, EditFile.of("tests/test_f.py", b"from src import f\n"))
    edit = {"path": "src/f.py", "search": "return a", "replacement": ""}
    with pytest.raises(AgentFeedback, match=r"'return a' is not a line .* The nearest is '    return a'\."):
        decode(grammar, edit)
    with pytest.raises(AgentFeedback, match=r"'src/f' may not be edited; the nearest that may is 'src/f\.py'"):
        decode(grammar, {**edit, "path": "src/f"})
    with pytest.raises(AgentFeedback, match="There is no file 3; files are 0 to 0"):
        decode(grammar_for(GBNF, FILE), {"file": 3, "first": 1, "last": 1, "lines": []})


def test_the_nearest_line_is_found_among_thousands_of_long_ones() -> None:
    known = [f"value_{number} = compute({number}, '{'x' * 300}')" for number in range(2_500)]
    assert nearest("value_1234 = compute(1234", known).startswith("value_1234")
    assert nearest("anything", []) == ""


def test_no_file_or_the_same_twice_is_refused() -> None:
    for files in ((), (FILE, FILE)):
        with pytest.raises(AgentFeedback, match="at least one file"):
            edit_grammar(files, LLGUIDANCE)


def test_what_is_enumerated_is_bounded_and_given_ranges_come_first() -> None:
    lines = tuple(f"value_{number} = {number}" for number in range(2_500))
    big, chosen = EditFile(path="big.py", lines=lines), EditFile(path="chosen.py", lines=lines, ranges=((100, 110),))
    grammar = grammar_for(LLGUIDANCE, big, chosen, limits=EditLimits(enumerated_bytes=10_000))
    first, second = alternatives(grammar.schema)
    assert first["path"]["enum"] == ["chosen.py"]
    assert len(first["first"]["enum"]) == 11
    assert sum(map(len, first["first"]["enum"] + second["first"]["enum"])) <= 10_000
    assert grammar.left_out == 2_501 - len(second["first"]["enum"]) > 0
    hosted = grammar_for(HOSTED, big)
    assert len(json.dumps(alternatives(hosted.schema)[0]["search"])) < SEARCH_BYTES * 2
    assert hosted.left_out == 2_100
    whole = grammar_for(LLGUIDANCE, big)
    assert (whole.left_out, len(alternatives(whole.schema)[0]["first"]["enum"])) == (0, 2_501)
    least = grammar_for(LLGUIDANCE, FILE, limits=EditLimits(enumerated_bytes=0))
    assert least.left_out >= 0
    assert alternatives(least.schema)


def test_schemas_for_engines_that_are_slow_with_enumerations_stay_small() -> None:
    files = [EditFile(path=f"{number}.py", lines=("x",) * 2_500) for number in range(50)]
    schema = grammar_for(GBNF, *files).schema
    assert len(json.dumps(schema)) < 800
    assert alternatives(schema)[0]["first"] == {"type": "integer", "minimum": 1, "maximum": 2_501}
    assert token_bound(schema)


def test_edits_become_independent_of_each_other() -> None:
    file = EditFile(path="f", lines=tuple("abcdefgh"))

    def wanted(first: int, count: int, *lines: str) -> LineEdit:
        return LineEdit(path="f", first=first, count=count, lines=lines)

    assert settle([wanted(2, 2, "x"), wanted(3, 1, "y")], [file]) == (wanted(2, 2, "x"),), "the first one wins"
    assert settle([wanted(2, 2, "x"), wanted(3, 0, "y")], [file]) == (wanted(2, 2, "x"),)
    assert settle([wanted(4, 1, "y"), wanted(2, 2, "x")], [file]) == (wanted(2, 3, "x", "y"),), "what touches is joined"
    assert settle([wanted(2, 1, "x"), wanted(2, 0, "i")], [file]) == (wanted(2, 1, "i", "x"),)
    assert settle([wanted(6, 1, "z"), wanted(2, 1, "x")], [file]) == (wanted(2, 1, "x"), wanted(6, 1, "z"))
    assert settle([wanted(8, 9, "x"), wanted(9, 0, "end")], [file]) == (wanted(8, 1, "x", "end"),)
    assert settle([wanted(3, 0)], [file]) == (), "what changes nothing goes"
    assert settle([wanted(3, 0, "a\r\nb\rc", "")], [file]) == (wanted(3, 0, "a", "b", "c", ""),)


@pytest.mark.parametrize(
    ("data", "edit", "after"),
    [
        (b"", (1, 0, "x"), b"x\n"),
        (b"a", (1, 1, "x"), b"x"),
        (b"a", (2, 0, "x"), b"a\nx"),
        (b"a", (1, 0, "x"), b"x\na"),
        (b"a\nb", (2, 1), b"a\n"),
        (b"a\nb", (2, 1, "x", ""), b"a\nx\n\n"),
        (b"a\r\nb\r\n", (2, 1, "x", "y"), b"a\r\nx\r\ny\r\n"),
        (b"a\r\nb", (3, 0, "x"), b"a\r\nb\r\nx"),
        (b"a\rb\r", (2, 0, "x"), b"a\rx\rb\r"),
        (b"\xef\xbb\xbfa\nb\n", (1, 1, "x"), b"\xef\xbb\xbfx\nb\n"),
        (b"# coding: latin-1\n'\xe9'\n", (2, 1, "'è'"), b"# coding: latin-1\n'\xe8'\n"),
        (b"a\x0cb\x0b\xe2\x80\xa8c\nd\n", (2, 1, "x"), b"a\x0cb\x0b\xe2\x80\xa8c\nx\n"),
        (b"# coding: utf-16\nb\n", (2, 1, "x"), b"# coding: utf-16\nx\n"),
        (b"\xff\xfe\nb\n", (2, 1, "x"), b"\xff\xfe\nx\n"),
    ],
)
def test_bytes_outside_an_edit_stay_and_new_lines_end_like_their_neighbours(
    data: bytes, edit: tuple[Any, ...], after: bytes
) -> None:
    first, count, *lines = edit
    assert applied(data, LineEdit(path="f", first=first, count=count, lines=tuple(lines))) == after


def test_edits_that_were_made_for_other_files_are_refused() -> None:
    with pytest.raises(EditError, match="has 1 lines; line 2 \\+ 1 is outside"):
        applied(b"a\n", LineEdit(path="f", first=2, count=1))
    with pytest.raises(EditError, match="g is not a file"):
        applied(b"a\n", LineEdit(path="g", first=1, count=1))


def test_lines_split_as_python_source_does() -> None:
    assert split_lines("a\r\nb\rc\nd\x0ce\u2028f") == ("a", "b", "c", "d\x0ce\u2028f")
    assert (split_lines(""), split_lines("\n"), split_lines("a\n")) == ((), ("",), ("a",))


def test_paths_and_symbols_are_chosen_from_those_that_exist() -> None:
    schema = choice_schema(["a.py", "b.py", 'odd"name.py'], {"a.py": ["f", "g", "f"]}, most=2)
    choices: Any = schema["properties"]
    assert choices["choices"]["maxItems"] == 2
    one, other = (branch["properties"] for branch in choices["choices"]["items"]["anyOf"])
    assert (one["path"]["enum"], one["symbol"]["enum"]) == (["a.py"], ["f", "g"])
    assert (other["path"]["enum"], other["symbol"]["enum"]) == (["b.py"], [""])
    Choices.model_validate({"choices": [{"path": "a.py", "symbol": "g"}]})
    with pytest.raises(AgentFeedback, match="no path to choose from"):
        choice_schema(['odd"name.py'], {})


def test_a_path_with_quotes_is_written_plainly_and_found_again() -> None:
    grammar = grammar_for(LLGUIDANCE, EditFile.of('say "hi".py', b"x\n"))
    (only,) = alternatives(grammar.schema)
    assert only["path"]["enum"] == [plain('say "hi".py')] == ["say 'hi'.py"]
    (edit,) = decode(grammar, {"path": "say 'hi'.py", "first": "1|x", "count": 1, "lines": []})
    assert edit.path == 'say "hi".py'
