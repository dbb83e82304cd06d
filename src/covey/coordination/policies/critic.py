"""Critic: one agent writes one patch, the tests try it, another approves or denies it; then the templates compete."""

from __future__ import annotations

from covey.coordination.policies.ground import Ground
from covey.coordination.search import Found
from covey.coordination.teamwork import Team


async def find(ground: Ground) -> Found:
    """Look for candidates."""
    team = Team.on(ground)
    if team.present:
        await team.code(1)
        await team.critique()
    return await team.finish()
