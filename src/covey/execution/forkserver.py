"""Tries tens of candidates a second: the host's side of the fork server that runs inside the sandbox.

The payload (``covey_server``) collects the tests once and forks for every candidate. An edit that only changes bodies
of functions that have not run yet is swapped into live functions (mode ``hotswap``); any other one gets a fresh
import of the project (``fresh``); when tests start programs or read the source themselves, the edit is written to the
server's private tree for as long as that one candidate runs (``disk``). What it says is never the final word.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from covey.core.errors import RunError, SandboxError
from covey.core.execution import Environment, ExecResult, ExecSpec, Limits, TestCommand, Tree
from covey.core.patch import Candidate
from covey.core.protocols import Sandbox, SandboxProcess
from covey.core.repair import ProbeReport, Spectrum, TracedTest, ValidationPlan, Verdict
from covey.core.testing import Failure, Outcome, TestResult
from covey.execution.probes import probe_report
from covey.execution.reports import clean, output_of, result_from
from covey.execution.runner import payload_argv, payload_mount, test_environment
from covey.execution.verdicts import regressions_for, verdict_from

FRAMEWORKS = ("pytest", "unittest", "django")
"""Frameworks that the fork server can collect."""

_START_S = 600.0
_GRACE_S = 15.0
_AHEAD = 3
_LIFE_S = 24 * 3600.0


class ForkServerUnavailable(RunError):
    """The tests cannot be collected by a fork server; candidates can still be tried in a process each."""


class _Gone(Exception):
    """The server ended, or says that its tree is damaged; what it has not answered must be asked again."""

    def __init__(self, *, damaged: bool = False) -> None:
        super().__init__()
        self.damaged = damaged


def _edits(candidate: Candidate) -> dict[str, list[list[object]]]:
    edits: dict[str, list[list[object]]] = {}
    for edit in candidate.edits:
        edits.setdefault(edit.path, []).append([edit.start, edit.end, edit.text, edit.encoding])
    return edits


def _job(number: int, candidate: Candidate, plan: ValidationPlan, index: Mapping[str, int]) -> dict[str, Any]:
    """Describe a candidate to the server, as small as it can be."""
    return {
        "op": "try",
        "id": number,
        "edits": _edits(candidate),
        "targets": [index[name] for name in plan.targets],
        "regressions": [index[name] for name in regressions_for(candidate, plan)],
        "seconds": plan.timeout_s,
    }


class ForkServer:
    """One fork server for one tree. An async context manager; implements :class:`covey.core.protocols.Validator`.

    A server that dies is started again, and what was under way is then tried alone: a candidate that ends the server
    all by itself is ``crashed``. A tree that a test damaged is replaced by a clean one. Raises ForkServerUnavailable
    when the tests cannot be collected at all.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        environment: Environment,
        command: TestCommand,
        tree: Tree,
        *,
        workers: int,
        limits: Limits,
        seed: int,
        test_args: Sequence[str] = (),
    ) -> None:
        if command.framework not in FRAMEWORKS:
            raise ForkServerUnavailable(f"A fork server cannot collect tests of the kind {command.framework!r}.")
        self._sandbox = sandbox
        self._command = command
        self._tree = tree
        self._workers = max(1, workers)
        self._limits = limits
        self._environment = environment
        self._seed = seed
        self._args = tuple(test_args)
        self._stack = AsyncExitStack()
        self._process: SandboxProcess | None = None
        self._number = 0
        self._alone = False
        self._names: tuple[str, ...] = ()
        self._busy = asyncio.Lock()
        self.starts = 0
        self.startup_s = 0.0
        self.notes: tuple[str, ...] = ()

    async def __aenter__(self) -> Self:
        """Start the server and wait until the tests are collected."""
        try:
            await self._start()
        except BaseException:  # cancelled too: nobody else will close what was begun
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server and everything in it."""
        await self._close()

    # -- the process

    def _spec(self) -> ExecSpec:
        known = test_environment(self._environment, self._command, self._seed, "covey_forkpytest")
        memory = self._limits.memory_bytes // self._workers
        known |= {"COVEY_FORKSERVER": "1", "COVEY_WORKERS": str(self._workers), "COVEY_MEMORY": str(memory)}
        return ExecSpec(
            argv=(*payload_argv(self._command, fork=True), *self._args),
            tree=self._tree,
            env=known,
            mounts=(*self._environment.mounts, payload_mount()),
            limits=self._limits.model_copy(update={"wall_s": _LIFE_S, "channel_bytes": 64 << 20}),
        )

    async def _start(self) -> None:
        await self._close()
        self.starts += 1
        self._names = ()
        self._process = await self._stack.enter_async_context(self._sandbox.start(self._spec()))
        try:
            while (event := await self._receive(_START_S)).get("e") != "ready":
                pass
        except _Gone:
            result = await self._close()
            said = "" if result is None else "\n".join(output_of(result).splitlines()[-20:])
            raise ForkServerUnavailable(
                f"The fork server ended before the tests were collected. It said:\n{said}", detail=said
            ) from None
        self.startup_s = float(event.get("seconds", 0.0))
        if not event.get("hot"):
            why = clean(str(event.get("why", "")), 500)
            self.notes = (
                f"The tests cannot be collected without an edit ({why}); every candidate is imported afresh.",
            )

    async def _close(self) -> ExecResult | None:
        if self._process is None:
            return None
        process, self._process = self._process, None
        try:
            return await process.stop()
        finally:
            await self._stack.aclose()

    async def _send(self, message: Mapping[str, object]) -> None:
        if self._process is None:
            raise _Gone
        try:
            await self._process.send(json.dumps(message).encode("ascii"))
        except SandboxError:
            raise _Gone from None

    async def _receive(self, timeout_s: float) -> dict[str, Any]:
        """Return the next event. Raises _Gone at the end, at a time-out, and at anything that is not an event."""
        if self._process is None:
            raise _Gone
        try:
            line = await self._process.receive(timeout_s)
            event = None if line is None else json.loads(line)
        except (TimeoutError, ValueError, RecursionError):
            raise _Gone from None
        if not isinstance(event, dict):
            raise _Gone
        if event.get("e") == "damaged":
            raise _Gone(damaged=True)
        return event

    # -- asking

    async def _ask(
        self, tasks: Sequence[Mapping[str, Any]], names: Sequence[str], seconds: float
    ) -> AsyncIterator[tuple[int, dict[str, Any]]]:
        """Have every task answered; yields its position and answer as they come.

        ``seconds`` bounds one task. A server that goes silent for longer than all its work can take is ended.
        """
        waiting = list(range(len(tasks)))
        suspects: set[int] = set()
        while waiting:
            under_way: dict[int, int] = {}
            try:
                if self._process is None:
                    await self._start()
                await self._tell_names(names)
                while waiting or under_way:
                    room = 1 if self._alone or suspects else self._workers * _AHEAD
                    while waiting and len(under_way) < room:
                        position = waiting.pop(0)
                        self._number += 1
                        under_way[self._number] = position
                        await self._send({**tasks[position], "id": self._number})
                    # A candidate may be tried in up to three ways, and those before it in the queue come first.
                    silent_s = 3 * seconds * max(1, len(under_way)) + self.startup_s + _GRACE_S
                    answer = await self._receive(silent_s)
                    done = under_way.pop(answer.get("id", -1), None)
                    if done is not None:
                        suspects.discard(done)
                        yield done, answer
            except _Gone as gone:
                await self._close()
                left = sorted(under_way.values())
                if gone.damaged:
                    self._alone = True
                elif len(left) == 1 and left[0] in suspects:
                    suspects.discard(left[0])
                    yield left[0], {"end": "server"}
                    left = []
                else:
                    suspects.update(left)
                waiting[:0] = left

    async def _tell_names(self, names: Sequence[str]) -> None:
        if self._names != tuple(names):
            await self._send({"op": "names", "ids": list(names)})
            self._names = tuple(names)

    async def validate(self, candidates: Sequence[Candidate], plan: ValidationPlan) -> AsyncGenerator[Verdict, None]:
        """Yield one verdict for each candidate, in order. One call at a time is served."""
        names = _unique(plan.targets, plan.regressions, *(plan.covering or {}).values())
        index = {name: number for number, name in enumerate(names)}
        jobs = [_job(0, candidate, plan, index) for candidate in candidates]
        found: dict[int, Verdict] = {}
        following = 0
        async with self._busy:
            async for position, answer in self._ask(jobs, names, plan.timeout_s):
                found[position] = verdict_from(candidates[position], plan.targets, answer, names)
                while following in found:
                    yield found.pop(following)
                    following += 1

    async def trace(self, tests: Sequence[str], timeout_s: float) -> Spectrum:
        """Run each test in a fork of its own with line coverage, for at most ``timeout_s`` seconds each.

        A test that hangs or ends its process keeps the lines it reached and is ``partial``.
        """
        jobs = [{"op": "trace", "test": name, "seconds": timeout_s} for name in tests]
        traced: dict[int, TracedTest] = {}
        notes = list(self.notes)
        async with self._busy:
            async for position, answer in self._ask(jobs, self._names, timeout_s):
                traced[position] = _traced(tests[position], answer)
                if answer.get("note"):
                    notes.append(f"{tests[position]}: {clean(str(answer['note']), 200)}; lines run there are not seen.")
            at_import = await self._at_import()
        ordered = tuple(traced[position] for position in sorted(traced))
        return Spectrum(tests=ordered, at_import=at_import, notes=tuple(notes))

    async def probe(
        self, candidates: Sequence[Candidate], tests: Sequence[str], *, timeout_s: float, seed: int
    ) -> ProbeReport:
        """Call the functions that ``candidates`` change with the arguments of ``tests``, and with others near them.

        ``timeout_s`` bounds the whole. What ran out of time, cannot be swapped into running code or ends the server is
        left out of the report, and its notes say so.
        """
        job = {
            "op": "probe",
            "candidates": [_edits(candidate) for candidate in candidates],
            "tests": list(tests),
            "seconds": timeout_s,
            "seed": seed,
        }
        answer: dict[str, Any] = {}
        async with self._busy:
            async for _, found in self._ask([job], self._names, timeout_s):
                answer = found
        return probe_report([candidate.id for candidate in candidates], answer)

    async def _at_import(self) -> dict[str, tuple[int, ...]]:
        for _ in range(2):
            try:
                if self._process is None:
                    await self._start()
                await self._send({"op": "at_import"})
                while (event := await self._receive(_START_S)).get("e") != "at_import":
                    pass
                return _lines(event.get("lines"))
            except _Gone:
                await self._close()
        return {}


def _unique(*groups: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name in group))


def _lines(value: object) -> dict[str, tuple[int, ...]]:
    if not isinstance(value, dict):
        return {}
    return {
        path: tuple(line for line in numbers if isinstance(line, int))
        for path, numbers in value.items()
        if isinstance(path, str) and isinstance(numbers, list)
    }


def _traced(name: str, answer: Mapping[str, Any]) -> TracedTest:
    end = answer.get("end")
    result = result_from(answer["result"]) if isinstance(answer.get("result"), dict) else None
    if end != "done" or result is None:
        kind, how = ("Timeout", "did not end within the time limit") if end == "timeout" else ("ProcessEnded", "")
        message = f"The test {how or f'ended its process ({end})'}."
        failure = Failure(type=kind, message=clean(message, 200))
        result = TestResult(id=name, outcome=Outcome.error, failure=failure)
    return TracedTest(result=result, lines=_lines(answer.get("lines")), partial=end != "done")
