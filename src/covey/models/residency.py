"""Which models leave memory so that another one fits. Pure: no clock, no engine, no I/O.

The rule, least useful first:

1. nothing waits for it (then: the fewer requests wait, the less useful);
2. used longest ago;
3. cheapest to bring back: the smaller file, since reading it is most of a start;
4. brought in least often so far: what was needed rarely will be needed rarely;
5. its name, so that equal states always give equal answers.

What is in use never leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from covey.core.canonical import Frozen


class Resident(Frozen):
    """A model in memory.

    ``bytes`` is what was planned for it. ``last_used`` is any monotonic reading. ``loads`` counts how often it was
    brought in, ``waiting`` how many requests for it are queued. ``pinned``: it is being used and must stay.
    """

    name: str
    bytes: int = Field(ge=0)
    last_used: float = 0.0
    loads: int = Field(1, ge=0)
    pinned: bool = False
    waiting: int = Field(0, ge=0)


def usefulness(resident: Resident) -> tuple[int, float, int, int, str]:
    """Sort key of the rule above: what sorts first is given up first."""
    return (resident.waiting, resident.last_used, resident.bytes, resident.loads, resident.name)


def evictions(residents: Sequence[Resident], need_bytes: int, budget_bytes: int) -> tuple[str, ...] | None:
    """Return the names to evict, least useful first, so that ``need_bytes`` more fit into ``budget_bytes``.

    Of all sets that make enough room, the most useful model in the returned one is as little useful as possible, and
    no member of it could stay. None: there is no such set. With ``need_bytes > budget_bytes`` there never will be;
    otherwise pinned models are in the way and the caller must wait for one of them.
    """
    over = sum(resident.bytes for resident in residents) + need_bytes - budget_bytes
    if over <= 0:
        return ()
    leaving: list[Resident] = []
    for resident in sorted((each for each in residents if not each.pinned), key=usefulness):
        leaving.append(resident)
        over -= resident.bytes
        if over <= 0:
            break
    else:
        return None
    for resident in reversed(leaving[:]):  # the more useful first: it stays when the others make enough room
        if over + resident.bytes <= 0:
            leaving.remove(resident)
            over += resident.bytes
    return tuple(resident.name for resident in leaving)
