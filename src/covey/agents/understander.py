"""Understand: turn the user's words into a structured brief."""

from __future__ import annotations

import asyncio

from covey.agents.preprocessor import FOR_RULES, clean
from covey.agents.slots import Brief, UnderstandRequest
from covey.agents.workbench import Workbench
from covey.core.testing import Frame
from covey.repair.problem import Doctest, read_problem


class Understander:
    """Floor: tracebacks, test ids, paths, symbols and examples are read out of the text by rules."""

    name = "understander"

    async def run(self, request: UnderstandRequest, tools: Workbench) -> Brief:
        """Fill the slot. Paths of the text are kept where they name a file of the tree."""
        statement, cut = request.statement, tuple[str, ...]()
        if len(statement) > FOR_RULES:
            cut = (
                "The problem text is very long: its beginning, its end, its last traceback and first code are read.",
            )
            statement = await asyncio.to_thread(clean, statement, FOR_RULES)
        problem = read_problem(statement)
        paths = frozenset(tools.sources)

        def placed(frame: Frame) -> Frame | None:
            if not frame.path:
                return frame
            inside = [path for path in paths if frame.path == path or frame.path.endswith(f"/{path}")]
            beneath = [path for path in paths if path.endswith(f"/{frame.path}")]  # written from src, say
            fits = sorted(inside, key=len)[-1:] or (beneath if len(beneath) == 1 else [])
            return frame.model_copy(update={"path": fits[0]}) if fits else None

        examples = tuple(block.text for block in problem.code if block.language in ("", "python", "py", "pycon"))
        return Brief(
            title=next((line.strip() for line in problem.text.splitlines() if line.strip()), "")[:200],
            frames=tuple(frame for given in problem.frames if (frame := placed(given)) is not None),
            mentioned=tuple(frame for given in problem.mentioned if (frame := placed(given)) is not None),
            exception=problem.exception,
            files=tuple(path for path in problem.paths if path in paths),
            tests=problem.tests,
            snippets=(session(problem.doctests),) if problem.doctests else examples,
            notes=(*cut, *problem.notes),
        )


def session(examples: tuple[Doctest, ...]) -> str:
    """One interactive session from all examples: later ones may need what earlier ones defined."""
    lines: list[str] = []
    for example in examples:
        first, *rest = example.source.rstrip("\n").split("\n")
        lines.append(f">>> {first}")
        lines.extend(f"... {line}" for line in rest)
        lines.extend(example.want.rstrip("\n").split("\n") if example.want.strip() else [])
    return "\n".join(lines) + "\n"
