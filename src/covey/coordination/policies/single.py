"""Single: one agent with tools, turn by turn; then the templates compete, and what made progress is built upon."""

from __future__ import annotations

from collections.abc import Sequence

from covey.agents.soloist import Call, Move, NobodyAlone, Solo, Soloist, SoloRequest
from covey.coordination.flock import Modelled
from covey.coordination.policies.ground import Ground
from covey.coordination.policies.rules import Decision, Turn, rule
from covey.coordination.proposals import SUSPECTS
from covey.coordination.search import Found, Search


async def find(ground: Ground) -> Found:
    """Look for candidates."""
    search = Search(ground.ask, ground.flock, ground.tools, ground.baseline, ground.where)
    notes: tuple[str, ...] = ()
    if ground.tools.model is not None:
        solo = await ground.ask("solo", Modelled(Soloist(referee), NobodyAlone()), _request(search), Solo)
        await search.verify(solo.candidates)
        notes = _notes(solo)
    await search.templates()
    return search.found(notes)


def referee(moves: Sequence[Move]) -> Call:
    """Apply the rules that all policies share."""
    ruling = rule([Turn(role="soloist", **move.model_dump()) for move in moves])
    return Call(over=ruling.decision in (Decision.abandon, Decision.stop), why=ruling.why)


def _request(search: Search) -> SoloRequest:
    return SoloRequest(
        suspects=search.where.suspects[:SUSPECTS],
        failures=tuple(search.failures.values()),
        targets=tuple(search.failures),
        plan=search.where.plan,
    )


def _notes(solo: Solo) -> tuple[str, ...]:
    """What the user should know of the agent's work."""
    if not solo.stopped:  # the floor filled the slot, which the desk has noted
        return ()
    missing = (
        f"{module} cannot be imported; it belongs to {requirement}: install that and run again."
        for module, requirement in solo.proposals.items()
    )
    return (f"The agent took {len(solo.turns)} turns. {solo.stopped}", *missing)
