"""Which waiting request is served next, and which model is loaded for it. Pure, but for :class:`Queue`'s futures.

Swapping a model costs seconds, so requests for models in memory go first, whoever came first: swaps are batched over
the queue. The starvation bound ends that: a request that was overtaken :attr:`Fairness.overtakes` times, or has waited
:attr:`Fairness.seconds`, has its model loaded next, and models that must make room for it take no new work.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from covey.core.canonical import Frozen
from covey.models.residency import Resident, evictions


class Fairness(Frozen):
    """The starvation bound. ``overtakes`` 0 serves strictly in the order of arrival."""

    overtakes: int = Field(16, ge=0)
    seconds: float = Field(60.0, ge=0)


class Waiting(Frozen):
    """A queued request.

    ``ticket`` grows with arrival, ``since`` is a clock reading, ``overtaken`` counts later requests served before it.
    """

    ticket: int
    model: str
    since: float
    overtaken: int = 0


class Loaded(Frozen):
    """A model in memory and how many more requests it can take now. ``in_use`` by requests being served."""

    name: str
    bytes: int
    free: int = 1
    in_use: int = 0
    last_used: float = 0.0
    loads: int = 1


class Decision(Frozen):
    """What to do next: serve the request ``serve``, or load ``load`` after evicting ``evict``, or (both None) wait."""

    serve: int | None = None
    load: str | None = None
    evict: tuple[str, ...] = ()


WAIT = Decision()


def decide(
    waiting: Sequence[Waiting],
    loaded: Sequence[Loaded],
    sizes: Mapping[str, int],
    budget_bytes: int,
    *,
    now: float,
    fairness: Fairness,
    changing: bool = False,
) -> Decision:
    """Choose the next thing to do.

    ``sizes`` are planned bytes of models that may be loaded. ``changing``: a model is being stopped or started; it
    stands in ``loaded`` without a free place. No other change starts then, but requests for other models are served.
    """
    queue = sorted(waiting, key=lambda each: each.ticket)
    here = {each.name: each for each in loaded}
    starving = next((each for each in queue if _starves(each, now, fairness)), None)
    blocked = starving is not None and starving.model not in here
    if starving and blocked and not changing:
        decision = _load(starving.model, queue, loaded, sizes, budget_bytes, spare_waiting=False)
        if decision:
            return decision
    closed = _must_drain(starving.model, loaded, sizes, budget_bytes) if starving and blocked else frozenset()
    for each in queue:
        place = here.get(each.model)
        if place and place.free > 0 and each.model not in closed:
            return Decision(serve=each.ticket)
    if changing or blocked:
        return WAIT
    demand = Counter(each.model for each in queue if each.model not in here)
    for model, _ in demand.most_common():  # equal counts: in order of arrival
        decision = _load(model, queue, loaded, sizes, budget_bytes, spare_waiting=True)
        if decision:
            return decision
    return WAIT


def _starves(each: Waiting, now: float, fairness: Fairness) -> bool:
    return each.overtaken >= fairness.overtakes or now - each.since >= fairness.seconds


def _residents(queue: Sequence[Waiting], loaded: Sequence[Loaded], *, spare_waiting: bool) -> list[Resident]:
    counts = Counter(each.model for each in queue)
    return [
        Resident(
            name=each.name,
            bytes=each.bytes,
            last_used=each.last_used,
            loads=each.loads,
            waiting=counts[each.name],
            pinned=each.in_use > 0 or (spare_waiting and counts[each.name] > 0),
        )
        for each in loaded
    ]


def _load(
    model: str,
    queue: Sequence[Waiting],
    loaded: Sequence[Loaded],
    sizes: Mapping[str, int],
    budget_bytes: int,
    *,
    spare_waiting: bool,
) -> Decision | None:
    gone = evictions(_residents(queue, loaded, spare_waiting=spare_waiting), sizes[model], budget_bytes)
    return None if gone is None else Decision(load=model, evict=gone)


def _must_drain(model: str, loaded: Sequence[Loaded], sizes: Mapping[str, int], budget_bytes: int) -> frozenset[str]:
    """Models that take no new work, so that ``model`` gets its room."""
    idle = [each.model_copy(update={"in_use": 0}) for each in loaded]
    return frozenset(evictions(_residents((), idle, spare_waiting=False), sizes[model], budget_bytes) or ())


@dataclass
class Ticket:
    """A place in the :class:`Queue`; ``granted`` is done when the request may go on, or holds why it never will."""

    number: int
    model: str
    since: float
    granted: asyncio.Future[None]
    overtaken: int = 0


@dataclass
class Queue:
    """Requests in order of arrival, with one future each."""

    tickets: dict[int, Ticket] = field(default_factory=dict)
    _next: int = 0

    def enter(self, model: str, now: float) -> Ticket:
        """Queue a request for ``model``."""
        ticket = Ticket(self._next, model, now, asyncio.get_running_loop().create_future())
        self._next += 1
        self.tickets[ticket.number] = ticket
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Forget a request that nobody waits for any more."""
        self.tickets.pop(ticket.number, None)

    def serve(self, number: int) -> Ticket:
        """Take a request out of the queue; those that came before it count one more overtaking."""
        ticket = self.tickets.pop(number)
        for other in self.tickets.values():
            if other.number < number:
                other.overtaken += 1
        return ticket

    def fail(self, model: str, error: Exception) -> None:
        """End all requests for ``model`` with ``error``."""
        for ticket in [each for each in self.tickets.values() if each.model == model]:
            self.leave(ticket)
            if not ticket.granted.done():
                ticket.granted.set_exception(error)

    def redirect(self, model: str, instead: str) -> None:
        """Let all requests for ``model`` wait for ``instead``, at their places."""
        for ticket in self.tickets.values():
            if ticket.model == model:
                ticket.model = instead

    def view(self) -> tuple[Waiting, ...]:
        """The queue by value."""
        return tuple(
            Waiting(ticket=each.number, model=each.model, since=each.since, overtaken=each.overtaken)
            for each in self.tickets.values()
        )
