"""What a role asks of a language model and what it gets back."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from covey.core.canonical import Frozen, Volatile
from covey.core.run import Usage


class ChatMessage(Frozen):
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Frozen):
    """How to sample. ``max_tokens`` is always sent: engines default to no limit."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


class Completion(Frozen):
    """A model's answer. ``finish`` says whether it ended by itself."""

    text: str
    finish: Literal["stop", "length", "error"]
    usage: Usage = Usage()
    model: str = ""
    duration_s: Volatile[float] = 0.0


Schema = dict[str, JsonValue]
