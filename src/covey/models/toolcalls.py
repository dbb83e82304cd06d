"""Does an endpoint turn a tool call into a tool call? Covey asks for schemas instead; this is for the doctor to tell.

The request is that of the OpenAI chat API (``tools`` with one function, ``tool_choice`` "required").
"""

from __future__ import annotations

import json
from typing import Literal, Protocol, runtime_checkable

from pydantic import JsonValue

from covey.core.canonical import Frozen
from covey.models.http import HttpClient

NAME = "read_file"
_MAX_TOKENS = 128
_TOOL: JsonValue = {
    "type": "function",
    "function": {
        "name": NAME,
        "description": "Show lines of a file.",
        "parameters": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "first": {"type": "integer"}},
            "required": ["path", "first"],
            "additionalProperties": False,
        },
    },
}


class ToolCallSeen(Frozen):
    """What came of one request for a tool call.

    ``called``: a call of the tool with arguments that fit. ``broken``: a call of something else, or with arguments that
    do not fit. ``text``: the call, or something else, came as text. ``nothing``: an empty answer.
    """

    kind: Literal["called", "broken", "text", "nothing"]


@runtime_checkable
class ToolCaller(Protocol):
    """A back end that can be asked for a tool call."""

    async def call_tool(self, question: str) -> ToolCallSeen:
        """Ask for one call. Raises EngineError, UnusableModel."""
        ...


async def call_tool(api: HttpClient, model: str, question: str) -> ToolCallSeen:
    """Ask ``model`` behind ``api`` for one call of a tool and say what came."""
    body: JsonValue = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "tools": [_TOOL],
        "tool_choice": "required",
        "max_tokens": _MAX_TOKENS,
        "temperature": 0,
        "stream": False,
    }
    answer = await api.post_json("/chat/completions", body)
    message = _first_message(answer)
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return ToolCallSeen(kind="called" if _fits(calls[0]) else "broken")
    return ToolCallSeen(kind="text" if message.get("content") else "nothing")


def _first_message(answer: JsonValue) -> dict[str, JsonValue]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return message if isinstance(message, dict) else {}


def _fits(call: JsonValue) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or function.get("name") != NAME:
        return False
    try:
        arguments = json.loads(str(function.get("arguments")))
    except ValueError:
        return False
    return (
        isinstance(arguments, dict)
        and arguments.keys() == {"path", "first"}
        and isinstance(arguments["path"], str)
        and isinstance(arguments["first"], int)
    )
