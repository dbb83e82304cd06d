"""Workflow: plan, then code and review in turn; what does not succeed goes back to the planner once.

The problem text was made clean before a policy begins: that is the first stage, and the same for all policies.
"""

from __future__ import annotations

from covey.agents.leader import within
from covey.agents.team_slots import Place, Plan
from covey.coordination.policies.ground import Ground
from covey.coordination.search import Found
from covey.coordination.teamwork import Team

CYCLES = 3
"""Cycles of code and review before the planner is asked again."""
AFTER = 1
"""Cycles with the new plan."""
STAGE_S = 300.0
"""Seconds that models may take for one stage."""


async def find(ground: Ground) -> Found:
    """Look for candidates."""
    team = Team.on(ground)
    if team.present:
        for cycles in (CYCLES, AFTER):
            if await carried_out(team, ground, cycles) or team.ended:
                break
            team.think_anew()
    return await team.finish()


async def carried_out(team: Team, ground: Ground, cycles: int) -> bool:
    """Plan, then code and review; True once a draft passes the tests and the review."""
    with team.stage(STAGE_S):
        plan = await team.plan()
    for _ in range(cycles):
        if team.over:
            return False
        with team.stage(STAGE_S):
            await code(team, ground, plan)
        with team.stage(STAGE_S):
            critique = await team.critique(failing=True)
        if critique is not None and critique.review_status == "approve":
            return True
    return False


async def code(team: Team, ground: Ground, plan: Plan) -> None:
    """Carry the plan out in the files that it names."""
    files = tuple(Place(path=path) for path in plan.codebase_context.relevant_files)
    await team.code(ground.tools.drafts, suspects=within(ground.where.suspects, files), instruction=plan.instruction)
