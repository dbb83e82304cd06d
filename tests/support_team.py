"""A team over the little shop: a scripted model, tests that look at what the cart really does, a log."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from covey.agents.coder_team import NoCode, Patcher
from covey.agents.critic import Critic, Procedure
from covey.agents.desk import ModelDesk
from covey.agents.leader import FirstPlaces, Leader
from covey.agents.planner import FirstStep, Planner
from covey.agents.slots import Brief, DraftRequest, Drafts, Localisation, Reproduction
from covey.agents.workbench import Workbench
from covey.coordination.flock import Flock, Modelled, asking
from covey.coordination.journal import Journal
from covey.coordination.policies import policy
from covey.coordination.policies.ground import Ground
from covey.coordination.search import Found
from covey.core.patch import Candidate
from covey.core.protocols import ModelBackend
from covey.core.repair import Standing, Suspect, ValidationPlan, Verdict
from covey.core.run import Run
from covey.core.testing import TestReport
from covey.models.backends.scripted import Script, ScriptedBackend
from covey.models.sourcepolicy import Provenance
from covey.testing.memory import MemoryStore
from covey.testing.roles import ScriptedValidator
from covey.workspace.edits import changes_of
from support_roles import GREEN, RED, candidate_of, failed, make_bench, passed, report_of
from support_store import make_run

RIGHT = "        result += value"
WRONG = "        result *= value"
OTHER = "        result //= value"
GREEDY = "        result += value  # result = 3"
"""Passes the tests too, and is another edit."""

WHERE = Localisation(
    suspects=(
        Suspect(path="shop/cart.py", line=4, score=0.9, symbol="total"),
        Suspect(path="shop/cart.py", line=2, score=0.5, symbol="total"),
    ),
    plan=ValidationPlan(targets=(RED,), regressions=(GREEN,)),
    traced=2,
)
BASELINE = report_of(failed(RED), passed(GREEN))
SHOWN = Reproduction(targets=(RED,))


def edit(*lines: str) -> str:
    """The answer that puts ``lines`` in place of the fault."""
    one = {"path": "shop/cart.py", "search": "        result -= value", "replacement": "\n".join(lines)}
    return json.dumps({"edits": [one]})


def plan(*files: str, what: str = "Add the values instead of subtracting them.") -> str:
    """A plan of one step."""
    step = {"id": 1, "description": what, "priority": "high", "dependencies": [], "estimated_complexity": "low"}
    context = {
        "relevant_files": list(files or ("shop/cart.py",)),
        "architecture_notes": "A cart.",
        "test_requirements": [],
    }
    return json.dumps({"task_breakdown": [step], "codebase_context": context})


def lead(what: str = "Add the values.", symbol: str = "total") -> str:
    """A leader's word."""
    return json.dumps({"choices": [{"path": "shop/cart.py", "symbol": symbol}], "instruction": what})


def critique(status: str, *issues: str) -> str:
    """A critic's word."""
    good = status == "approve"
    return json.dumps(
        {
            "mends_the_cause": good,
            "holds_for_other_inputs": good,
            "leaves_the_rest_alone": True,
            "issues_found": list(issues),
            "recommendations": [] if good else ["Write it plainly."],
            "review_status": status,
        }
    )


class OneModel:
    """One model for all roles; ``down`` names roles whose engine does not answer."""

    def __init__(self, backend: ModelBackend, down: dict[str, Exception] | None = None) -> None:
        self.backend = backend
        self.down = down or {}

    @asynccontextmanager
    async def use(self, role: str) -> AsyncIterator[ModelBackend]:
        """Lend it."""
        if role in self.down:
            raise self.down[role]
        yield self.backend

    def drain_provenance(self) -> tuple[Provenance, ...]:
        """Nothing comes in."""
        return ()


