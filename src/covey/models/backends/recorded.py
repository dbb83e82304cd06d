"""A model that says again, byte for byte, what a run's log holds."""

from __future__ import annotations

from collections.abc import Sequence

from covey.core.errors import ReplayDivergence
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.models.calls import RecordedCall, schema_digest

_SHOWN = 60


class RecordedBackend:
    """Replays ``calls`` in order. Anything else that is asked raises ReplayDivergence and uses nothing up.

    ``name`` and ``capabilities`` are what the recorded engine said of itself. Tokens are those of the recorded usage;
    for a prompt that was not recorded they are counted as one for four bytes.
    """

    def __init__(
        self, calls: Sequence[RecordedCall], *, name: str = "", capabilities: Capabilities | None = None
    ) -> None:
        self._calls = tuple(calls)
        self._next = 0
        self._name = name or next((call.completion.model for call in self._calls if call.completion.model), "recorded")
        self._capabilities = capabilities or Capabilities(context=1 << 20)
        self._counts = {call.prompt: _tokens(call) for call in self._calls}

    @property
    def name(self) -> str:
        """Name of the recorded model."""
        return self._name

    @property
    def left(self) -> int:
        """Calls that were recorded and not yet asked for again."""
        return len(self._calls) - self._next

    async def capabilities(self) -> Capabilities:
        """What the recorded engine was found to do."""
        return self._capabilities

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Tokens of a recorded prompt by its own usage, an estimate for any other."""
        size = sum(len(message.content.encode("utf-8", "surrogatepass")) for message in prompt)
        return self._counts.get(tuple(prompt)) or max(1, -(-size // 4))

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Return the next recorded answer. Raises ReplayDivergence that names what differs."""
        if self._next >= len(self._calls):
            raise ReplayDivergence(
                f"The log holds {len(self._calls)} calls of {self.name} and one more was asked for. The code that "
                "makes prompts has changed since the run; start a new run."
            )
        call = self._calls[self._next]
        if difference := _difference(call, prompt, schema_digest(schema), sampling):
            raise ReplayDivergence(
                f"Call {self._next + 1} of {self.name} is not the recorded one: {difference}. The code that makes "
                "prompts has changed since the run; start a new run."
            )
        self._next += 1
        return call.completion

    async def aclose(self) -> None:
        """Nothing was started."""


def _tokens(call: RecordedCall) -> int:
    return call.completion.usage.prefilled + call.completion.usage.reused


def _difference(call: RecordedCall, prompt: Sequence[ChatMessage], schema: str, sampling: Sampling) -> str:
    """Say in words where a question leaves the recorded one; empty when it does not."""
    if len(prompt) != len(call.prompt):
        return f"the prompt has {len(prompt)} messages instead of {len(call.prompt)}"
    for number, (asked, known) in enumerate(zip(prompt, call.prompt, strict=True), 1):
        if asked.role != known.role:
            return f"message {number} is from {asked.role!r} instead of {known.role!r}"
        if asked.content != known.content:
            at = _first_difference(asked.content, known.content)
            ours, theirs = asked.content[at : at + _SHOWN], known.content[at : at + _SHOWN]
            return f"message {number} differs from character {at + 1} on, {ours!r} instead of {theirs!r}"
    if schema != call.schema_sha256:
        return f"the schema is {schema[:12] or 'none'} instead of {call.schema_sha256[:12] or 'none'}"
    fields = [name for name in Sampling.model_fields if getattr(sampling, name) != getattr(call.sampling, name)]
    if fields:
        return "sampling differs in " + ", ".join(
            f"{name} ({getattr(sampling, name)!r} instead of {getattr(call.sampling, name)!r})" for name in fields
        )
    return ""


def _first_difference(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
