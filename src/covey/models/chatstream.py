"""Reading a streamed chat completion: the deltas of one answer, collected, checked and parted.

Protocol: "Chat completion chunk object" of the OpenAI API reference, with what servers add to it:
``reasoning_content`` or ``reasoning`` for thoughts, ``timings`` of llama-server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from covey.core.errors import EngineError
from covey.core.run import Usage

Event = Mapping[str, JsonValue]

_FINISH: Mapping[str, Literal["stop", "length"]] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "length": "length",
    "max_tokens": "length",
}


@dataclass
class Collected:
    """One answer as its events come in. ``finish`` is None until the server has said how it ended."""

    parts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    finish: Literal["stop", "length"] | None = None
    usage: Event = field(default_factory=dict)
    timings: Event = field(default_factory=dict)
    model: str = ""
    size: int = 0

    def take(self, event: Event) -> None:
        """Add one event. Raises EngineError for one that is not part of a chat completion."""
        self.model = self.model or _text(event.get("model"))
        self.usage = _object(event.get("usage")) or self.usage
        self.timings = _object(event.get("timings")) or self.timings
        choices = event.get("choices")
        if not isinstance(choices, list):
            if choices is None and self._is_extra(event):
                return
            raise EngineError("The server streamed events that are not parts of a chat completion.")
        for choice in choices[:1]:
            if not isinstance(choice, dict):
                raise EngineError("The server streamed a choice that is not an object.")
            self._add(_object(choice.get("delta")) or _object(choice.get("message")))
            if reason := choice.get("finish_reason"):
                self._end(_text(reason))

    @staticmethod
    def _is_extra(event: Event) -> bool:
        """Some servers send usage or timings in an event of their own."""
        return bool(_object(event.get("usage")) or _object(event.get("timings")))

    def _add(self, delta: Event) -> None:
        content = _text(delta.get("content"))
        thought = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        self.parts.append(content)
        self.thoughts.append(thought)
        self.size += len(content) + len(thought)

    def _end(self, reason: str) -> None:
        if reason not in _FINISH:
            raise EngineError(
                f"The server ended its answer with {reason[:80]!r}, which is neither whole nor cut off at the limit. "
                "It may filter what models say; use another server or model."
            )
        self.finish = _FINISH[reason]

    def answer(self) -> tuple[str, str]:
        """Return the text and the reasoning, parted also where the server left thoughts inside the text."""
        text, inner = split_thoughts("".join(self.parts))
        return text, "".join(self.thoughts) + inner

    def counted(self, prompt: int, generated: int) -> Usage:
        """Return the tokens as the server counts them; ``prompt`` and ``generated`` where it says nothing."""
        if self.timings:
            return Usage(
                prefilled=_whole(self.timings.get("prompt_n"), prompt),
                reused=_whole(self.timings.get("cache_n"), 0),
                generated=_whole(self.timings.get("predicted_n"), generated),
            )
        total = _whole(self.usage.get("prompt_tokens"), prompt)
        reused = min(total, self.cached or 0)
        return Usage(
            prefilled=total - reused, reused=reused, generated=_whole(self.usage.get("completion_tokens"), generated)
        )

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompt by the server's own count; 0 when it gave none."""
        return _whole(self.usage.get("prompt_tokens"), 0)

    @property
    def cached(self) -> int | None:
        """Tokens that came from the server's cache; None when it does not say."""
        details = _object(self.usage.get("prompt_tokens_details"))
        return _whole(details["cached_tokens"], 0) if "cached_tokens" in details else None


def split_thoughts(text: str) -> tuple[str, str]:
    """Part ``text`` into answer and thoughts: ``<think>…</think>`` at its start, or up to an end that never began.

    Some chat templates open the block inside the prompt, so that only its end is seen. A block without an end is all
    thoughts: the answer was cut off before it began.
    """
    body = text.lstrip()
    opened = body.startswith("<think>")
    if not opened and ("</think>" not in body or "<think>" in body.split("</think>", 1)[0]):
        return text, ""
    thoughts, end, answer = body.removeprefix("<think>").partition("</think>")
    return (answer.lstrip("\r\n") if end else ""), thoughts.strip()


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EngineError(f"The server sent {type(value).__name__} where text belongs.")
    return value


def _object(value: JsonValue) -> Event:
    return value if isinstance(value, dict) else {}


def _whole(value: JsonValue, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default
