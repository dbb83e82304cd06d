"""Roles that ask a model, over a tiny repository and a model that says what it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from covey.agents.desk import ModelDesk
from covey.agents.workbench import Workbench
from covey.core.budget import Budget
from covey.core.execution import TestCommand
from covey.core.model import Capabilities
from covey.core.protocols import ModelBackend, Validator
from covey.models.backends.scripted import Script, ScriptedBackend
from covey.models.sourcepolicy import Provenance
from support_roles import UNITTEST, ScriptedRunner, make_bench

ENFORCED = Capabilities(context=16_384, schema_support="json_schema", tokenizer=True, timings=True)
LENIENT = Capabilities(context=16_384, schema_support="none", tokenizer=True, timings=True)


class OneEngine:
    """Lends the same back end to every role."""

    def __init__(self, backend: ModelBackend) -> None:
        self.backend = backend

    @asynccontextmanager
    async def use(self, role: str) -> AsyncIterator[ModelBackend]:  # noqa: ARG002 - one for all
        yield self.backend

    def drain_provenance(self) -> tuple[Provenance, ...]:
        return ()


def said(**values: object) -> str:
    """An answer as an engine that is held to a schema writes it."""
    return json.dumps(values, separators=(",", ":"))


async def asking_bench(
    folder: Path,
    script: Script,
    *,
    statement: str = "",
    files: Mapping[str, str | bytes] | None = None,
    can: Capabilities = ENFORCED,
    validator: Validator | None = None,
    runner: ScriptedRunner | None = None,
    command: TestCommand = UNITTEST,
    left: float = 60.0,
    budget: Budget | None = None,
) -> tuple[Workbench, ScriptedBackend]:
    """A workbench whose desk asks a scripted model, and that model."""
    backend = ScriptedBackend(script, capabilities=can)
    tools = await make_bench(folder, files, validator=validator, runner=runner, command=command, budget=budget)
    tools.model = ModelDesk(OneEngine(backend), statement, 100_000, lambda: left)
    return tools, backend


def prompt_of(backend: ScriptedBackend, call: int = -1) -> str:
    """The whole prompt of one call."""
    return "\n\n".join(f"<{message.role}>\n{message.content}" for message in backend.calls[call].prompt) + "\n"
