"""Leader and follower: one chooses places and says what to do, the other writes; the leader sees what came of it."""

from __future__ import annotations

from covey.agents.leader import within
from covey.coordination.policies.ground import Ground
from covey.coordination.search import Found
from covey.coordination.teamwork import Team

ROUNDS = 3
"""Instructions at most."""


async def find(ground: Ground) -> Found:
    """Look for candidates."""
    team = Team.on(ground)
    for _ in range(ROUNDS if team.present else 0):
        lead = await team.lead()
        if team.over:
            break
        places = within(ground.where.suspects, lead.places)
        await team.code(ground.tools.drafts, suspects=places, instruction=lead.instruction)
        if team.solved or team.over:
            break
    return await team.finish()
