"""Review: facts about a patch that tests do not show."""

from __future__ import annotations

import ast
import io
import re

from pyflakes.api import check
from pyflakes.reporter import Reporter

from covey.agents.slots import ReviewRequest
from covey.agents.workbench import Workbench
from covey.core.patch import Patch
from covey.core.review import Review
from covey.workspace.difftext import read_diff
from covey.workspace.edits import changes_of
from covey.workspace.kinds import FileKind, classify_path

_LARGE = 60
_TOO_LARGE = 400
_PLACE = re.compile(r"^file:\d+:\d+:? | from line \d+$")


class Reviewer:
    """Floor: size, untouched tests and configuration, syntax, new lint findings, demotions of the judge."""

    name = "reviewer"

    async def run(self, request: ReviewRequest, tools: Workbench) -> Review:
        """Fill the slot. A patch with a blocking reason is never offered."""
        patch = request.patch
        changed = sum(file.added + file.deleted for file in read_diff(patch.diff)) if patch.diff else 0
        blocking: list[str] = []
        concerns = list(request.demotions)
        if not patch.files or not changed:
            blocking.append("The patch changes nothing.")
        if changed > _TOO_LARGE:
            blocking.append(f"The patch changes {changed} lines; more than {_TOO_LARGE} is no repair.")
        elif changed > _LARGE:
            concerns.append(f"The patch changes {changed} lines.")
        for path in patch.files:
            kind = classify_path(path)
            if kind in (FileKind.tests, FileKind.conftest, FileKind.configuration):
                blocking.append(f"The patch touches {path} ({kind.value}), which decides how it is judged.")
        broken, lint = _look_at_sources(patch, tools)
        return Review(
            patch=patch.id,
            approved=not blocking and not broken,
            blocking=(*blocking, *broken),
            concerns=(*concerns, *lint),
            changed_lines=changed,
        )


def _look_at_sources(patch: Patch, tools: Workbench) -> tuple[list[str], list[str]]:
    """Syntax errors, and findings of pyflakes that the base version did not have."""
    if patch.candidate is None:
        return [], []
    broken, lint = [], []
    for path, data in changes_of(tools.sources, patch.candidate.edits).items():
        if not path.endswith(".py"):
            continue
        try:
            ast.parse(data)
        except (SyntaxError, ValueError) as error:
            broken.append(f"{path} is not valid Python after the patch: {error}.")
            continue
        before = _findings(tools.sources[path])
        for finding in _findings(data):
            if finding in before:
                before.remove(finding)
            else:
                lint.append(f"{path}: {finding}.")
    return broken, lint


def _findings(data: bytes) -> list[str]:
    """Messages of pyflakes without their positions, which a patch shifts."""
    out, err = io.StringIO(), io.StringIO()
    try:
        check(data.decode("utf-8"), "file", Reporter(out, err))
    except (RecursionError, ValueError):  # not UTF-8, or nested too deeply to look at
        return []
    return [_PLACE.sub("", line) for line in out.getvalue().splitlines()]
