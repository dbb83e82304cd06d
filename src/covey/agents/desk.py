"""Where roles ask a model: one ledger that all of them share, one budget, and a record of every call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from covey.agents.preprocessor import clean
from covey.core.canonical import Frozen, Volatile
from covey.core.errors import AgentFeedback, ContextOverflow, EngineError, UnusableModel
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.protocols import ModelBackend
from covey.core.redact import redact
from covey.core.run import Usage
from covey.models.calls import RecordedCall, record
from covey.models.context import ContextManager, Dropped, Fitted
from covey.models.ledger import Entry, Ledger, Prefix
from covey.models.prompts import render
from covey.models.schema import BoundedT, max_tokens_for, schema_of
from covey.models.sourcepolicy import Provenance
from covey.models.structured import Answered, ask

PROMPTS = "covey.agents.prompts"
ANSWER_SHARE = 3
"""At least one part in so many of a window is kept free for the answer, however long the answer could be."""
DRAFT_SHARE = 0.95
"""Share of the time left that drafts may take, so that those which are done are not lost with those which are not."""
ASK_SHARE = 0.5
"""Share of the time left that one question may take: one that rambles must not cost those that come after it."""
_LATE = "The run's time was up before the model had answered."

T = TypeVar("T")
Trouble = (AgentFeedback, EngineError, UnusableModel)
"""What a model can do wrong; none of it costs the run."""


class Engines(Protocol):
    """Lends the model that a role asks."""

    def use(self, role: str) -> AbstractAsyncContextManager[ModelBackend]:
        """Lend the role's model for one block. Raises EngineError, UnusableModel."""
        ...

    def drain_provenance(self) -> tuple[Provenance, ...]:
        """Return where the answers since the last time came from, as far as hosted models say."""
        ...


class LoggedCall(Frozen):
    """One call for the log: of the prompt only what differs from that of the call before it.

    The prompt was the first ``kept`` messages of the earlier one, then ``messages``.
    """

    role: str
    kept: int
    messages: tuple[ChatMessage, ...]
    schema_sha256: str
    sampling: Sampling
    completion: Completion


