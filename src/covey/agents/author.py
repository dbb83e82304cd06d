"""Write a small module with its tests, for a task without a repository: a model writes, others run the tests."""

from __future__ import annotations

import ast
import keyword
import sys
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from covey.agents.desk import PROMPTS, Question
from covey.agents.workbench import Workbench
from covey.core.canonical import Frozen
from covey.core.errors import AgentFeedback
from covey.models.lineedits import flat
from covey.models.prompts import render
from covey.models.schema import Bounded
from covey.repair.sources import parse_tolerant

_Line = Annotated[str, Field(max_length=140)]
_Lines = Annotated[tuple[_Line, ...], Field(min_length=1, max_length=120)]

NEEDS_A_MODEL = "Writing a module needs a model; name one with --model, or give a repository with --repo."


class ModuleAnswer(Bounded):
    """What a model writes: the module's name and the lines of both files."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    module: _Lines
    tests: _Lines


class Module(Frozen):
    """A module ``name.py`` and its tests ``test_name.py``, as texts."""

    name: str
    code: str
    tests: str

    @property
    def path(self) -> str:
        """File of the module."""
        return f"{self.name}.py"

    @property
    def files(self) -> dict[str, bytes]:
        """Both files by their paths."""
        return {self.path: self.code.encode(), f"test_{self.name}.py": self.tests.encode()}


class AuthorRequest(Frozen):
    """Write a module. ``said`` is what was found about the one before; empty for the first."""

    statement: str
    said: str = ""


class Written(Frozen):
    """A module whose two files are valid Python, or why there is none."""

    module: Module | None = None
    why: str = ""


class Author:
    """Asks a model for module and tests in one answer."""

    name = "author"

    async def run(self, request: AuthorRequest, tools: Workbench) -> Written:
        """Fill the slot. Raises what a model can do wrong: see :data:`covey.agents.desk.Trouble`."""
        note = render(PROMPTS, "author.jinja", said=request.said)
        answer = await tools.desk.ask(self.name, Question(note=note, answer=ModuleAnswer, check=check))
        return Written(module=module_of(answer))


class NoAuthor:
    """Floor: without a model nothing is written, and nothing is pretended."""

    name = "author"

    async def run(self, request: AuthorRequest, tools: Workbench) -> Written:  # noqa: ARG002 - the interface of a role
        """Fill the slot with the reason."""
        return Written(why=NEEDS_A_MODEL)


def module_of(answer: ModuleAnswer) -> Module:
    """Join the lines of an answer."""
    return Module(name=answer.name, code=_joined(answer.module), tests=_joined(answer.tests))


def check(answer: ModuleAnswer) -> None:
    """Raise AgentFeedback for what cannot be a module with tests: a bad name, bad syntax, nothing in it, no tests."""
    name = answer.name
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) or name.startswith("test"):
        raise AgentFeedback(f"{name!r} cannot be the name of a module; choose a plain lower-case word.")
    if name in sys.stdlib_module_names:
        raise AgentFeedback(f"{name} is a module of the standard library; choose another name.")
    code, tests = _tree(f"{name}.py", answer.module), _tree(f"test_{name}.py", answer.tests)
    if not any(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for node in code.body):
        raise AgentFeedback(f"{name}.py defines no function and no class.")
    if name not in _imported(tests):
        raise AgentFeedback(f"test_{name}.py does not import {name}.")
    if not any(
        isinstance(item, ast.FunctionDef) and item.name.startswith("test")
        for node in tests.body
        if isinstance(node, ast.ClassDef) and node.bases
        for item in node.body
    ):
        raise AgentFeedback(f"test_{name}.py holds no test method in a unittest.TestCase.")


def _tree(path: str, lines: Sequence[str]) -> ast.Module:
    tree = parse_tolerant(_joined(lines))
    if tree is None:
        raise AgentFeedback(f"{path} is not valid Python; mind indentation and brackets.")
    return tree


def _imported(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in flat(lines))
