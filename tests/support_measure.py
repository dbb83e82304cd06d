"""An engine that lies as it is told to, on a clock of its own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from covey.core.errors import ContextOverflow, EngineError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.run import Usage
from covey.testing.endpointbodies import smallest

_JSON = re.compile(r"this JSON schema, and nothing else:\n(\{.*\})")


@dataclass
class LyingEngine:
    """Claims ``claims.context`` tokens and reads ``real``; four characters are a token.

    ``counting``: "right", "early" (before the prompt is cut), "none" (nothing is said), "constant". ``finds``: the
    model repeats the code word when it can see it. ``schema``: "held" or "ignored"; ``understands``: the model answers
    a schema that the prompt shows. ``refuses``, ``fails``: from so many tokens on a prompt is refused, or the engine
    fails. ``reuses``: a prefix is read once. ``hangs``: requests never end, or those of ``hangs_from`` tokens and more.
    ``slots``: served at once. ``startup``: seconds of the first start. ``words``: tokens of a free
    answer at most.
    """

    claims: Capabilities = field(default_factory=lambda: Capabilities(context=32_000, timings=True))
    real: int = 32_000
    counting: Literal["right", "early", "none", "constant"] = "right"
    finds: bool = False
    schema: Literal["held", "ignored"] = "held"
    understands: bool = True
    refuses: int = 10**9
    fails: int = 10**9
    reuses: bool = True
    hangs: bool = False
    hangs_from: int = 10**9
    broken: Exception | None = None
    slots: int = 1
    startup: float = 0.0
    words: int = 10**9
    prefill: float = 1000.0
    decode: float = 20.0
    streams: bool = True
    now: float = 0.0
    name: str = "liar"
    longest: int = 0
    _seen: str = ""
    _busy: int = 0

    def clock(self) -> float:
        """Seconds by the engine's own work."""
        return self.now

    async def capabilities(self) -> Capabilities:
        """Say what is claimed."""
        if self.broken:
            raise self.broken
        self.now, self.startup = self.now + self.startup, 0.0
        return self.claims

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """An upper estimate, half as much again as the truth."""
        return self._true(prompt) * 3 // 2

    def _true(self, prompt: Sequence[ChatMessage]) -> int:
        return 8 + sum(len(message.content) for message in prompt) // 4

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Answer, or lie."""
        total = self._true(prompt)
        if self.hangs or total >= self.hangs_from:
            await asyncio.get_running_loop().create_future()
        self.longest = max(self.longest, total)
        if total >= self.fails:
            raise EngineError("It crashed.")
        if total >= self.refuses:
            raise ContextOverflow("Too long.", tokens=total, context=self.refuses)
        text = "\n".join(message.content for message in prompt)
        kept = min(total, self.real)
        visible = text[-kept * 4 :] if kept < total else text
        reused = self._reused(visible) if self.reuses else 0
        answer = self._answer(visible, schema)
        written = min(sampling.max_tokens, max(1, len(answer) // 4 if schema else self.words))
        waited = await self._work(kept - reused, written)
        counted = {"right": kept, "early": total, "none": 0, "constant": 77}[self.counting]
        usage = Usage(prefilled=max(0, counted - reused), reused=min(reused, counted), generated=written)
        if not self.claims.timings:
            usage = Usage(prefilled=counted, generated=written)
        return Completion(
            text=answer,
            finish="stop",
            usage=usage,
            model=self.name,
            first_token_s=waited if self.streams else 0.0,
            duration_s=waited + written / self.decode if self.streams else 0.0,
        )

    async def _work(self, read: int, written: int) -> float:
        """Let the time of a request pass: requests that come while others are served share the engine's slots."""
        waited = read / self.prefill
        self._busy += 1
        await asyncio.sleep(0)
        self.now += (waited + written / self.decode) / min(self._busy, self.slots)
        await asyncio.sleep(0)
        self._busy -= 1
        return waited

    def _reused(self, text: str) -> int:
        same = 0
        for ours, theirs in zip(self._seen, text, strict=False):
            if ours != theirs:
                break
            same += 1
        self._seen = text
        return same // 4

    def _answer(self, visible: str, schema: Schema | None) -> str:
        shown = _JSON.search(visible)
        if schema is not None and self.schema == "held":
            return json.dumps(smallest(schema))
        if shown and self.understands:
            return json.dumps(smallest(json.loads(shown[1])))
        word = re.search(r"The code word is (\w+)", visible)
        return word[1] if word and self.finds else "I think that all is well."

    async def aclose(self) -> None:
        """There is nothing to end."""
