"""Round robin: coders of different manners take turns, each with one draft and knowing what came of those before."""

from __future__ import annotations

from covey.agents.coder_team import MANNERS
from covey.coordination.policies.ground import Ground
from covey.coordination.search import Found
from covey.coordination.teamwork import Team

ROUNDS = 2
"""Turns of each coder at most."""


async def find(ground: Ground) -> Found:
    """Look for candidates. There are as many coders as drafts are asked for at a time, two at least, one a manner."""
    coders = max(2, min(ground.tools.drafts, len(MANNERS)))
    team = Team.on(ground, barren=coders)
    for turn in range(ROUNDS * coders if team.present else 0):
        await team.code(1, manner=MANNERS[turn % coders], number=turn)
        if team.solved or team.over:
            break
    return await team.finish()
