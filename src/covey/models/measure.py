"""Measures a user's own engine, through whatever back end: nothing that it claims is believed.

Everything is bounded in time; what fails is a finding of the report, never an exception. The probes send prompts that
no engine has seen before, so that no cache flatters the figures.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from covey.core.budget import Deadline
from covey.core.errors import AnswerInvalid, CoveyError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.progress import Observer, Progress, nobody
from covey.core.protocols import ModelBackend
from covey.models.measure_report import (
    Answers,
    ColdStart,
    EngineReport,
    Parallel,
    Prefix,
    Probed,
    Speed,
    ToolCalls,
    Window,
)
from covey.models.measure_window import WindowProbe
from covey.models.schema import Bounded
from covey.models.structured import ask
from covey.models.toolcalls import ToolCaller

PROMPT_TOKENS = 1500
"""Size of the prompt that speed is measured with; at most a quarter of the window."""
DECODED = 32
LONGEST_TOKEN = 8
"""Characters of source code that a token holds at most, on average."""
NOTICEABLE_S = 0.05
"""Differences in time below this say nothing about an engine."""
ASKED = 5
"""Bounded answers asked for, of each kind."""
TOOLS = 3
"""Tool calls asked for."""

ProbedT = TypeVar("ProbedT", bound=Probed)


class Finding(Bounded):
    """A bounded answer with one of each kind of field that roles ask for."""

    severity: Literal["low", "medium", "high"]
    line: Annotated[int, Field(ge=1, le=999)]
    reason: Annotated[str, Field(max_length=24)]
    tags: Annotated[tuple[Literal["bug", "style", "test"], ...], Field(max_length=2)]


class Action(Bounded):
    """What a small model should do next; asked for instead of a tool call, which fewer engines get right."""

    action: Literal["read", "search", "edit", "stop"]
    path: Literal["parcels/rates.py", "parcels/zones.py", "tests/test_rates.py"]


async def measure(
    backend: ModelBackend,
    *,
    budget_s: float = 60.0,
    start_s: float = 300.0,
    longest: int = 65_536,
    observer: Observer = nobody,
    clock: Callable[[], float] = time.monotonic,
    salt: str = "",
) -> EngineReport:
    """Find out what ``backend`` does, in about ``budget_s`` seconds once it runs; the back end stays open.

    Starting, which reads the whole model from disk, may take ``start_s`` more. Cheap and important things come first;
    the window takes what time is left, since reading long prompts is slow. No prompt is longer than about ``longest``
    tokens, since hosted engines are paid by the token. ``salt`` makes the prompts new to the engine; it is drawn at
    random when not given.
    """
    probes = _Probes(backend, Deadline(start_s, clock=clock), clock, salt or secrets.token_hex(4), observer)
    return await probes.run(budget_s, longest)


class _Probes:
    def __init__(
        self, backend: ModelBackend, deadline: Deadline, clock: Callable[[], float], salt: str, observer: Observer
    ) -> None:
        self._backend = backend
        self._deadline = deadline
        self._begun = clock()
        self._clock = clock
        self._salt = salt
        self._observer = observer

    async def run(self, budget_s: float, longest: int) -> EngineReport:
        cold, claimed = await self._start()
        self._deadline = Deadline(budget_s, clock=self._clock)
        report = EngineReport(model=self._backend.name, claimed=claimed, cold_start=cold)
        if claimed is None or cold.state == "failed":
            return report.model_copy(update={"error": cold.explanation, "seconds": self._seconds})
        speed, prefix = await self._speed(claimed)
        answers = await self._guarded("schema", 0.35, Answers, lambda: self._answers(claimed, Finding, _finding))
        actions = await self._guarded("actions", 0.35, Answers, lambda: self._answers(claimed, Action, _action))
        tools = await self._tools()
        parallel = await self._guarded("parallel", 0.3, Parallel, lambda: self._parallel(claimed))
        window = await self._guarded("window", 1.0, Window, lambda: self._window(claimed, speed, prefix, longest))
        return report.model_copy(
            update={
                "speed": speed,
                "prefix": prefix,
                "schema_answers": answers,
                "actions": actions,
                "tool_calls": tools,
                "parallel": parallel,
                "window": window,
                "seconds": self._seconds,
            }
        )

    @property
    def _seconds(self) -> float:
        return round(self._clock() - self._begun, 3)

    async def _guarded(
        self, name: str, share: float, kind: type[ProbedT], probe: Callable[[], Awaitable[ProbedT]]
    ) -> ProbedT:
        """Run a probe within its ``share`` of the time left; what goes wrong becomes its explanation."""
        seconds = self._deadline.left * share
        if seconds <= 0:
            return kind()
        self._observer(Progress(stage="measure", message=name))
        try:
            async with asyncio.timeout(seconds):
                return await probe()
        except TimeoutError:
            return kind(state="failed", explanation=f"No result came within {seconds:.0f} s.")
        except Exception as error:  # noqa: BLE001 - a back end of any kind: whatever it does is a finding
            return kind(state="failed", explanation=_sentence(error))

    async def _start(self) -> tuple[ColdStart, Capabilities | None]:
        claimed: Capabilities | None = None

        async def probe() -> ColdStart:
            nonlocal claimed
            started = self._clock()
            claimed = await self._backend.capabilities()
            ready = self._clock() - started
            await self._backend.complete(self._prompt("Say hello.", "start"), None, Sampling(max_tokens=1))
            first = self._clock() - started - ready
            text = f"Ready after {ready:.1f} s, first answer {first:.1f} s later."
            return ColdStart(state="ok", explanation=text, ready_s=round(ready, 3), first_answer_s=round(first, 3))

        return await self._guarded("start", 1.0, ColdStart, probe), claimed

    def _prompt(self, text: str, use: str) -> tuple[ChatMessage, ...]:
        """A prompt that begins like no other one."""
        return (ChatMessage(role="user", content=f"[{self._salt} {use}] {text}"),)

    async def _filled(self, use: str, tokens: int) -> tuple[ChatMessage, ...]:
        """A prompt of about ``tokens`` tokens by the back end's own count."""
        line = "def handled(parcel): return parcel.weight > 20 and parcel.zone in ZONES\n"
        few = await self._backend.count(self._prompt(line * 4, use))
        more = await self._backend.count(self._prompt(line * 8, use))
        per_line = max(len(line) / LONGEST_TOKEN, (more - few) / 4)  # a count may be far too low before it is learned
        lines = max(1, 4 + round((tokens - few) / per_line))
        return self._prompt(line * lines + "\nWhat does this code do?", use)

    async def _speed(self, claimed: Capabilities) -> tuple[Speed, Prefix]:
        """One long prompt twice: the first time shows how fast it is read, the second what is reused of it."""
        prefix = Prefix()

        async def probe() -> Speed:
            nonlocal prefix
            prompt = await self._filled("speed", min(PROMPT_TOKENS, claimed.context // 4))
            once = await self._timed(prompt, 1)
            again = await self._timed(prompt, DECODED)
            total = once.usage.prefilled + once.usage.reused or await self._backend.count(prompt)
            prefix = _prefix(once, again, total, counted=claimed.timings)
            return _speed(once, again, total, reused=prefix.reused)

        speed = await self._guarded("speed", 0.4, Speed, probe)
        if speed.state == "failed":
            prefix = Prefix(state="failed", explanation=speed.explanation)
        return speed, prefix

    async def _timed(self, prompt: Sequence[ChatMessage], tokens: int) -> Completion:
        """Complete, with the clock's reading where the back end gives no times."""
        started = self._clock()
        done = await self._backend.complete(prompt, None, Sampling(max_tokens=tokens))
        spent = self._clock() - started
        return done.model_copy(update={"duration_s": done.duration_s or spent})

    async def _answers(
        self,
        claimed: Capabilities,
        kind: type[Bounded],
        question: Callable[[int], tuple[str, Callable[[Bounded], bool]]],
    ) -> Answers:
        enforced = claimed.schema_support in ("grammar", "json_schema")
        valid, obeyed = await self._count_valid(self._backend, kind, question)
        shown = -1
        if enforced and valid < ASKED:
            shown, obeyed = await self._count_valid(_Unenforced(self._backend), kind, question)
        text = (
            f"{valid} of {ASKED} bounded answers were valid at the first try, {obeyed} of {ASKED} were the right ones."
        )
        state: Literal["ok", "reduced", "failed"] = "ok" if valid == ASKED else "reduced"
        if shown >= 0:
            text += f" The engine says that it holds schemas, and does not; shown in the prompt, {shown} were valid."
        elif not enforced:
            text += " The engine holds no schema itself, so answers are checked and asked for again."
            state = "reduced"
        if max(valid, shown) == 0:
            state = "failed"
        return Answers(state=state, explanation=text, asked=ASKED, valid=valid, obeyed=obeyed, shown=shown)

    async def _count_valid(
        self,
        backend: ModelBackend,
        kind: type[Bounded],
        question: Callable[[int], tuple[str, Callable[[Bounded], bool]]],
    ) -> tuple[int, int]:
        valid = obeyed = 0
        for number in range(ASKED):
            text, right = question(number)
            sampling = Sampling(temperature=0.7, seed=number)
            try:
                answer = await ask(backend, self._prompt(text, f"{number}"), kind, sampling=sampling, repairs=0)
            except AnswerInvalid:
                continue
            valid += 1
            obeyed += right(answer.value)
        return valid, obeyed

    async def _tools(self) -> ToolCalls:
        if not isinstance(self._backend, ToolCaller):
            return ToolCalls(explanation="Not measured: this engine is asked for schemas only.")
        caller: ToolCaller = self._backend

        async def probe() -> ToolCalls:
            seen = [
                (
                    await caller.call_tool(
                        f"[{self._salt} tool {number}] Show parcels/rates.py from line {number + 3} on."
                    )
                )
                for number in range(TOOLS)
            ]
            called = sum(one.kind == "called" for one in seen)
            as_text = sum(one.kind == "text" for one in seen)
            text = f"{called} of {TOOLS} tool calls came as calls with the right arguments"
            text += f", {as_text} as text." if as_text else "."
            text += " Covey asks for schemas instead, so this matters to other programs."
            state: Literal["ok", "reduced"] = "ok" if called == TOOLS else "reduced"
            return ToolCalls(state=state, explanation=text, asked=TOOLS, called=called, as_text=as_text)

        return await self._guarded("tool calls", 0.2, ToolCalls, probe)

    async def _parallel(self, claimed: Capabilities) -> Parallel:
        tokens = min(400, claimed.context // 4)
        prompts = [await self._filled(f"parallel {number}", tokens) for number in range(4)]
        started = self._clock()
        for prompt in prompts[:2]:
            await self._backend.complete(prompt, None, Sampling(max_tokens=DECODED))
        serial = self._clock() - started
        started = self._clock()
        await asyncio.gather(
            *(self._backend.complete(prompt, None, Sampling(max_tokens=DECODED)) for prompt in prompts[2:])
        )
        together = self._clock() - started
        if serial < 2 * NOTICEABLE_S:
            return Parallel(claimed=claimed.parallel, explanation="The engine is too fast to tell by the clock.")
        gain = serial / together if together > 0 else 1.0
        helps = gain >= 1.2
        text = f"Two requests at once took {together:.2f} s, one after the other {serial:.2f} s."
        if claimed.parallel > 1 and not helps:
            text += f" {claimed.parallel} slots are claimed, but they do not help on this machine."
        return Parallel(
            state="ok" if helps or claimed.parallel == 1 else "reduced",
            explanation=text,
            claimed=claimed.parallel,
            serial_s=round(serial, 3),
            together_s=round(together, 3),
            gain=round(gain, 2),
        )

    async def _window(self, claimed: Capabilities, speed: Speed, prefix: Prefix, longest: int) -> Window:
        probe = WindowProbe(
            self._backend,
            claimed.context,
            self._deadline,
            self._salt,
            per_s=speed.prefill_per_s,
            reuses=prefix.reused * 2 >= prefix.of > 0,
            longest=longest,
        )
        return await probe.run()


class _Unenforced:
    """The same engine, asked as if it did not know schemas."""

    def __init__(self, backend: ModelBackend) -> None:
        self._backend = backend

    @property
    def name(self) -> str:
        return self._backend.name

    async def capabilities(self) -> Capabilities:
        return (await self._backend.capabilities()).model_copy(update={"schema_support": "none"})

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:  # noqa: ARG002 - that is the point
        return await self._backend.complete(prompt, None, sampling)

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        return await self._backend.count(prompt)

    async def aclose(self) -> None:
        await self._backend.aclose()


def _speed(once: Completion, again: Completion, total: int, *, reused: int) -> Speed:
    first = once.first_token_s or once.duration_s
    prefill = max(1, total - once.usage.reused) / max(first, 1e-6)
    waited = again.first_token_s or (total - reused) / prefill
    written = max(again.usage.generated, 1)
    early = written < DECODED // 4
    decode = written / max(again.duration_s, 1e-6) if early else (written - 1) / max(again.duration_s - waited, 1e-6)
    text = f"A prompt of {total} tokens is read in {first:.2f} s; then {decode:.1f} tokens are written each second."
    if early:
        text += f" The model stopped early ({written} of {DECODED} tokens): it may write faster than this."
    return Speed(
        state="reduced" if early else "ok",
        explanation=text,
        prefill_per_s=round(prefill, 1),
        decode_per_s=round(decode, 2),
        first_token_s=round(first, 3),
        prompt_tokens=total,
    )


def _prefix(once: Completion, again: Completion, total: int, *, counted: bool) -> Prefix:
    if counted:
        reused, estimated = again.usage.reused, False
        text = f"Of a prompt of {total} tokens sent again, {reused} were not read again, by the engine's own count."
    elif 0 < once.first_token_s < NOTICEABLE_S:
        return Prefix(
            explanation="The engine does not say what it reuses, and is too fast to tell by the clock.", of=total
        )
    elif once.first_token_s and again.first_token_s:
        part = max(0.0, 1.0 - again.first_token_s / once.first_token_s)
        reused, estimated = round(total * part), True
        text = (
            f"The first token of a prompt sent again came after {again.first_token_s:.2f} s instead of "
            f"{once.first_token_s:.2f} s, so about {reused} of {total} tokens were not read again. The engine itself "
            "does not say."
        )
    else:
        return Prefix(explanation="The engine says neither what it reuses nor when its first token came.", of=total)
    good = reused * 2 >= total
    return Prefix(state="ok" if good else "reduced", explanation=text, reused=reused, of=total, estimated=estimated)


def _finding(number: int) -> tuple[str, Callable[[Bounded], bool]]:
    line = 7 + 31 * number
    text = f"In line {line} of rates.py the bound is compared with < instead of <=. Report it with high severity."
    return text, lambda answer: isinstance(answer, Finding) and answer.line == line and answer.severity == "high"


def _action(number: int) -> tuple[str, Callable[[Bounded], bool]]:
    action = ("read", "search", "edit", "read", "edit")[number % 5]
    path = ("parcels/rates.py", "parcels/zones.py", "tests/test_rates.py")[number % 3]
    text = f"Choose the next action. The next thing to do is to {action} the file {path}."
    return text, lambda answer: isinstance(answer, Action) and (answer.action, answer.path) == (action, path)


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, CoveyError) else f"{type(error).__name__}: {error}"
