"""Answer schemas in which everything is bounded.

An engine that is held to a schema by its grammar still writes for ever where a string, a list or a number may be as
long as it likes. So a schema here has a longest text, and that length is known before the model is asked.

:class:`Bounded` refuses unbounded fields when the class is made. :func:`schema_of` writes the class down with the
keywords that llama.cpp's own converter, LLGuidance and the strict mode of OpenAI all understand: ``type``,
``properties``, ``required``, ``additionalProperties``, ``items``, ``minItems``, ``maxItems``, ``enum``, ``anyOf``,
``minLength``, ``maxLength``, ``minimum``, ``maximum``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.errors import PydanticInvalidForJsonSchema

from covey.core.model import Schema
from covey.core.redact import visible

CHARACTER_BYTES = 12
"""Bytes of the longest spelling of one character in a JSON string: a surrogate pair of two ``\\uXXXX``."""
END_TOKENS = 8
"""Tokens added to a bound: the end of the turn, and a leading blank that some tokenizers write."""

_IGNORED = frozenset({"title", "description", "default", "examples", "discriminator", "deprecated"})
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f\ud800-\udfff]')
_LOOK_ALIKES = str.maketrans({'"': "'", "\\": "/", "\t": "    ", "\r": " ", "\n": " "})
_KEYWORDS = {
    "string": frozenset({"minLength", "maxLength"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset[str](),
    "null": frozenset[str](),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}


class Bounded(BaseModel):
    """Base of what a model may be asked for.

    Making a subclass raises TypeError, with the class and the field, for: strings without ``max_length`` (unless they
    are a Literal or an Enum), lists and tuples without ``max_length``, integers without both ``ge`` and ``le``, floats
    (engines bound their value but not their digits: count in whole percent instead), dictionaries, sets, ``Any``,
    patterns and formats (engines disagree about them), classes that hold themselves, and names that are not defined
    yet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.__pydantic_complete__:
            raise TypeError(f"{cls.__name__} names a type that is not defined yet; define it first.")
        schema_of(cls)


BoundedT = TypeVar("BoundedT", bound=Bounded)


def schema_of(model: type[BaseModel]) -> Schema:
    """Return the JSON schema of ``model``: references written out, all properties required, no others allowed.

    Properties stand in the order of the fields: engines generate them in that order. Raises TypeError, naming the
    field, for anything without a bound.
    """
    return json.loads(_schema_text(model))  # type: ignore[no-any-return]  # a fresh copy: callers may extend it


@cache
def _schema_text(model: type[BaseModel]) -> str:
    try:
        raw = model.model_json_schema()
    except PydanticInvalidForJsonSchema as error:
        raise TypeError(f"{model.__name__} has a field that JSON cannot hold: {error.message}") from None
    definitions = raw.pop("$defs", {})
    return json.dumps(_Writer(model.__name__, definitions).write(raw, model.__name__, ()))


class _Writer:
    """Rewrites pydantic's schema and refuses what has no bound."""

    def __init__(self, name: str, definitions: dict[str, Schema]) -> None:
        self._name = name
        self._definitions = definitions

    def write(self, node: JsonValue, place: str, inside: tuple[str, ...]) -> Schema:
        if not isinstance(node, dict):
            raise self._refuse(place, "may hold anything; give it a type with a bound")
        node = {key: value for key, value in node.items() if key not in _IGNORED}
        if "$ref" in node:
            name = str(node["$ref"]).rsplit("/", 1)[-1]
            if name in inside:
                raise self._refuse(place, "holds itself; write the levels that are needed as classes of their own")
            return self.write(self._definitions[name], place, (*inside, name))
        for union in ("anyOf", "oneOf"):
            if union in node:
                branches = node[union]
                assert isinstance(branches, list)
                return {"anyOf": [self.write(branch, place, inside) for branch in branches]}
        if "const" in node:
            return one_of([node["const"]])
        if "enum" in node:
            assert isinstance(node["enum"], list)
            return one_of(node["enum"])
        return self._typed(node, place, inside)

    def _typed(self, node: Schema, place: str, inside: tuple[str, ...]) -> Schema:
        kind = node.get("type")
        if not isinstance(kind, str):
            raise self._refuse(place, "may hold anything; give it a type with a bound")
        if kind == "number":
            raise self._refuse(place, "is a float, whose digits no engine bounds; use an integer, such as percent")
        if unknown := node.keys() - _KEYWORDS[kind] - {"type"}:
            raise self._refuse(
                place, f"uses {', '.join(sorted(unknown))}, which engines read differently; leave it out"
            )
        match kind:
            case "string":
                if "maxLength" not in node:
                    raise self._refuse(place, "is a string without max_length; give it one, or use a Literal")
                return node
            case "integer":
                return self._integer(node, place)
            case "array":
                return self._array(node, place, inside)
            case "object":
                return self._object(node, place, inside)
            case _:
                return node

    def _integer(self, node: Schema, place: str) -> Schema:
        low, high = node.get("minimum"), node.get("maximum")
        if low is None and isinstance(above := node.get("exclusiveMinimum"), int):
            low = above + 1
        if high is None and isinstance(below := node.get("exclusiveMaximum"), int):
            high = below - 1
        if low is None or high is None:
            raise self._refuse(place, "is an integer without both bounds; give it ge and le")
        return {"type": "integer", "minimum": low, "maximum": high}

    def _array(self, node: Schema, place: str, inside: tuple[str, ...]) -> Schema:
        if "maxItems" not in node:
            raise self._refuse(place, "is a list without max_length; give it one")
        items = node.get("items")
        prefix = node.get("prefixItems")
        if isinstance(prefix, list):
            written = [self.write(item, place, inside) for item in prefix]
            if any(item != written[0] for item in written):
                raise self._refuse(place, "is a tuple of different types; use a class with named fields")
            found: Schema = written[0]
        else:
            found = self.write(items, place, inside)
        return {"type": "array", "items": found, "minItems": node.get("minItems", 0), "maxItems": node["maxItems"]}

    def _object(self, node: Schema, place: str, inside: tuple[str, ...]) -> Schema:
        if node.get("additionalProperties") is not False:
            raise self._refuse(place, "is a dictionary, or a class that takes any field; use a Bounded class")
        properties = node.get("properties", {})
        assert isinstance(properties, dict)
        written: dict[str, JsonValue] = {
            name: self.write(value, f"{place}.{name}", inside) for name, value in properties.items()
        }
        return {
            "type": "object",
            "properties": written,
            "required": list(written),
            "additionalProperties": False,
        }

    def _refuse(self, place: str, reason: str) -> TypeError:
        return TypeError(f"{place} {reason}.")


