"""How the team looks for a patch: one policy a file, all with one interface.

A policy gets the :class:`~covey.coordination.policies.ground.Ground` on which a run stands once the failing tests are
known and the suspects are ranked, and brings home candidates. What comes before and after (the baseline, the choice
among candidates, the verdict by fresh runs) is the same for all, so policies can be compared.
"""

from __future__ import annotations

from importlib import import_module

from covey.coordination.policies.ground import Policy

POLICIES: dict[str, tuple[str, str]] = {
    "pipeline": ("covey.coordination.policies.pipeline", "localise, draft with model and templates, let tests choose"),
    "single": ("covey.coordination.policies.single", "one agent with tools, turn by turn; then the templates"),
    "critic": ("covey.coordination.policies.critic", "one patch of a model, which another may deny"),
    "leader-follower": ("covey.coordination.policies.leader_follower", "one chooses places and says what, one writes"),
    "round-robin": ("covey.coordination.policies.round_robin", "coders of different manners take turns"),
    "workflow": ("covey.coordination.policies.workflow", "plan, code and review up to 3 times, then plan once more"),
}
"""Name → module, and what it does in a few words."""


def policy(name: str) -> Policy:
    """Return the policy ``name``, which must be in :data:`POLICIES`."""
    find: Policy = import_module(POLICIES[name][0]).find
    return find
