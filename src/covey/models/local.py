"""A model engine on this machine: started when first needed, watched, brought back when it fails."""

from __future__ import annotations

import asyncio
import functools
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, Self, TypeVar

from pydantic import Field

from covey.core.canonical import Frozen
from covey.core.errors import EngineError, EngineOutOfMemory, UnusableModel
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.models.http import HttpClient
from covey.models.httperrors import HttpFailure, HttpLimits, Unreachable
from covey.models.llamaclient import LlamaClient, SchemaIgnored
from covey.models.probe import check_size
from covey.models.process import EngineProcess
from covey.models.spec import EngineSpec

T = TypeVar("T")


class Supervision(Frozen):
    """How patient a supervisor is.

    ``tries``: how often a request is asked in all, with a new engine each time; ``backoff_s``: wait before the second
    try, doubled from then on; ``load_s``: seconds that a model may take to load; ``min_context``: no smaller window is
    tried when memory is short; ``http``: limits of one exchange, where ``first_s`` and ``silence_s`` tell a hang.
    """

    tries: int = Field(3, ge=1)
    backoff_s: float = Field(0.5, ge=0)
    load_s: float = Field(600.0, gt=0)
    min_context: int = Field(2048, ge=64)
    http: HttpLimits = HttpLimits(first_s=600.0, silence_s=300.0)


class Launcher(Protocol):
    """Starts the program of one kind of engine."""

    async def __call__(self, spec: EngineSpec, key: str, load_s: float) -> tuple[EngineProcess, str]:
        """Start it and return it with its base URL, as soon as that is known. Nothing is left running on an error."""
        ...


class _Running(NamedTuple):
    process: EngineProcess
    client: LlamaClient