def one_of(values: Sequence[JsonValue]) -> Schema:
    """Return the schema of a choice between scalar ``values``, their type named: strict endpoints want it.

    Raises TypeError for a text that JSON writes with an escape: LLGuidance before May 2026, which llama.cpp and
    xllamacpp still hold, ends such a text early (guidance-ai/llguidance #218 and #326). See :func:`plain`.
    """
    by_type: dict[str, list[JsonValue]] = {}
    for value in values:
        if isinstance(value, str) and _ESCAPED.search(value):
            raise TypeError(f"{value[:80]!r} cannot be a choice: a quote, backslash or control character is in it")
        by_type.setdefault(_TYPES[type(value)], []).append(value)
    branches: list[Schema] = [{"type": kind, "enum": found} for kind, found in by_type.items()]
    return branches[0] if len(branches) == 1 else {"anyOf": list(branches)}


def plain(text: str) -> str:
    """Return ``text`` with look-alikes for what JSON escapes, so that it can be a choice (see :func:`one_of`)."""
    return visible(text).translate(_LOOK_ALIKES)


def token_bound(schema: Schema) -> int:
    """Return an upper bound of the tokens of an answer: the bytes of the longest JSON text, since no token is empty.

    The text has no blanks between its parts (engines are told so) and every character of a free string in its longest
    spelling, :data:`CHARACTER_BYTES`. Understands what :func:`schema_of` and :mod:`covey.models.edits` write; raises
    TypeError for a schema without a bound.
    """
    if "anyOf" in schema:
        branches = schema["anyOf"]
        assert isinstance(branches, list)
        return max(token_bound(_node(branch)) for branch in branches)
    if "enum" in schema:
        values = schema["enum"]
        assert isinstance(values, list)
        return max(len(json.dumps(value)) for value in values)
    match schema.get("type"):
        case "string" if "maxLength" in schema:
            return 2 + CHARACTER_BYTES * _whole(schema["maxLength"])
        case "integer" if "minimum" in schema and "maximum" in schema:
            return max(len(str(schema["minimum"])), len(str(schema["maximum"])))
        case "boolean":
            return len("false")
        case "null":
            return len("null")
        case "array" if "maxItems" in schema:
            most = _whole(schema["maxItems"])
            return 2 + most * token_bound(_node(schema["items"])) + max(0, most - 1)
        case "object":
            properties = _node(schema["properties"])
            inner = sum(len(json.dumps(name)) + 1 + token_bound(_node(value)) for name, value in properties.items())
            return 2 + inner + max(0, len(properties) - 1)
        case _:
            raise TypeError(f"The schema has a part without a bound: {json.dumps(schema)[:200]}")


def max_tokens_for(schema: Schema, room: int) -> int:
    """Return the limit to send with a request: enough for any answer that fits ``schema``, at most ``room`` tokens."""
    return max(1, min(room, token_bound(schema) + END_TOKENS))


def _node(value: JsonValue) -> Schema:
    assert isinstance(value, dict)
    return value


def _whole(value: JsonValue) -> int:
    assert isinstance(value, int)
    return value