class CartTests(ScriptedValidator):
    """Says of a candidate what the two tests of the cart would say, from what the code comes to."""

    def __init__(self, tools: Workbench) -> None:
        super().__init__()
        self._tools = tools

    async def validate(self, candidates: Sequence[Candidate], plan: ValidationPlan) -> AsyncGenerator[Verdict, None]:  # noqa: ARG002 - the interface
        """Yield one verdict for each candidate, in order."""
        for candidate in candidates:
            self.tried.append(candidate.id)
            data = changes_of(self._tools.sources, candidate.edits).get("shop/cart.py", b"")
            if b"result += value" in data:
                yield Verdict(candidate=candidate.id, standing=Standing.plausible, flipped=(RED,))
            else:
                why = data.decode().split("result ", 2)[-1].split("=")[0].strip()
                yield Verdict(
                    candidate=candidate.id,
                    standing=Standing.failed,
                    stopped_at=RED,
                    failure_type="AssertionError",
                    failure_message=f"with {why}",
                )


class FewDrafts:
    """Templates that draft what is given, once."""

    name = "coder"

    def __init__(self, *drafts: Candidate) -> None:
        self.drafts = drafts

    async def run(self, request: DraftRequest, tools: Workbench) -> Drafts:  # noqa: ARG002 - the interface of a role
        """Return all at first, nothing afterwards."""
        return Drafts(candidates=() if request.offset or request.seeds else self.drafts, exhausted=True)


@dataclass
class TeamWorld:
    """A run of one policy."""

    tools: Workbench
    flock: Flock
    run: Run
    baseline: TestReport = BASELINE
    shown: Reproduction = SHOWN
    store: MemoryStore = field(default_factory=MemoryStore)
    steps: list[str] = field(default_factory=list)

    @property
    def backend(self) -> ScriptedBackend:
        """The scripted model."""
        engines = self.tools.desk.engines
        assert isinstance(engines, OneModel)
        assert isinstance(engines.backend, ScriptedBackend)
        return engines.backend

    @property
    def asked(self) -> list[str]:
        """Who was asked by each call, in order, as the prompts say it."""
        return [re.findall(r"(?m)^Role: ([a-z ]+)\.", prompt)[-1] for prompt in self.prompts]

    @property
    def prompts(self) -> list[str]:
        """The last message of every call."""
        return [call.prompt[-1].content for call in self.backend.calls]

    async def find(self, name: str, *, resume: bool = False) -> Found:
        """Walk one policy. Over a log that is there already the walk is a replay, unless it shall ``resume``."""
        if not self.store.runs:
            await self.store.create(self.run)
        recorded = await self.store.steps(self.run.id)
        journal = await Journal.open(self.store, self.run, replay=bool(recorded) and not resume)
        ask = asking(journal, self.tools)
        try:
            found = await policy(name)(Ground(ask, self.flock, self.tools, Brief(), self.baseline, self.shown, WHERE))
            await journal.finish()
            return found
        finally:
            self.steps = [step.name for step in await self.store.steps(self.run.id)]


def model_flock(coder: FewDrafts) -> Flock:
    """A flock whose team has models, and templates that are given."""
    return Flock(
        coder=coder,
        planner=Modelled(Planner(), FirstStep()),
        leader=Modelled(Leader(), FirstPlaces()),
        patcher=Modelled(Patcher(), NoCode()),
        critic=Modelled(Critic(), Procedure()),
    )


async def team_world(
    tmp_path: Path,
    script: Script = (),
    *,
    templates: Callable[[Workbench], Sequence[Candidate]] = lambda _tools: (),
    drafts: int = 1,
    down: dict[str, Exception] | None = None,
) -> TeamWorld:
    """A team with a scripted model."""
    tools = await make_bench(tmp_path)
    tools._validator = CartTests(tools)
    tools.drafts = drafts
    tools.model = ModelDesk(OneModel(ScriptedBackend(script), down), "The cart is wrong.", 100_000, lambda: 60.0)
    return TeamWorld(tools, model_flock(FewDrafts(*templates(tools))), make_run())


def template(tools: Workbench) -> Candidate:
    """What a template drafts to mend the cart."""
    return candidate_of(tools, "shop/cart.py", "-=", "+=")
