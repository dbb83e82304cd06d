"""Any answer that fits an edit schema is an edit that applies to the real bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.core.model import Capabilities, Schema
from covey.models.edits import EditGrammar, EditLimits, edit_grammar
from covey.models.lineedits import EditFile, LineEdit, byte_edits, split_lines
from covey.models.schema import token_bound
from covey.models.structured import parse_object
from covey.workspace.edits import changes_of

pytestmark = pytest.mark.requirement("F2")

ENGINES = {
    "lines": Capabilities(context=8192, schema_support="grammar", grammar="llguidance"),
    "search": Capabilities(context=8192, schema_support="json_schema"),
    "index": Capabilities(context=8192, schema_support="grammar", grammar="gbnf"),
}

line = st.one_of(
    st.sampled_from(
        ["", "    pass", "return x", "\tindented = 'tab'", "x" * 3_000, "naïve = '日本語'", "a\u2028b\u202ec"]
    ),
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12),
)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(line, max_size=12))
    ends: list[str] = draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"]]))
    parts = [text + draw(st.sampled_from(ends)) for text in lines]
    unfinished: bool = draw(st.booleans())
    if parts and unfinished:
        parts[-1] = lines[-1]
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return mark + "".join(parts).encode()


@st.composite
def edit_files(draw: st.DrawFn) -> dict[str, tuple[bytes, EditFile]]:
    found = {}
    for index in range(draw(st.integers(1, 3))):
        data = draw(contents())
        ranges = draw(st.lists(st.tuples(st.integers(-3, 14), st.integers(-3, 14)), max_size=2))
        path = f"src/file_{index}.py"
        found[path] = (data, EditFile.of(path, data, ranges))
    return found


def valid(draw: st.DrawFn, schema: Schema) -> Any:
    """Draw any value that fits ``schema``."""
    if "anyOf" in schema:
        return valid(draw, draw(st.sampled_from(schema["anyOf"])))  # type: ignore[arg-type]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))  # type: ignore[arg-type]
    node: Any = schema
    match node["type"]:
        case "string":
            texts = st.one_of(st.text(max_size=node["maxLength"]), st.sampled_from(["", "\n", "a\r\nb\r", "\x00\x0c"]))
            return draw(texts)[: node["maxLength"]]
        case "integer":
            return draw(st.integers(node["minimum"], node["maximum"]))
        case "array":
            return [valid(draw, node["items"]) for _ in range(draw(st.integers(node["minItems"], node["maxItems"])))]
        case _:
            return {name: valid(draw, value) for name, value in node["properties"].items()}


def applied(lines: Sequence[str], edits: Sequence[LineEdit]) -> tuple[str, ...]:
    """Apply edits to a list of lines, from the end on."""
    result = list(lines)
    for edit in reversed(edits):
        result[edit.first - 1 : edit.first - 1 + edit.count] = edit.lines
    return tuple(result)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), edit_files(), st.sampled_from(sorted(ENGINES)))
def test_every_valid_answer_is_decoded_and_applies_to_the_real_bytes(
    data: st.DataObject, files: dict[str, tuple[bytes, EditFile]], engine: str
) -> None:
    limits = EditLimits(edits=3, lines=3, characters=10)
    grammar: EditGrammar[Any] = edit_grammar([file for _, file in files.values()], ENGINES[engine], limits)
    assert grammar.name == engine
    answer = data.draw(st.composite(valid)(grammar.schema))
    jsonschema.validate(answer, grammar.schema)
    text = json.dumps(answer, separators=(",", ":"))
    assert len(text.encode()) <= token_bound(grammar.schema)
    value = grammar.answer.model_validate(parse_object(text))
    grammar.check(value)

    edits = grammar.decode(value)

    sources = {path: content for path, (content, _) in files.items()}
    changes = changes_of(sources, byte_edits(edits, sources))
    for path, (content, file) in files.items():
        mine = [edit for edit in edits if edit.path == path]
        after = changes.get(path, content)
        mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
        assert after.startswith(mark)
        assert split_lines(after.removeprefix(mark).decode()) == applied(file.lines, mine)
        spans = file.spans()
        for edit in mine:
            assert edit.count or edit.lines
            assert any(low <= edit.first and edit.first + edit.count <= high + 1 for low, high in spans), (
                "an edit left the lines that may change"
            )
        for before, behind in pairwise(mine):
            assert before.first + before.count < behind.first, "edits overlap or touch"
