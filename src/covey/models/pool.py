"""Models in memory, never more than the budget: loads, evicts, swaps in batches, keeps what engines have read.

Planned bytes are counted from before an engine is started until it has exited: ``aclose()`` of the old engine ends
before the new one starts. *Which* request is next is :mod:`covey.models.scheduler`'s word, *which* model leaves
:mod:`covey.models.residency`'s; this module only does it. Everything runs on one event loop: state changes between
two ``await`` are atomic.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import Field

from covey.core.canonical import Frozen
from covey.core.errors import ConfigError, CoveyError, DoesNotFit, EngineError, EngineOutOfMemory, UnusableModel
from covey.core.protocols import ModelBackend
from covey.models.scheduler import Fairness, Loaded, Queue, Ticket, decide
from covey.models.slots import SlotKeeper, Watched

ATTEMPTS = 3
"""Starts of a crashing engine before its requests fail."""

BACK_OFF_S = 0.5
"""Seconds before the second start; doubled before each further one."""

CLOSED = "The models were closed before this request was served: nothing can be asked of them any more."


@dataclass(frozen=True)
class Planned:
    """A model that the pool may load.

    ``bytes``: all the memory it takes when loaded, by its memory plan. ``start`` makes a back end that is not running
    yet; its ``capabilities()`` starts it. ``parallel``: requests served at the same time. ``fallbacks``: names of
    smaller models of the same pool to use, in this order, when there is no memory for this one. ``contexts``: states
    of its slots that may be saved at the same time, each on disk and as large as its KV cache; 0 saves none.
    """

    bytes: int
    start: Callable[[], ModelBackend]
    parallel: int = 1
    fallbacks: tuple[str, ...] = ()
    contexts: int = 16


class PoolStats(Frozen):
    """What the pool did so far. ``swaps`` are loads for which another model had to leave."""

    loads: int = Field(0, ge=0)
    evictions: int = Field(0, ge=0)
    swaps: int = Field(0, ge=0)
    saved: int = Field(0, ge=0)
    restored: int = Field(0, ge=0)
    useless_restores: int = Field(0, ge=0)
    peak_bytes: int = Field(0, ge=0)


@dataclass
class _Seat:
    """A model in memory, or on its way in or out (``ready`` is False then)."""

    name: str
    bytes: int
    backend: ModelBackend
    ready: bool = False
    in_use: int = 0
    last_used: float = 0.0


@dataclass
class _Counts:
    loads: int = 0
    evictions: int = 0
    swaps: int = 0
    peak: int = 0
    loads_of: dict[str, int] = field(default_factory=dict)


class ModelPool:
    """Lends models to requests. Use as an async context manager, or call :meth:`aclose`.

    ``on_event`` gets a plain sentence whenever the pool does something that a user would want to know (loads,
    evictions, smaller models, restores that do not work); it must return quickly and never raise.
    """

    def __init__(
        self,
        budget_bytes: int,
        models: Mapping[str, Planned],
        *,
        fairness: Fairness | None = None,
        on_event: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._budget = budget_bytes
        self._models = dict(models)
        for name, planned in models.items():
            if unknown := [each for each in planned.fallbacks if each not in models]:
                raise ConfigError(f"Model {name} falls back to {', '.join(unknown)}, which the pool does not have.")
        self._fairness = fairness or Fairness()
        self._say = on_event
        self._clock = clock
        self._sleep = sleep
        self._queue = Queue()
        self._seats: dict[str, _Seat] = {}
        self._slots = {
            name: SlotKeeper(name, planned.parallel, planned.contexts, on_event) for name, planned in models.items()
        }
        self._instead: dict[str, str] = {}
        self._counts = _Counts()
        self._change: asyncio.Task[None] | None = None
        self._lost = 0  # bytes of engines that would not stop
        self._closed = False

    async def __aenter__(self) -> ModelPool:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def used_bytes(self) -> int:
        """Planned bytes of all engines that run, start or have not exited yet."""
        return self._lost + sum(seat.bytes for seat in self._seats.values())

    @property
    def resident(self) -> tuple[str, ...]:
        """Names of the models that are ready, least recently used first."""
        ready = [seat for seat in self._seats.values() if seat.ready]
        return tuple(seat.name for seat in sorted(ready, key=lambda seat: seat.last_used))

    @property
    def stats(self) -> PoolStats:
        """What the pool did so far."""
        keepers = self._slots.values()
        return PoolStats(
            loads=self._counts.loads,
            evictions=self._counts.evictions,
            swaps=self._counts.swaps,
            peak_bytes=self._counts.peak,
            saved=sum(each.saved for each in keepers),
            restored=sum(each.restored for each in keepers),
            useless_restores=sum(each.useless for each in keepers),
        )

    @asynccontextmanager
    async def use(self, name: str, *, context_key: str | None = None) -> AsyncGenerator[ModelBackend, None]:
        """Lend the model ``name``; waits until it is in memory and has a free place.

        Under one ``context_key`` prompts must only grow: what the engine had read for it comes back with it, where the
        engine can do that. The lent back end may be a smaller model (``on_event`` says so), and is valid inside the
        block only. Raises DoesNotFit when neither it nor a fallback can ever fit, EngineError when it does not start
        or the pool is closed, UnusableModel for a name the pool was not given. A model in use cannot leave: to hold
        one while asking for another needs a budget for both.
        """
        ticket = self._queue.enter(self._fitting(name), self._clock())
        self._go_on()
        try:
            await ticket.granted
        except BaseException:
            self._queue.leave(ticket)
            granted = ticket.granted.done() and not ticket.granted.cancelled() and not ticket.granted.exception()
            if granted and ticket.model in self._seats:  # and cancelled before it could go on
                self._give_back(self._seats[ticket.model])
            else:
                self._go_on()
            raise
        if ticket.model not in self._seats:
            raise EngineError(CLOSED)
        seat = self._seats[ticket.model]
        keeper = self._slots[seat.name]
        slot = keeper.take(context_key)
        try:
            await keeper.switch(seat.backend, slot, context_key)
            yield Watched(seat.backend, keeper, slot)
        finally:
            keeper.release(slot)
            self._give_back(seat)

    async def aclose(self) -> None:
        """End all engines; waiting requests get EngineError. May be called twice."""
        self._closed = True
        for model in self._models:
            self._queue.fail(model, EngineError(CLOSED))
        await asyncio.shield(asyncio.ensure_future(self._shut()))

    async def _shut(self) -> None:
        if self._change is not None:
            self._change.cancel()
            await asyncio.wait([self._change])
        for seat in tuple(self._seats.values()):
            seat.ready = False
            await self._stop(seat)

    def _fitting(self, name: str) -> str:
        """The model that stands for ``name``: itself, or the first fallback that can fit."""
        if self._closed:
            raise EngineError(CLOSED)
        if name not in self._models:
            raise UnusableModel(f"There is no model {name} here; choose one of {', '.join(sorted(self._models))}.")
        name = self._instead.get(name, name)
        if self._models[name].bytes <= self._room:
            return name
        smaller = self._smaller(name)
        if smaller is None:
            raise self._too_large(name)
        self._replace(name, smaller, str(self._too_large(name)))
        return smaller

    @property
    def _room(self) -> int:
        return self._budget - self._lost

    def _too_large(self, name: str) -> DoesNotFit:
        return DoesNotFit(
            f"Model {name} needs {_gb(self._models[name].bytes)} and {_gb(self._room)} may be used: choose a smaller "
            "model or context, or give more with --memory."
        )

    def _smaller(self, name: str) -> str | None:
        room = min(self._room, self._models[name].bytes - 1)
        return next((each for each in self._models[name].fallbacks if self._models[each].bytes <= room), None)

    def _replace(self, name: str, smaller: str, why: str) -> None:
        for model, other in tuple(self._instead.items()):
            if other == name:
                self._instead[model] = smaller
        self._instead[name] = smaller
        self._instead.pop(smaller, None)
        self._say(f"From now on model {smaller} is used instead of {name}. {why}")

    def _go_on(self) -> None:
        """Serve and change as far as the scheduler says so."""
        while not self._closed:
            changing = self._change is not None
            decision = decide(
                self._queue.view(),
                [self._loaded(seat) for seat in self._seats.values()],
                {name: planned.bytes for name, planned in self._models.items()},
                self._room,
                now=self._clock(),
                fairness=self._fairness,
                changing=changing,
            )
            if decision.serve is not None:
                self._grant(self._queue.serve(decision.serve))
            elif decision.load is not None:
                leaving = [self._seats[each] for each in decision.evict]
                for seat in leaving:
                    seat.ready = False
                self._change = asyncio.create_task(self._swap(decision.load, leaving))
                self._change.add_done_callback(self._changed)
                return
            else:
                return

    def _loaded(self, seat: _Seat) -> Loaded:
        return Loaded(
            name=seat.name,
            bytes=seat.bytes,
            free=self._models[seat.name].parallel - seat.in_use if seat.ready else 0,
            in_use=seat.in_use if seat.ready else 1,
            last_used=seat.last_used,
            loads=self._counts.loads_of.get(seat.name, 0),
        )

    def _grant(self, ticket: Ticket) -> None:
        seat = self._seats[ticket.model]
        if not ticket.granted.done():  # else cancelled: its task has not run yet
            seat.in_use += 1
            ticket.granted.set_result(None)

    def _give_back(self, seat: _Seat) -> None:
        seat.in_use -= 1
        seat.last_used = self._clock()
        self._go_on()

    def _changed(self, _: asyncio.Task[None]) -> None:
        self._change = None
        for model in {each.model for each in self._queue.view()} if self._lost else ():
            if self._models[model].bytes > self._room:
                self._fall_back(model, self._too_large(model))
        self._go_on()

    async def _swap(self, name: str, leaving: list[_Seat]) -> None:
        try:
            for seat in leaving:
                await self._evict(seat, name)
            await self._load_or_make_room(name)
        except (EngineOutOfMemory, DoesNotFit) as error:
            self._fall_back(name, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait for the model
            self._say(f"Model {name} cannot be used now. {error}")
            self._queue.fail(name, error)
        else:
            self._counts.swaps += bool(leaving)

    async def _evict(self, seat: _Seat, name: str) -> None:
        self._say(f"Model {seat.name} leaves memory for {name}.")
        await self._slots[seat.name].save(seat.backend)
        await self._stop(seat)
        self._counts.evictions += 1

    async def _stop(self, seat: _Seat) -> None:
        """End an engine. When that fails, its memory counts as taken for good."""
        self._slots[seat.name].gone()
        failure: CoveyError | None = None
        try:
            await seat.backend.aclose()
        except CoveyError as error:
            failure = error
        if self._seats.pop(seat.name, None) is not None and failure:
            self._lost += seat.bytes
            self._say(f"Model {seat.name} could not be stopped; its memory counts as taken. {failure}")

    async def _load_or_make_room(self, name: str) -> None:
        """Load ``name``; when the machine has less memory than planned, once more without the models that are idle."""
        try:
            await self._load(name)
        except EngineOutOfMemory:
            idle = [seat for seat in self._seats.values() if seat.ready and not seat.in_use]
            if not idle:
                raise
            for seat in idle:
                seat.ready = False
            for seat in idle:
                await self._evict(seat, name)
            await self._load(name)

    async def _load(self, name: str) -> None:
        """Start ``name``, again with back-off when it crashes. Raises what its last start raised."""
        planned = self._models[name]
        for attempt in range(1, ATTEMPTS + 1):
            if self.used_bytes + planned.bytes > self._budget:  # an engine did not stop
                raise self._too_large(name)
            seat = _Seat(name, planned.bytes, planned.start(), last_used=self._clock())
            self._seats[name] = seat
            self._counts.peak = max(self._counts.peak, self.used_bytes)
            try:
                capabilities = await seat.backend.capabilities()
            except BaseException as error:
                await asyncio.shield(asyncio.ensure_future(self._stop(seat)))
                again = isinstance(error, EngineError) and not isinstance(error, EngineOutOfMemory)
                if not again or attempt == ATTEMPTS:
                    raise
                self._say(f"Model {name} did not start and is tried again ({attempt} of {ATTEMPTS}). {error}")
                await self._sleep(BACK_OFF_S * 2 ** (attempt - 1))
            else:
                self._slots[name].loaded(seat.backend, capabilities)
                self._counts.loads += 1
                self._counts.loads_of[name] = self._counts.loads_of.get(name, 0) + 1
                seat.ready = True
                return

    def _fall_back(self, name: str, error: CoveyError) -> None:
        smaller = self._smaller(name)
        if smaller is None:
            self._queue.fail(name, error)
            return
        self._replace(name, smaller, str(error))
        self._queue.redirect(name, smaller)


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
