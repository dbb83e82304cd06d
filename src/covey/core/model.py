"""What a role asks of a language model and what it gets back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from covey.core.canonical import Frozen, Volatile
from covey.core.run import Usage

Schema = dict[str, JsonValue]
"""A JSON schema (draft 2020-12) without references, every string and list of it bounded."""


class ChatMessage(Frozen):
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Frozen):
    """How to sample. ``max_tokens`` is always sent: engines default to no limit.

    ``thinking`` lets a reasoning model think before its answer; structured slots leave it off.
    """

    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = 0
    max_tokens: int = Field(512, ge=1)
    stop: tuple[str, ...] = ()
    thinking: bool = False


class Completion(Frozen):
    """A model's whole answer. ``finish`` is ``length`` when ``max_tokens`` or the window cut it off.

    ``reasoning`` is what a reasoning model thought, never part of ``text``. ``usage`` counts as the engine does; see
    :attr:`Capabilities.timings`. Seconds: ``first_token_s`` until the first token came, ``duration_s`` in all.
    """

    text: str
    finish: Literal["stop", "length"]
    usage: Volatile[Usage] = Usage()
    model: str = ""
    reasoning: Volatile[str] = ""
    first_token_s: Volatile[float] = 0.0
    duration_s: Volatile[float] = 0.0


class Capabilities(Frozen):
    """What an engine was found to do. Nothing here is assumed: it was probed, or read from the engine's own words.

    ``context``: tokens that prompt and answer of one request may have together. ``schema_support``: how far the engine
    itself keeps an answer inside a JSON schema; below ``json_schema`` the answer is validated and asked for again.
    ``grammar``: what enforces it; ``gbnf`` engines are slow with large enumerations and want small ones.
    ``tokenizer``: counts of tokens are the engine's own, otherwise they are upper estimates. ``timings``: reused and
    prefilled tokens are the engine's own count, otherwise all of a prompt counts as prefilled. ``slots``: the state of
    a slot can be saved and restored. ``parallel``: requests served at the same time.
    """

    context: int = Field(gt=0)
    schema_support: Literal["grammar", "json_schema", "json_object", "none"] = "none"
    grammar: Literal["llguidance", "gbnf", "unknown"] = "unknown"
    tokenizer: bool = False
    timings: bool = False
    slots: bool = False
    parallel: int = Field(1, ge=1)
    images: bool = False
