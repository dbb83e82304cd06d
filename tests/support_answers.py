"""A model that answers what the test says, in a window where each byte is a token."""

from __future__ import annotations

from collections.abc import Sequence

from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.run import Usage

WORDS_OF_TEMPLATE = 10
"""Tokens that the template adds to each message."""


class FixedBackend:
    """Gives ``replies`` in turn: a text, a completion, or an error to raise. Keeps what it was asked."""

    name = "fixed"

    def __init__(self, *replies: str | Completion | Exception, capabilities: Capabilities | None = None) -> None:
        self._replies = list(replies)
        self._capabilities = capabilities or Capabilities(context=8192)
        self.prompts: list[tuple[ChatMessage, ...]] = []
        self.schemas: list[Schema | None] = []
        self.samplings: list[Sampling] = []

    async def capabilities(self) -> Capabilities:
        return self._capabilities

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        self.prompts.append(tuple(prompt))
        self.schemas.append(schema)
        self.samplings.append(sampling)
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            return Completion(text=reply, finish="stop", usage=Usage(prefilled=10, generated=len(reply)))
        return reply

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        return sum(len(message.content.encode()) + WORDS_OF_TEMPLATE for message in prompt)

    async def aclose(self) -> None:
        """There is nothing to end."""
