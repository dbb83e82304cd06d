"""A model that says what it is told to say, with token counts that mean something.

Tokens are counted as one for four bytes, rounded up, and what a prompt shares with an earlier one from the beginning
on counts as reused, as an engine's prefix cache would have it: token tables of tests are exact and repeatable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from covey.core.errors import ContextOverflow, RunError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.run import Usage
from covey.models.calls import RecordedCall, record

Answer = str | Completion | Exception
"""A text, a whole completion that is passed on as it is, or an error that is raised."""

Script = Sequence[Answer] | Callable[[Sequence[ChatMessage], Schema | None, Sampling], Answer]

_BYTES = 4
CONTEXT = 32_768
"""Tokens of the window unless ``capabilities`` say otherwise."""


def render(prompt: Sequence[ChatMessage]) -> bytes:
    """Return the bytes of a prompt with the simplest of chat templates."""
    text = "".join(f"<{message.role}>\n{message.content}\n" for message in prompt)
    return text.encode("utf-8", "surrogatepass")


class ScriptedBackend:
    """Answers in order, or by a function of the prompt; raises RunError when it is asked more often than it can answer.

    A text longer than ``max_tokens`` comes cut off with a finish of ``length``; one that holds a stop string ends
    before it. ``capabilities`` default to a window of 32,768 tokens and held schemas; what is scripted under a schema
    is passed on as it is, malformed or not. No time passes, but a simulated clock runs: a prefilled token takes
    ``prefill_s`` seconds, a generated one ``decode_s``, a reused one none; completions report it and ``elapsed_s`` adds
    it up. ``calls`` keeps what was asked and answered, in order.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        name: str = "scripted",
        capabilities: Capabilities | None = None,
        prefill_s: float = 0.0,
        decode_s: float = 0.0,
    ) -> None:
        self.calls: list[RecordedCall] = []
        self.elapsed_s = 0.0
        self.closed = False
        self._script = script if callable(script) else list(script)
        self._name = name
        self._capabilities = capabilities or Capabilities(
            context=CONTEXT, schema_support="json_schema", tokenizer=True, timings=True
        )
        self._prefill_s, self._decode_s = prefill_s, decode_s
        self._cached: list[bytes] = []

    @property
    def name(self) -> str:
        """The name given."""
        return self._name

    @property
    def left(self) -> int:
        """Answers not yet given; 0 for a function."""
        return 0 if callable(self._script) else len(self._script)

    async def capabilities(self) -> Capabilities:
        """The capabilities given."""
        return self._capabilities

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """One token for four bytes, rounded up; at least one."""
        return max(1, _tokens(render(prompt)))

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Return the next answer. Raises what is scripted, ContextOverflow, and RunError at the end of the script."""
        sent = render(prompt)
        tokens = max(1, _tokens(sent))
        context = self._capabilities.context
        if tokens >= context:
            raise ContextOverflow(
                f"The prompt has {tokens} tokens and the window {context}. Shorten the prompt.",
                tokens=tokens,
                context=context,
            )
        answer = self._answer(prompt, schema, sampling)
        if isinstance(answer, Exception):
            raise answer
        completion = answer if isinstance(answer, Completion) else self._said(answer, sent, sampling, context - tokens)
        self._cached.append(sent)
        self.calls.append(record(prompt, schema, sampling, completion))
        return completion

    async def aclose(self) -> None:
        """Take note in ``closed``."""
        self.closed = True

    def _answer(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Answer:
        if callable(self._script):
            return self._script(prompt, schema, sampling)
        if not self._script:
            raise RunError(
                f"{self.name} was asked {len(self.calls) + 1} times, more often than its script has answers. "
                "Add answers to the script, or ask less."
            )
        return self._script.pop(0)

    def _said(self, text: str, sent: bytes, sampling: Sampling, room: int) -> Completion:
        for stop in sampling.stop:
            text = text.split(stop, 1)[0]
        raw = text.encode("utf-8", "surrogatepass")
        limit = min(sampling.max_tokens, room)
        cut = _tokens(raw) > limit
        if cut:
            raw = raw[: limit * _BYTES]
            text = raw.decode("utf-8", "ignore")
        reused = max((_common(sent, earlier) for earlier in self._cached), default=0) // _BYTES
        # an engine always prefills at least one token, or it would have nothing to go on from
        reused = min(reused, max(0, _tokens(sent) - 1))
        usage = Usage(prefilled=_tokens(sent) - reused, reused=reused, generated=_tokens(raw))
        first_s = usage.prefilled * self._prefill_s
        duration_s = first_s + usage.generated * self._decode_s
        self.elapsed_s += duration_s
        return Completion(
            text=text,
            finish="length" if cut else "stop",
            usage=usage,
            model=self.name,
            first_token_s=first_s,
            duration_s=duration_s,
        )


def _tokens(data: bytes) -> int:
    return -(-len(data) // _BYTES)


def _common(one: bytes, other: bytes) -> int:
    """Return the length of the longest common beginning, by halving: comparing slices is fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
