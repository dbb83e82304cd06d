"""Install: say which dependencies the tests miss, of those that the project declares or that are well known.

Nothing is installed while a run goes on (see :mod:`covey.agents.tools.install`); the user is told.
"""

from __future__ import annotations

import asyncio
import posixpath
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from covey.agents.desk import PROMPTS, Question
from covey.agents.tools.install import allowed, candidates
from covey.agents.workbench import Workbench
from covey.core.canonical import Frozen
from covey.core.errors import AgentFeedback
from covey.core.model import Schema
from covey.core.protocols import Role
from covey.core.testing import Failure, TestReport
from covey.models.context import clip
from covey.models.prompts import render
from covey.models.schema import Bounded, one_of, plain

FAILURES = 12
"""Failures that are looked at; the others miss the same."""
CHOICES = 5
_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError"})


class InstallRequest(Frozen):
    """Tests that could not import something, one failure for each thing that is missing."""

    failures: tuple[Failure, ...]


class Installation(Frozen):
    """What to install: requirement by the module, or the words, that ask for it."""

    proposals: dict[str, str] = Field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user."""
        return tuple(
            f"{missing} cannot be imported here; install {requirement} into the environment and run again."
            if missing != requirement
            else f"Tests seem to need {requirement}; install it into the environment and run again."
            for missing, requirement in self.proposals.items()
        )


def import_failures(baseline: TestReport) -> tuple[Failure, ...]:
    """Failures of imports in a run of tests, each once; without what differs from run to run."""
    found: dict[tuple[str, str], Failure] = {}
    for result in baseline.results:
        failure = result.failure
        if failure and (failure.missing_module or failure.type.rpartition(".")[2] in _IMPORTS):
            found.setdefault((failure.type, failure.message), failure)
    return tuple(found.values())[:FAILURES]


class ByName:
    """Floor: the name of the missing module says it."""

    name = "installer"

    async def run(self, request: InstallRequest, tools: Workbench) -> Installation:
        """Fill the slot. Modules of the repository itself are not missing: their fault is in the code."""
        proposals: dict[str, str] = {}
        for module in dict.fromkeys(failure.missing_module for failure in request.failures if failure.missing_module):
            if not _own(module, tools):
                try:
                    proposals[module] = await asyncio.to_thread(allowed, module, tools)
                except AgentFeedback:  # nothing that may be installed
                    continue
        return Installation(proposals=proposals)


class Wanted(Bounded):
    """Distributions that the failures need; none when they fail for another reason."""

    distributions: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=CHOICES)]


@dataclass(frozen=True)
class Installer:
    """Asks a model which of the declared distributions failures need that name no module."""

    floor: Role[InstallRequest, Workbench, Installation]
    name: str = "installer"

    async def run(self, request: InstallRequest, tools: Workbench) -> Installation:
        """Fill the slot. Raises what a model can do wrong: see :data:`covey.agents.desk.Trouble`."""
        known = await self.floor.run(request, tools)
        unclear = [failure for failure in request.failures if not failure.missing_module]
        choices = {
            plain(requirement): requirement
            for requirement in await asyncio.to_thread(candidates, tools)
            if requirement not in known.proposals.values()
        }
        if not unclear or not choices:
            return known
        failures = [f"{failure.type}: {clip(failure.message)}" for failure in unclear]
        question = Question(
            note=render(PROMPTS, "installer.jinja", failures=failures, choices=list(choices)),
            answer=Wanted,
            schema=_schema(list(choices)),
            check=lambda answer: _check(answer, choices),
        )
        wanted: Wanted = await tools.desk.ask(self.name, question)
        named = {text: choices[text] for text in wanted.distributions}
        return Installation(proposals={**known.proposals, **named})


def _schema(choices: list[str]) -> Schema:
    names: Schema = {"type": "array", "items": one_of([*choices]), "minItems": 0, "maxItems": CHOICES}
    return {
        "type": "object",
        "properties": {"distributions": names},
        "required": ["distributions"],
        "additionalProperties": False,
    }


def _check(answer: Wanted, choices: dict[str, str]) -> None:
    for text in answer.distributions:
        if text not in choices:
            raise AgentFeedback(f"{text[:80]!r} is not in the list; choose from it, or none.")


def _own(module: str, tools: Workbench) -> bool:
    """True when the repository has a module or a package of this name."""
    top = module.partition(".")[0]
    return any(top in posixpath.splitext(path)[0].split("/") for path in tools.sources.python_files())