class Minutes(Frozen):
    """What one step added to the desk: enough to sit down again where the step ended."""

    prefix: Prefix | None = None
    entries: tuple[Entry, ...] = ()
    calls: tuple[LoggedCall, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    provenance: Volatile[tuple[Provenance, ...]] = ()

    @property
    def usage(self) -> Usage:
        """Tokens of all calls."""
        return sum((call.completion.usage for call in self.calls), Usage())


def recorded_calls(minutes: Sequence[Minutes]) -> tuple[RecordedCall, ...]:
    """Write out the calls of a whole run, prompts in full, for a back end that says them again."""
    prompt: tuple[ChatMessage, ...] = ()
    found = []
    for call in (call for part in minutes for call in part.calls):
        prompt = (*prompt[: call.kept], *call.messages)
        found.append(
            RecordedCall(
                role=call.role,
                prompt=prompt,
                schema_sha256=call.schema_sha256,
                sampling=call.sampling,
                completion=call.completion,
            )
        )
    return tuple(found)


class _Recording:
    """A back end that keeps every call made through it."""

    def __init__(self, backend: ModelBackend, role: str, calls: list[RecordedCall]) -> None:
        self._backend = backend
        self._role = role
        self._calls = calls

    @property
    def name(self) -> str:
        return self._backend.name

    async def capabilities(self) -> Capabilities:
        return await self._backend.capabilities()

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        completion = await self._backend.complete(prompt, schema, sampling)
        self._calls.append(record(prompt, schema, sampling, completion, role=self._role))
        return completion

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        return await self._backend.count(prompt)

    async def aclose(self) -> None:
        """The engine belongs to whoever lent it."""


@dataclass
class Question:
    """What a role asks: its note for the ledger, the shape of the answer, and a check that a schema cannot express.

    ``number`` is that of the first draft; number 0 is sampled at temperature 0, each other one with a seed of its own.
    """

    note: str
    answer: type[Any]
    schema: Schema | None = None
    check: Callable[[Any], None] | None = None
    number: int = 0


@dataclass
class ModelDesk:
    """One run's desk. ``tokens``: what models may prefill and generate in the run. ``left``: seconds left to it.

    ``statement`` is the user's problem. ``seed`` and ``temperature`` are for drafts; single answers are sampled at 0.
    ``asked_s`` is the time spent asking, in seconds. ``notes`` say where a floor had to take over.

    Every method that asks raises AgentFeedback, EngineError or UnusableModel when no answer can be had.
    """

    engines: Engines
    statement: str
    tokens: int
    left: Callable[[], float]
    seed: int = 0
    temperature: float = 0.6
    spent: Usage = field(default_factory=Usage)
    asked_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    _ledger: Ledger | None = None
    _written: int = 0
    _calls: list[RecordedCall] = field(default_factory=list)
    _dropped: list[Dropped] = field(default_factory=list)
    _begun: bool = False
    _last: tuple[ChatMessage, ...] = ()
    _contexts: dict[str, tuple[ModelBackend, ContextManager]] = field(default_factory=dict)

    async def capabilities(self, role: str) -> Capabilities:
        """What the role's engine can do."""
        with self._asking():
            async with self.engines.use(role) as backend:
                return await self._in_time(backend.capabilities(), self.left())

    async def ask(self, role: str, question: Question) -> Any:  # noqa: ANN401 - an instance of ``question.answer``
        """Ask one question; it and the answer stay in the ledger for all roles to read."""
        values = await self._answers(role, question, 1, self.left() * ASK_SHARE)
        return values[0]

    async def drafts(self, role: str, question: Question, count: int) -> list[Any]:
        """Ask one question ``count`` times, each time sampled on its own; the first answer stays in the ledger.

        Draft number 0 is sampled at temperature 0. Drafts that fail are left out; when all fail, the first failure
        is raised.
        """
        return await self._answers(role, question, count, self.left())

    async def _answers(self, role: str, question: Question, count: int, seconds: float) -> list[Any]:
        """Ask a question ``count`` times within ``seconds``."""
        if self.spent.prefilled + self.spent.generated >= self.tokens:
            raise AgentFeedback(f"The run's {self.tokens} model tokens are spent; raise COVEY_TOKENS for more.")
        if seconds <= 0:  # before an engine is started for nothing
            raise AgentFeedback(_LATE)
        ledger = self._open_ledger()
        ledger.note(role, redact(question.note))
        with self._asking():
            async with self.engines.use(role) as backend:
                sampled = self._sample(backend, role, question, count, seconds * DRAFT_SHARE)
                answers = await self._in_time(sampled, seconds)
        good = [answer for answer in answers if isinstance(answer, Answered)]
        if not good:
            raise next(answer for answer in answers if isinstance(answer, Exception))
        ledger.answered(role, good[0])
        return [answer.value for answer in good]

    def observe(self, role: str, text: str) -> None:
        """Add to the ledger what a tool or a test said."""
        self._open_ledger().observe(role, redact(text))

    def fell_back(self, role: str, why: str) -> None:
        """Take note that ``role``'s floor filled its slot."""
        note = f"The model did not fill the slot of the {role}: {why}"
        if note not in self.notes:
            self.notes.append(note)

    def drain(self) -> Minutes:
        """Return what was added since the last time, for the log."""
        ledger = self._ledger
        entries = ledger.entries[self._written :] if ledger else ()
        prefix = ledger.prefix if ledger and not self._begun else None
        calls = tuple(self._logged(call) for call in self._calls)
        minutes = Minutes(
            prefix=prefix,
            entries=entries,
            calls=calls,
            dropped=tuple(self._dropped),
            provenance=self.engines.drain_provenance(),
        )
        self._calls, self._dropped = [], []
        self._written += len(entries)
        self._begun = ledger is not None
        return minutes

    def restore(self, minutes: Minutes) -> None:
        """Take over what a recorded step added, as if it had been asked here."""
        if minutes.prefix is not None:
            self._ledger = Ledger(minutes.prefix)
        if self._ledger is not None:
            self._ledger.extend(minutes.entries)
            self._written += len(minutes.entries)
            self._begun = True
        for call in minutes.calls:
            self._last = (*self._last[: call.kept], *call.messages)
        self.spent += minutes.usage
        self.asked_s += sum(call.completion.duration_s for call in minutes.calls)

    async def _sample(
        self, backend: ModelBackend, role: str, question: Question, count: int, seconds: float
    ) -> list[Answered[Any] | Exception]:
        found = await backend.capabilities()
        schema = question.schema or schema_of(question.answer)
        room = min(max_tokens_for(schema, found.context), found.context // ANSWER_SHARE)
        calls: list[list[RecordedCall]] = [[] for _ in range(count)]
        gate = asyncio.Semaphore(found.parallel)
        now = asyncio.get_running_loop().time()

        async def one(index: int, fitted: Fitted) -> Answered[Any]:
            number = question.number + index
            sampling = Sampling(temperature=self.temperature if number else 0.0, seed=self.seed + number)
            recording = _Recording(backend, role, calls[index])
            alone = index == 0 and count > 1  # the others wait for it, and must not wait in vain
            async with asyncio.timeout_at(now + seconds * (ASK_SHARE if alone else 1)), gate:
                return await ask(
                    recording,
                    fitted.messages,
                    question.answer,
                    sampling=sampling,
                    schema=question.schema,
                    check=question.check,
                )

        async def all_of(fitted: Fitted) -> list[Answered[Any] | Exception]:
            first = await _caught(one(0, fitted))  # alone: the others find its prompt in the engine's cache
            if isinstance(first, ContextOverflow):
                raise first  # to be compacted and asked again
            rest = await asyncio.gather(*(_caught(one(index, fitted)) for index in range(1, count)))
            return [first, *rest]

        try:
            answers, dropped = await self._context(backend).run(room, all_of)
            self._dropped += dropped
            return answers
        finally:
            made = [call for draft in calls for call in draft]
            self._calls += made
            self.spent += sum((call.completion.usage for call in made), Usage())

    def _context(self, backend: ModelBackend) -> ContextManager:
        known = self._contexts.get(backend.name)
        if known is None or known[0] is not backend:
            known = (backend, ContextManager(backend, self._open_ledger()))
            self._contexts[backend.name] = known
        return known[1]

    def _open_ledger(self) -> Ledger:
        if self._ledger is None:
            task = render(PROMPTS, "task.jinja", statement=clean(redact(self.statement)))
            self._ledger = Ledger(Prefix(charter=render(PROMPTS, "charter.jinja"), task=task))
        return self._ledger

    def _logged(self, call: RecordedCall) -> LoggedCall:
        pairs = zip(self._last, call.prompt, strict=False)
        differ = (at for at, (old, new) in enumerate(pairs) if old is not new and old != new)
        kept = next(differ, min(len(self._last), len(call.prompt)))
        self._last = call.prompt
        return LoggedCall(
            role=call.role,
            kept=kept,
            messages=call.prompt[kept:],
            schema_sha256=call.schema_sha256,
            sampling=call.sampling,
            completion=call.completion,
        )

    @contextmanager
    def _asking(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.asked_s += time.monotonic() - started

    async def _in_time(self, work: Awaitable[T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise AgentFeedback(_LATE) from None


async def _caught(work: Awaitable[Answered[BoundedT]]) -> Answered[BoundedT] | Exception:
    """One draft's trouble is not the others'."""
    try:
        return await work
    except TimeoutError:
        return AgentFeedback(_LATE)
    except Trouble as error:
        return error
