"""Bodies that servers of the OpenAI kind send: chat completions, their streams, responses, llama-server's extras.

Sources: the API references of OpenAI (chat completions, responses) and the README of llama.cpp's server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from covey.models.probe import OBJECT_PROBE, SCHEMA_PROBE

if TYPE_CHECKING:
    from covey.testing.endpoint import Reply

CREATED = 1_700_000_000
_PROBES = frozenset(message.content for message in SCHEMA_PROBE + OBJECT_PROBE)


class Tokens(NamedTuple):
    """What an answer claims: tokens of the prompt, of the answer, and of the prompt's part that was reused."""

    prompt: int
    answer: int
    cached: int | None


def prompt_of(body: Mapping[str, Any]) -> str:
    """Return all contents of a chat or Responses request."""
    messages = body.get("messages") or body.get("input") or []
    if isinstance(messages, str):
        return messages
    if not messages and "prompt" in body:  # of llama-server's /completion
        prompt = body["prompt"]
        return prompt if isinstance(prompt, str) else "".join(map(chr, prompt))
    parts = []
    for message in messages:
        content = message.get("content", "")
        parts.append(content if isinstance(content, str) else "".join(part.get("text", "") for part in content))
    return "\n".join(parts)


def is_probe(body: Mapping[str, Any]) -> bool:
    """True for a request that only finds out what the server can do."""
    return prompt_of(body) in _PROBES


def format_of(body: Mapping[str, Any]) -> str:
    """Return the type of the format asked for: ``json_schema``, ``json_object`` or nothing."""
    found = body.get("response_format") or (body.get("text") or {}).get("format") or {}
    kind = str(found.get("type", "json_schema" if "json_schema" in body else ""))
    return "" if kind == "text" else kind


def schema_of(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the JSON schema asked for."""
    chat = (body.get("response_format") or {}).get("json_schema") or {"schema": body.get("json_schema")}
    schema = chat.get("schema") or ((body.get("text") or {}).get("format") or {}).get("schema")
    return schema if isinstance(schema, dict) else None


def smallest(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a small value that is valid against ``schema`` (no references, no patterns)."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for many in ("anyOf", "oneOf"):
        if many in schema:
            return smallest(schema[many][0])
    kind = schema.get("type", "object")
    if kind == "object":
        wanted = schema.get("required", ())
        return {name: smallest(part) for name, part in schema.get("properties", {}).items() if name in wanted}
    if kind == "array":
        return [smallest(schema.get("items", {"type": "null"})) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return "a" * schema.get("minLength", 0)
    if kind in ("integer", "number"):
        return schema.get("minimum", min(0, schema.get("maximum", 0)))
    return {"boolean": False, "null": None}[kind]


def overflow(prompt: int, context: int) -> dict[str, Any]:
    """Refuse a prompt as llama-server does."""
    words = f"request ({prompt} tokens) exceeds the available context size ({context} tokens), try increasing it"
    kind = "exceed_context_size_error"
    return {"error": {"code": 400, "message": words, "type": kind, "n_prompt_tokens": prompt, "n_ctx": context}}


def llama_extra(
    path: str, body: Mapping[str, Any], model: Mapping[str, Any], context: int | None, tokens: Callable[[str], int]
) -> dict[str, Any] | None:
    """Answer one of llama-server's own paths; None for any other."""
    if path == "/props":
        settings = {"n_ctx": context or 4096}
        return {"default_generation_settings": settings, "total_slots": 1, "model_alias": model["id"]}
    if path == "/tokenize":
        text = str(body.get("content", ""))
        return {"tokens": [ord(char) for char in text][: tokens(text)]}
    if path == "/apply-template":
        return {"prompt": prompt_of(body)}
    if path == "/completion" and "grammar" in body:
        return {"content": "ok", "stop": True, "stop_type": "eos"}  # it has LLGuidance
    return None


def completion_events(reply: Reply, tokens: Tokens, chunk: int) -> Iterator[str]:
    """Yield the data of each event of llama-server's streamed ``/completion``."""
    while True:
        for start in range(0, len(reply.text), chunk):
            yield json.dumps({"content": reply.text[start : start + chunk], "stop": False})
        if not reply.endless:
            break
    cached = tokens.cached or 0
    timings = {"cache_n": cached, "prompt_n": tokens.prompt - cached, "predicted_n": tokens.answer}
    kind = "limit" if reply.finish == "length" else "eos"
    yield json.dumps({"content": "", "stop": True, "stop_type": kind, "timings": timings, "model": "stub"})


def _calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(reply.tool_calls)
    ]


def _usage(tokens: Tokens) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.answer,
        "total_tokens": tokens.prompt + tokens.answer,
    }
    if tokens.cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cached}
    return usage


def completion(body: Mapping[str, Any], reply: Reply, tokens: Tokens) -> dict[str, Any]:
    """Return a chat completion that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.tool_calls:
        message |= {"content": None, "tool_calls": _calls(reply)}
    finish = "tool_calls" if reply.tool_calls else reply.finish
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    return whole | ({"usage": _usage(tokens)} if reply.usage else {})


def events(body: Mapping[str, Any], reply: Reply, tokens: Tokens, chunk: int) -> Iterator[str]:
    """Yield the data of each event of a streamed chat completion, ``[DONE]`` at last."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": body.get("model")}

    def event(delta: Mapping[str, Any], finish: str | None = None) -> str:
        return json.dumps(base | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    yield event({"role": "assistant", "content": None})
    for start in range(0, len(reply.reasoning), chunk):
        yield event({"reasoning_content": reply.reasoning[start : start + chunk]})
    while True:
        for start in range(0, len(reply.text), chunk):
            yield event({"content": reply.text[start : start + chunk]})
        if not reply.endless:
            break
    if reply.tool_calls:
        yield event({"tool_calls": _calls(reply)})
    yield event({}, "tool_calls" if reply.tool_calls else reply.finish)
    if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
        yield json.dumps(base | {"choices": [], "usage": _usage(tokens)})
    yield "[DONE]"


def response(body: Mapping[str, Any], reply: Reply, tokens: Tokens) -> dict[str, Any]:
    """Return an answer of the Responses API that is not streamed."""
    complete = reply.finish == "stop"
    content = {"type": "output_text", "text": reply.text, "annotations": list(reply.annotations), "logprobs": []}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed" if complete else "incomplete",
        "content": [content],
    }
    usage = {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached or 0},
        "output_tokens": tokens.answer,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens.prompt + tokens.answer,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "model": body.get("model"),
        "status": "completed" if complete else "incomplete",
        "incomplete_details": None if complete else {"reason": reply.finish},
        "error": None,
        "instructions": None,
        "metadata": {},
        "output": [*reply.output, message],
        "parallel_tool_calls": True,
        "temperature": body.get("temperature", 1.0),
        "tool_choice": "auto",
        "tools": body.get("tools", []),
        "top_p": body.get("top_p", 1.0),
        "usage": usage if reply.usage else None,
    }
