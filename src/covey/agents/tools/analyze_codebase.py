"""analyze_codebase: what a file or a folder defines, or the map of the repository."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback
from covey.models.schema import Bounded
from covey.workspace.codeindex import CodeIndex
from covey.workspace.paths import show
from covey.workspace.repomap import repository_map

TOKENS = 800
"""Tokens of the map of a repository."""
FILES = 60
"""Files of a folder that one answer names."""
_NAMES = 8


class AnalyzeCodebaseArguments(Bounded):
    """A file or folder; '' is the whole repository."""

    tool: Literal["analyze_codebase"]
    path: Annotated[str, Field(max_length=300)]


class AnalyzeCodebase:
    """Lists definitions with their lines."""

    name = "analyze_codebase"
    about = 'analyze_codebase(path): lists what a file or folder defines, with line numbers; "" is the repository.'
    arguments = AnalyzeCodebaseArguments

    async def run(self, args: AnalyzeCodebaseArguments, session: Session) -> str:
        """Return the outline of a file, the files of a folder with their names, or the most important of everything."""
        path, files = session.view.below(args.path)
        index = await session.index()
        if files == [path]:
            outline = index.outline(path)
            return f"{show(path)}:\n{outline}" if outline else f"{show(path)} defines nothing that can be listed."
        if not path:
            found = await repository_map(index, TOKENS, files=tuple(session.seen))
            if found.text:
                return f"{found.text}\n({found.files} of {found.of_files} files with code)"
        return _listed(files, index)


def _listed(files: list[str], index: CodeIndex) -> str:
    """Name the files of a folder with what they define at their top."""
    code = [path for path in files if path in index]
    if not code:
        raise AgentFeedback("There is no code here; search_docs or read_file may help.")
    found = []
    for path in code[:FILES]:
        names = [symbol.name for symbol in index.symbols(path) if not symbol.depth]
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        found.append(f"{show(path)}: {', '.join(names[:_NAMES])}{more}".rstrip(": "))
    left = f"\n{len(code) - FILES} more files; ask for a folder." if len(code) > FILES else ""
    return "\n".join(found) + left
