"""Round robin: coders of different manners take turns, each with one draft and knowing what came of those before."""

from __future__ import annotations

from covey.agents.coder_team import MANNERS
from covey.coordination.policies.ground import Ground
from covey.coordination.search import Found
from covey.coordination.teamwork import Team

ROUNDS = 2
"""Turns of each coder at most."""


async def find(ground: Ground) -> Found:
    """Look for candidates. There are as many coders as drafts are asked for at a time, and at most one a manner."""
    team = Team.on(ground)
    coders = min(ground.tools.drafts, len(MANNERS))
    for turn in range(ROUNDS * coders if team.present else 0):
        await team.code(1, manner=MANNERS[turn % coders], number=turn)
        if team.solved or team.over:
            break
    return await team.finish()
