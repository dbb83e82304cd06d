"""Fits a ledger into a model's window.

The ledger itself keeps everything; what changes is the view of it that is sent. Compacting costs the engine's cache
from the first changed entry on, so it happens rarely: only when the view no longer fits. What was decided stays
decided, so between two compactions the view only grows.

In this order, the least important entries first and among equals the oldest:

1. *clip* an entry that alone takes more than half of the room: head and tail stay, with a count of what was between;
2. *mask* an old observation: one line says what stood there;
3. *clip* an old entry;
4. *leave out* an old entry;
5. *clip* the newest entries too.

The first three go on until :data:`TARGET` of the room is left filled, the others only until the view fits.
The prefix (with the task) and entries of priority :data:`~covey.models.ledger.PINNED` are never touched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeVar

from covey.core.canonical import Frozen
from covey.core.errors import ContextOverflow
from covey.core.model import ChatMessage
from covey.core.protocols import ModelBackend
from covey.models.ledger import PINNED, Entry, Ledger, render

TARGET = 0.7
"""Share of the room that a compaction leaves filled."""
NEWEST = 4
"""Entries at the end that stay whole as long as anything else can give."""
HEAD, TAIL = 400, 200
"""Characters of a clipped entry that stay."""

ResultT = TypeVar("ResultT")


class _Step(NamedTuple):
    place: int  # of the entry in the ledger
    action: Literal["masked", "clipped", "left_out"]
    text: str
    costly: bool


class Dropped(Frozen):
    """For the log: entry ``index`` of the ledger was shortened from ``before`` to ``after`` characters."""

    index: int
    role: str
    kind: str
    action: Literal["masked", "clipped", "left_out"]
    before: int
    after: int


class Fitted(Frozen):
    """A prompt that fits: its messages, their tokens, and what had to be shortened for it just now."""

    messages: tuple[ChatMessage, ...]
    tokens: int
    dropped: tuple[Dropped, ...] = ()


class ContextManager:
    """Keeps the view of one ledger inside one engine's window."""

    def __init__(self, backend: ModelBackend, ledger: Ledger, *, newest: int = NEWEST) -> None:
        self._backend = backend
        self._ledger = ledger
        self._newest = newest
        self._shorter: dict[int, str] = {}  # by index: what stands there instead; '' for left out

    def fork(self, ledger: Ledger) -> ContextManager:
        """Return a manager for a fork of the ledger that has the same view so far."""
        other = ContextManager(self._backend, ledger, newest=self._newest)
        other._shorter = dict(self._shorter)
        return other

    async def fit(self, answer: int) -> Fitted:
        """Return a prompt that leaves room for ``answer`` tokens: ``max_tokens_for(schema, context // 4)`` is usual.

        Raises ContextOverflow when prefix and pinned entries alone do not fit.
        """
        found = await self._backend.capabilities()
        return await self._fit(found.context - answer, found.context, force=False)

    async def run(
        self, answer: int, call: Callable[[Fitted], Awaitable[ResultT]]
    ) -> tuple[ResultT, tuple[Dropped, ...]]:
        """Fit, then ``call`` with the prompt; return its result and what was dropped for it.

        An engine may count differently: when it raises ContextOverflow the view is compacted once more, below the
        window it names, and ``call`` runs again. The second ContextOverflow passes through.
        """
        fitted = await self.fit(answer)
        try:
            return await call(fitted), fitted.dropped
        except ContextOverflow as error:
            context = (await self._backend.capabilities()).context
            window = min(error.context or context, context)
            over = max(1.0, error.tokens / max(1, fitted.tokens))  # the engine's count against ours
            room = min(int((window - answer) / over), fitted.tokens - 1)
            again = await self._fit(room, window, force=True)
            return await call(again), (*fitted.dropped, *again.dropped)

    async def _fit(self, room: int, context: int, *, force: bool) -> Fitted:
        messages = self._view()
        tokens = await self._backend.count(messages)
        if tokens <= room and not force:
            return Fitted(messages=messages, tokens=tokens)
        dropped: dict[int, Dropped] = {}
        estimate = float(tokens)
        for index, action, text, costly in self._steps(int(room * _size(messages) / max(1, tokens))):
            goal = room if costly else room * TARGET
            if estimate <= goal:
                messages = self._view()
                estimate = tokens = await self._backend.count(messages)
                if tokens <= goal:
                    break
            entry = self._ledger.entries[index]
            share = tokens / max(1, _size(messages))
            estimate -= (len(self._text(index, entry).encode()) - len(text.encode())) * share
            self._shorter[index] = text
            dropped[index] = Dropped(
                index=index, role=entry.role, kind=entry.kind, action=action, before=len(entry.text), after=len(text)
            )
        messages = self._view()
        tokens = await self._backend.count(messages)
        if tokens > room:
            raise ContextOverflow(
                f"What must stay of the prompt has {tokens} tokens, and the window of {context} leaves {max(0, room)}; "
                "use a larger window, or a shorter task and repository map.",
                tokens=tokens,
                context=context,
            )
        return Fitted(messages=messages, tokens=tokens, dropped=tuple(dropped.values()))

    def _view(self) -> tuple[ChatMessage, ...]:
        if not self._shorter:
            return self._ledger.messages()
        shown = [
            entry if index not in self._shorter else entry.model_copy(update={"text": self._shorter[index]})
            for index, entry in enumerate(self._ledger.entries)
            if self._shorter.get(index) != ""
        ]
        return render(self._ledger.prefix, shown)

    def _text(self, index: int, entry: Entry) -> str:
        return self._shorter.get(index, entry.text)

    def _steps(self, room: int) -> Iterator[_Step]:
        """Yield what can still be shortened, in order; each step really makes an entry shorter. ``room``: bytes."""
        entries = self._ledger.entries
        free = [index for index, entry in enumerate(entries) if entry.priority < PINNED]
        by_priority = sorted(free, key=lambda index: (entries[index].priority, index))
        for index in by_priority:
            if len(text := self._text(index, entries[index])) > max(room // 2, HEAD + TAIL):
                yield _Step(index, "clipped", clip(text, max(HEAD, room // 8), max(TAIL, room // 16)), costly=False)
        fresh = set(range(len(entries) - self._newest, len(entries)))
        old = [index for index in by_priority if index not in fresh]
        for index in old:
            note = _mask(entries[index])
            if entries[index].kind == "observation" and len(note) < len(self._text(index, entries[index])):
                yield _Step(index, "masked", note, costly=False)
        yield from self._clips(old, entries, costly=False)
        for index in old:
            if self._text(index, entries[index]):
                yield _Step(index, "left_out", "", costly=True)
        yield from self._clips([index for index in by_priority if index in fresh], entries, costly=True)

    def _clips(self, indexes: Sequence[int], entries: Sequence[Entry], *, costly: bool) -> Iterator[_Step]:
        for index in indexes:
            if index not in self._shorter and len(clipped := clip(entries[index].text)) < len(entries[index].text):
                yield _Step(index, "clipped", clipped, costly)


def clip(text: str, head: int = HEAD, tail: int = TAIL) -> str:
    """Return the beginning and the end of ``text`` with a count of what was left out between them."""
    left = len(text) - head - tail
    if left <= 0:
        return text
    return f"{text[:head]}\n[{left} characters left out]\n{text[-tail:]}"


def _mask(entry: Entry) -> str:
    lines = entry.text.count("\n") + 1
    first = entry.text.strip().split("\n", 1)[0][:80]
    return f"[observation of {entry.role} left out: {lines} lines, {len(entry.text)} characters; it began: {first}]"


def _size(messages: Sequence[ChatMessage]) -> int:
    return sum(len(message.content.encode()) for message in messages)
