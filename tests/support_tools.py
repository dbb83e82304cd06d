"""A tool session over a little repository, for tests of tools and of the agent that works alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from covey.agents.tools.session import Session
from covey.agents.tools.table import TOOLS, prepare_edits, use
from covey.core.model import Capabilities
from covey.core.protocols import Validator
from covey.core.repair import ValidationPlan
from covey.core.task import ToolResult
from support_roles import GREEN, RED, SHOP, ScriptedRunner, make_bench
from support_team import CartTests

HOSTED = Capabilities(context=32_768, schema_support="json_schema")
PLAN = ValidationPlan(targets=(RED,), regressions=(GREEN,))


async def session_over(
    folder: Path,
    files: Mapping[str, str | bytes] | None = None,
    *,
    role: str = "soloist",
    holdout: tuple[str, ...] = (),
    runner: ScriptedRunner | None = None,
    validator: Validator | None = None,
    plan: ValidationPlan = PLAN,
) -> Session:
    """A session whose validator reads the cart (see :class:`support_team.CartTests`) instead of running tests."""
    tools = await make_bench(folder, {**SHOP, **(files or {})}, holdout=holdout, runner=runner)
    tools._validator = validator or CartTests(tools)
    return Session(tools, role, plan)


async def ask(session: Session, tool: str, **arguments: Any) -> ToolResult:
    """Use a tool as the loop does, edits by the grammar of the moment."""
    prepare_edits(session, HOSTED)
    action = TOOLS[tool].arguments.model_validate({"tool": tool, **arguments})
    return (await use(session, action, 1))[1]


async def edit(session: Session, old: str, new: str, path: str = "shop/cart.py") -> ToolResult:
    """Look at the file, then replace a line of it."""
    await ask(session, "read_file", path=path, first=1, last=80)
    return await ask(session, "apply_edit", edits=[{"path": path, "search": old, "replacement": new}])