class LocalBackend:
    """A :class:`~covey.core.protocols.ModelBackend` over an engine that this process starts and ends.

    A crash, a hang or garbage ends the engine; a new one is started, with exponential back-off, and the request asked
    again from the start, so a partial answer never gets out. Short memory at load means half the context, down to a
    floor. ``on_event`` is told about both. As many requests run at once as there are slots; others wait.
    """

    def __init__(
        self,
        spec: EngineSpec,
        launch: Launcher,
        *,
        on_event: Callable[[str], None],
        supervision: Supervision | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._spec = spec
        self._launch = launch
        self._on_event = on_event
        self._supervision = supervision or Supervision()
        self._sleep = sleep
        self._lock = asyncio.Lock()
        self._slots = asyncio.Semaphore(spec.parallel)
        self._running: _Running | None = None
        self._capabilities: Capabilities | None = None
        self._last_log = ""
        self._closed = False

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._spec.name

    @property
    def spec(self) -> EngineSpec:
        """How the engine is started; its context is smaller than asked for where memory was short."""
        return self._spec

    @property
    def pid(self) -> int | None:
        """Process id of the running engine."""
        return self._running.process.pid if self._running else None

    def rss_bytes(self) -> int:
        """Memory that the running engine has in RAM now; 0 when none runs."""
        return self._running.process.rss_bytes() if self._running else 0

    def engine_log(self) -> str:
        """Return the log of the running engine, or of the last one."""
        return self._running.process.log() if self._running else self._last_log

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the engine and wait until it is gone. May be called twice; whoever still waits gets an EngineError."""
        self._closed = True
        async with self._lock:
            if self._running:
                await self._end(self._running)

    async def start(self) -> None:
        """Start the engine now instead of with the first request. Raises as :meth:`capabilities` does."""
        await self._asked(lambda client: client.health())

    async def capabilities(self) -> Capabilities:
        """Start the engine if need be and ask it. Raises EngineError, UnusableModel."""
        await self.start()
        assert self._capabilities is not None
        return self._capabilities

    async def complete(
        self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling, *, id_slot: int | None = None
    ) -> Completion:
        """Answer ``prompt`` wholly or not at all.

        ``id_slot`` pins the request to a slot; without it the engine takes the one whose content has most in common
        with the prompt. Raises ContextOverflow, EngineError, UnusableModel.
        """
        check_size(prompt, self._spec.context)
        async with self._slots:
            return await self._asked(lambda client: client.complete(prompt, schema, sampling, id_slot=id_slot))

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Tokens of ``prompt`` with its chat template, by the engine's own tokenizer."""
        return await self._asked(lambda client: client.count(prompt))

    async def save_slot(self, name: str, *, id_slot: int = 0) -> int:
        """Save the state of a slot under ``name`` in ``spec.slots_folder``; return its number of tokens."""
        _check_slot_name(name, self._spec)
        return await self._asked(lambda client: client.save_slot(id_slot, name))

    async def restore_slot(self, name: str, *, id_slot: int = 0) -> int:
        """Bring a saved state back, also from another process; return its tokens, 0 when the engine refuses it."""
        _check_slot_name(name, self._spec)
        return await self._asked(lambda client: client.restore_slot(id_slot, name))

    async def erase_slots(self) -> None:
        """Forget the state of all slots."""
        for slot in range(self._spec.parallel):
            await self._asked(functools.partial(LlamaClient.erase_slot, slot=slot))

    async def _asked(self, work: Callable[[LlamaClient], Awaitable[T]]) -> T:
        """Do ``work`` with a running engine, and again with a new one when that one fails."""
        attempt = 0
        while True:
            attempt += 1
            running: _Running | None = None
            try:
                running = await self._started()
                return await work(running.client)
            except (EngineError, Unreachable) as error:
                if self._closed or not _is_fault(error):
                    raise
                failure = await self._failed(running, error)
            if attempt >= self._supervision.tries:
                raise failure
            self._on_event(f"{self.name}: {failure} It is started again.")
            await self._sleep(self._supervision.backoff_s * 2 ** (attempt - 1))

    async def _started(self) -> _Running:
        async with self._lock:
            if self._closed:
                raise EngineError(f"The engine of {self.name} has been closed. Open it again.")
            if self._running and not self._running.process.running:
                self._on_event(f"{self.name}: {self._running.process.failure(loading=False)} It is started again.")
                await self._end(self._running)
            if self._running is None:
                self._running = await self._load()
            return self._running

    async def _load(self) -> _Running:
        """Start the engine, with half the context each time that memory is short."""
        for path in filter(None, (self._spec.path, self._spec.mmproj)):
            if not Path(path).is_file():
                raise UnusableModel(f"There is no model file {path}. Check its path, or pull the model first.")
        while True:
            try:
                return await self._launched()
            except EngineOutOfMemory as error:
                context = max(self._spec.context // 2, self._supervision.min_context)
                if context >= self._spec.context:
                    raise
                self._on_event(f"{self.name}: {error} Now tried with {context} tokens instead of {self._spec.context}.")
                self._spec = self._spec.model_copy(update={"context": context})

    async def _launched(self) -> _Running:
        # Engines show the end of their key in their log, so the end is no part of the secret.
        key = f"{secrets.token_urlsafe(32)}-key"
        seconds = self._supervision.load_s
        process, url = await self._launch(self._spec, key, seconds)
        client = LlamaClient(HttpClient(url, key, limits=self._supervision.http))
        running = _Running(process, client)
        try:
            await process.unless_it_ends(_healthy(client), seconds)
            # Asked now, because the question would take a slot from somebody's prompt later.
            self._capabilities = await client.capabilities()
        except BaseException:
            await self._end(running)
            raise
        return running

    async def _failed(self, running: _Running | None, error: EngineError | Unreachable) -> EngineError:
        """End an engine that failed, unless somebody else has; return the error to report."""
        if running is not None:
            async with self._lock:
                if self._running is running:
                    # A program's sockets close after its memory is given back, just before it is gone.
                    if await running.process.ended_within(0.3):
                        cause = running.process.failure(loading=False)
                        error = EngineError(str(cause), detail=cause.detail)
                    await self._end(running, grace_s=0.0)
        return error if isinstance(error, EngineError) else EngineError(str(error), detail=error.detail)

    async def _end(self, running: _Running, grace_s: float = 5.0) -> None:
        self._running = None
        try:
            await running.process.stop(grace_s)
        finally:
            self._last_log = running.process.log()
            await running.client.aclose()


async def _healthy(client: LlamaClient) -> None:
    while True:
        try:
            return await client.health()
        except Unreachable:  # it does not listen yet
            await asyncio.sleep(0.05)


def _is_fault(error: EngineError | Unreachable) -> bool:
    """Tell what a new engine may mend from what it would only repeat."""
    if isinstance(error, HttpFailure):
        return not 400 <= error.status < 500
    return not isinstance(error, (EngineOutOfMemory, SchemaIgnored))


def _check_slot_name(name: str, spec: EngineSpec) -> None:
    if not spec.slots_folder:
        raise EngineError("The engine was started without a folder for slot states. Set slots_folder.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise ValueError(f"{name!r} is no name for a slot state: use letters, digits, dots, dashes and underscores.")
