"""Reading an answer of OpenAI's Responses API: its text, its end, the tools and sources behind it.

Protocol: "The response object" of the OpenAI API reference. Works on plain JSON, so nothing of the SDK is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from covey.core.errors import AnswerInvalid, EngineError
from covey.core.run import Usage
from covey.models.httperrors import clip
from covey.models.sourcepolicy import Source, ToolUse

Item = Mapping[str, Any]

_DETAIL = 2_000


def finish_of(response: Item) -> Literal["stop", "length"]:
    """Say how the answer ended. Raises EngineError for any end but its own and the limit."""
    status = response.get("status")
    if status == "completed":
        return "stop"
    reason = (response.get("incomplete_details") or {}).get("reason")
    if status == "incomplete" and reason == "max_output_tokens":
        return "length"
    words = reason or (response.get("error") or {}).get("message") or "no reason given"
    raise EngineError(f"The model's answer is {status!r} ({clip(str(words), 300)}). Ask again, or use another model.")


def text_of(response: Item) -> str:
    """Return the text of all messages. Raises AnswerInvalid when the model refused to answer."""
    parts = []
    for part in _contents(response):
        if part.get("type") == "refusal":
            raise AnswerInvalid("The model refused to answer.", detail=clip(str(part.get("refusal", ""))))
        if part.get("type") == "output_text":
            parts.append(str(part.get("text", "")))
    return "".join(parts)


def reasoning_of(response: Item) -> str:
    """Return the summaries of what the model thought."""
    summaries = [s for item in _items(response) if item.get("type") == "reasoning" for s in item.get("summary") or ()]
    return "\n".join(str(summary.get("text", "")) for summary in summaries)


def usage_of(response: Item) -> Usage | None:
    """Return the tokens by the server's own count; None when it gave none."""
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt, generated = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
    reused = min(prompt, (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0)
    return Usage(prefilled=prompt - reused, reused=reused, generated=generated)


def tools_of(response: Item) -> tuple[ToolUse, ...]:
    """Return every use of a hosted tool, in order."""
    return tuple(
        ToolUse(
            tool=str(item["type"]).removesuffix("_call"),
            id=str(item.get("id") or ""),
            status=str(item.get("status") or ""),
            container=str(item.get("container_id") or ""),
            detail=clip(str(item.get("code") or item.get("queries") or (item.get("action") or "")), _DETAIL),
        )
        for item in _items(response)
        if str(item.get("type", "")).endswith("_call")
    )


def sources_of(response: Item) -> tuple[Source, ...]:
    """Return what the answer cites and what was looked at for it, each once, in order of appearance."""
    return tuple(dict.fromkeys(_sources(response)))


def _sources(response: Item) -> Iterator[Source]:
    for item in _items(response):
        action = item.get("action") or {}
        if item.get("type") == "web_search_call":
            for found in action.get("sources") or ():
                yield Source(kind="url", location=str(found.get("url") or found.get("name") or "unnamed source"))
            if action.get("url"):
                yield Source(kind="url", location=str(action["url"]))
        for found in (item.get("results") or ()) if item.get("type") == "file_search_call" else ():
            licence = (found.get("attributes") or {}).get("licence") or (found.get("attributes") or {}).get("license")
            name = found.get("filename") or found.get("file_id") or "unnamed file"
            yield Source(kind="file", location=str(name), licence=str(licence or ""))
    for part in _contents(response):
        for note in part.get("annotations") or ():
            yield _cited(note)


def _cited(note: Item) -> Source:
    kind = note.get("type")
    if kind == "url_citation":
        return Source(kind="url", location=str(note.get("url", "")), title=str(note.get("title") or ""))
    name = str(note.get("filename") or note.get("file_id") or kind)
    return Source(kind="made" if kind in ("container_file_citation", "file_path") else "file", location=name)


def _items(response: Item) -> list[Item]:
    output = response.get("output")
    if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        raise EngineError("The server's answer holds no list of output items. Is it a Responses API?")
    return output


def _contents(response: Item) -> Iterator[Item]:
    for item in _items(response):
        if item.get("type") == "message":
            yield from item.get("content") or ()
