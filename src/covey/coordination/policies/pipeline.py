"""Pipeline: drafts from the model, then from the templates; the tests choose; what made progress is built upon."""

from __future__ import annotations

from covey.coordination.policies.ground import Ground
from covey.coordination.search import Found, search


async def find(ground: Ground) -> Found:
    """Look for candidates."""
    return await search(ground.ask, ground.flock, ground.tools, ground.baseline, ground.where)
