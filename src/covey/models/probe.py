"""What is asked of an unknown server to learn what it can do: small, bounded, and the same for every server.

The sample in the prompt is dense on purpose (digits, punctuation, hexadecimal, letters outside ASCII): tokens per byte
of it are an upper estimate for source code, which is how tokens are counted where a server has no tokenizer to offer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from covey.core.errors import ContextOverflow
from covey.core.model import ChatMessage, Schema

SchemaSupport = Literal["json_schema", "json_object", "none"]

PROBE_TOKENS = 256
"""Tokens that a probe may generate; a reasoning model needs some before it answers."""

_SAMPLE = (
    "0x7f3a9c 1048576 3.14159 {a[i]: (b**2) % 7} != [] -> __init__(self, *args); r'\\d+\\s{2,}' "
    "9f86d081884c7d65 größer 平均 λx.x @dataclass //~~ 2026-11-20T08:15:30Z <|> \t\t#!/usr/bin/env"
)
SCHEMA_PROBE = (ChatMessage(role="user", content=f"Say in one short sentence what this line is: {_SAMPLE}"),)
"""Nothing in it asks for JSON, so that only a server that holds the schema answers with it."""

OBJECT_PROBE = (
    ChatMessage(role="user", content=f"Answer in JSON only, without a code block: which language is this? {_SAMPLE}"),
)
"""The mode ``json_object`` wants the word JSON in the prompt."""

PROBE_SCHEMA: Schema = {
    "type": "object",
    "properties": {"probe": {"type": "string", "enum": ["kept"]}, "digit": {"type": "integer", "enum": [7]}},
    "required": ["probe", "digit"],
    "additionalProperties": False,
}
"""A schema that has one single answer, so that an answer shows at once whether it was held."""


def prompt_bytes(prompt: Sequence[ChatMessage]) -> int:
    """Bytes of all contents together, as UTF-8."""
    return sum(len(message.content.encode("utf-8", "surrogatepass")) for message in prompt)


def check_size(prompt: Sequence[ChatMessage], context: int) -> None:
    """Raise ContextOverflow for a prompt that can be seen not to fit ``context`` tokens without counting them.

    Each word is at least one token, and no vocabulary has tokens above 256 bytes. Engines would find it out
    themselves, but some of them take time that grows with the square of the prompt.
    """
    words = sum(len(message.content.split()) for message in prompt)
    least = max(words, prompt_bytes(prompt) // 256)
    if least > context:
        raise ContextOverflow(
            f"The prompt has at least {least} tokens and the window {context}. Shorten the prompt.",
            tokens=least,
            context=context,
        )


def holds_schema(text: str) -> bool:
    """True when ``text`` is the one answer of :data:`PROBE_SCHEMA`."""
    return _parsed(text) == {"probe": "kept", "digit": 7}


def holds_object(text: str) -> bool:
    """True when ``text`` is one JSON object and nothing else."""
    return isinstance(_parsed(text), dict)


def shown(prompt: Sequence[ChatMessage], schema: Schema) -> list[ChatMessage]:
    """Return ``prompt`` with ``schema`` in words for a server that cannot hold it; unchanged when it is there."""
    shape = json.dumps(schema, separators=(",", ":"), ensure_ascii=False)
    if any(shape in message.content for message in prompt):
        return list(prompt)
    words = (
        "Write one JSON value that is valid against the following JSON schema. No explanation and no code block "
        f"around it:\n{shape}"
    )
    if prompt and prompt[-1].role == "user":
        last = ChatMessage(role="user", content=f"{prompt[-1].content}\n\n{words}")
        return [*prompt[:-1], last]
    return [*prompt, ChatMessage(role="user", content=words)]


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
