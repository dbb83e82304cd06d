"""Code as one of a team: a generator's drafts, led by an instruction, a reviewer's issues and a manner of one's own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from covey.agents.desk import PROMPTS
from covey.agents.generator import drafted, retold, task_note
from covey.agents.team_slots import Coded, CodeRequest, CoderOutput, FileModified
from covey.agents.workbench import Workbench
from covey.core.patch import Candidate
from covey.models.lineedits import EditFile
from covey.models.prompts import render
from covey.workspace.edits import changes_of

MANNERS = (
    "Look for the simplest slip first: an operator, a bound, a name, an order of arguments.",
    "Compute by hand what the failing test expects, step by step, and write code that gives just that.",
    "Look at what the code leaves out: an empty input, None, the first or the last item, a missing branch.",
    "Doubt the approach: where the function cannot work as it is written, write its body anew.",
)
"""How coders who take turns differ."""


class Patcher:
    """Asks a model for drafts at the places it was given."""

    name = "patcher"

    async def run(self, request: CodeRequest, tools: Workbench) -> Coded:
        """Fill the slot. Raises what a model can do wrong: see :data:`covey.agents.desk.Trouble`."""

        def note(files: Sequence[EditFile], style: str) -> str:
            told = {"targets": (), "failures": ()} if request.introduced else {}
            new = () if request.shown else files
            said = request.introduced and request.shown and request.formed
            code = "" if said else task_note(request.propose.model_copy(update=told), new, style)
            return render(
                PROMPTS,
                "patcher.jinja",
                code=code,
                attempts=retold(request.propose.attempts[request.known :], tools.sources),
                issues=request.issues,
                instruction=request.instruction,
                manner=request.manner,
            )

        found = await drafted(self.name, request.propose, tools, note, number=request.number)
        outputs = tuple(output_of(candidate, request, tools.sources) for candidate in found)
        return Coded(candidates=found, outputs=outputs, source="model")


class NoCode:
    """Floor: without a model there are only the templates' drafts, which have a slot of their own."""

    name = "patcher"

    async def run(self, request: CodeRequest, tools: Workbench) -> Coded:  # noqa: ARG002 - the interface of a role
        """Fill the slot with nothing."""
        return Coded()


def output_of(candidate: Candidate, request: CodeRequest, sources: Mapping[str, bytes]) -> CoderOutput:
    """A candidate as others read it, its diff by file."""
    reasoning = " ".join(part for part in (candidate.explanation, request.instruction) if part)
    return CoderOutput(
        iteration=request.iteration,
        files_modified=tuple(
            FileModified(path=path, diff=_diff(path, sources[path], data), reasoning=reasoning)
            for path, data in changes_of(sources, candidate.edits).items()
        ),
    )


def _diff(path: str, before: bytes, after: bytes) -> str:
    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    return "\n".join(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm=""))
