"""git_diff: what the candidate so far changes, against the base."""

from __future__ import annotations

import difflib
from typing import Literal

from covey.agents.tools.session import Session
from covey.models.lineedits import EditFile
from covey.models.schema import Bounded


class GitDiffArguments(Bounded):
    """Nothing to choose."""

    tool: Literal["git_diff"]


class GitDiff:
    """Shows the unified diff."""

    name = "git_diff"
    about = "git_diff(): shows what your edits have changed so far."
    arguments = GitDiffArguments

    async def run(self, args: GitDiffArguments, session: Session) -> str:  # noqa: ARG002 - the interface of a tool
        """Return the diff, or a sentence when there is none."""
        changes = session.view.changes
        if not changes:
            return "Nothing has been changed so far."
        lines: list[str] = []
        for path, data in sorted(changes.items()):
            before = EditFile.of(path, session.bench.sources[path]).lines
            after = EditFile.of(path, data).lines
            lines += difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm="")
        return "\n".join(lines)
