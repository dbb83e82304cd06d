"""Tests that a model writes: put into the form of the repository's framework, and looked over before they run.

They run in the sandbox like everything else. The rules here are no second sandbox: they keep a test to what a test of
this problem needs, so that it says something about the repository and nothing about the machine.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from covey.core.errors import AgentFeedback
from covey.repair.sources import parse_tolerant

NAME = "test_problem"
_HARMLESS = frozenset(
    {
        "abc", "argparse", "array", "base64", "bisect", "calendar", "cmath", "collections", "contextlib", "copy", "csv",
        "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "heapq", "io", "itertools",
        "json", "math", "numbers", "operator", "pytest", "random", "re", "statistics", "string", "struct", "textwrap",
        "time", "types", "typing", "unicodedata", "unittest", "uuid", "warnings", "zoneinfo",
    }
)  # fmt: skip
_CALLS = frozenset(
    {"open", "exec", "eval", "compile", "__import__", "input", "exit", "quit", "breakpoint", "setattr", "delattr",
     "globals", "locals", "vars", "skip", "skipTest", "SkipTest", "xfail", "fail", "importorskip", "sleep", "system",
     "popen", "Popen", "unlink", "rmdir", "rmtree", "remove_file", "write_text", "write_bytes", "mkdir", "makedirs",
     "chmod", "chown", "kill", "fork", "connect", "urlopen", "monkeypatch", "patch"}
)  # fmt: skip
_TRIVIAL = (None, True, False, 0, 1, "", b"", ...)
_STATEMENTS = (
    ast.Raise, ast.Global, ast.Nonlocal, ast.ClassDef, ast.AsyncFunctionDef, ast.Return, ast.Delete, ast.Try, ast.While,
    ast.AsyncFor, ast.AsyncWith,
)  # fmt: skip

_UNITTEST = '''"""Written by a model from the problem text, to judge patches by; never part of one."""

import unittest
{imports}

class ProblemTest(unittest.TestCase):
    def {name}(self):
{body}
'''
_PYTEST = '''"""Written by a model from the problem text, to judge patches by; never part of one."""

{imports}

def {name}():
{body}
'''


def write_test(imports: Sequence[str], lines: Sequence[str], framework: str) -> str:
    """Return the text of a test file."""
    template, margin = (_PYTEST, " " * 4) if framework == "pytest" else (_UNITTEST, " " * 8)
    body = textwrap.indent(textwrap.dedent("\n".join(lines)).strip("\n"), margin)
    return template.format(imports="".join(f"{line.strip()}\n" for line in imports), name=NAME, body=body)


def look_over(imports: Sequence[str], lines: Sequence[str], modules: frozenset[str]) -> None:
    """Raise AgentFeedback, with a sentence for the model, unless this may run as a test of the repository.

    ``modules`` are the top names that can be imported from the repository.
    """
    head, body = parsed("\n".join(line.strip() for line in imports)), parsed(textwrap.dedent("\n".join(lines)))
    names = _imported(head, modules)
    if not names:
        raise AgentFeedback("The test must import what it tests from this repository.")
    for node in ast.walk(body):
        _refuse(node, frozenset(names))
    checks = [node for node in ast.walk(body) if isinstance(node, ast.Assert) or _is_check(node)]
    if any(isinstance(node, ast.Assert) and _constant(node.test) for node in checks):
        raise AgentFeedback("An assert of a constant says nothing about the repository.")
    used = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
    if not used & names:
        raise AgentFeedback("The test uses nothing of what it imports from this repository.")


def invented(lines: Sequence[str], text: str) -> tuple[str, ...]:
    """Values that a test expects although they do not stand in the problem ``text``: the model worked them out."""
    found: dict[str, None] = {}
    for node in ast.walk(parsed(textwrap.dedent("\n".join(lines)))):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        else:
            sides = list(node.args) if isinstance(node, ast.Call) and _is_check(node) else []
        for inner in (inner for side in sides if _constant(side) for inner in ast.walk(side)):
            if isinstance(inner, ast.Constant) and inner.value not in _TRIVIAL:
                found[str(inner.value)] = None
    return tuple(value for value in found if not re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text))


def parsed(text: str) -> ast.Module:
    """Parse lines of a test. Raises AgentFeedback when they are no Python."""
    tree = parse_tolerant(text)
    if tree is None:
        raise AgentFeedback("The test is not valid Python; mind indentation, brackets and quotes.")
    return tree


def top_modules(paths: Iterable[str]) -> frozenset[str]:
    """Names that tests may import from the repository: every module and every package, wherever its root is."""
    found = set()
    for path in paths:
        pure = PurePosixPath(path)
        if pure.suffix == ".py":
            found |= {*pure.parts[:-1], pure.stem}
    return frozenset(name for name in found if name.isidentifier()) - sys.stdlib_module_names


def own_fault(failure_type: str, innermost: str, test_file: str) -> bool:
    """True for a failure that is the test's own: a name, an import or a call in it that is wrong, not the code's."""
    return innermost == test_file and failure_type != "AssertionError"


def _imported(tree: ast.Module, modules: frozenset[str]) -> set[str]:
    """Names that imports bring from the repository. Raises AgentFeedback for other statements and other modules."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found = {alias.name: (alias.asname or alias.name.partition(".")[0]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found = {f"{node.module}.{alias.name}": alias.asname or alias.name for alias in node.names}
        else:
            raise AgentFeedback("Only absolute import statements may stand in imports.")
        for module, name in found.items():
            top = module.partition(".")[0]
            if top in modules:
                names.add(name)
            elif top not in _HARMLESS or "mock" in module:
                raise AgentFeedback(f"The test must not import {top[:60]}; use this repository and plain data only.")
            if name == "*":
                raise AgentFeedback("The test must import what it needs by name.")
    return names


def _refuse(node: ast.AST, imported: frozenset[str]) -> None:
    """Raise AgentFeedback for what a test of a problem never needs."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        raise AgentFeedback("Imports belong into imports.")
    if isinstance(node, _STATEMENTS):
        raise AgentFeedback(f"A test must not hold a statement of the kind {type(node).__name__.lower()}.")
    if isinstance(node, ast.Attribute):
        if node.attr.startswith("_"):
            raise AgentFeedback(f"The test must not reach for {node.attr[:60]}, which is private.")
        if isinstance(node.ctx, ast.Store) and _root(node) in imported:
            raise AgentFeedback("The test must not replace parts of the code that it tests.")
    if isinstance(node, ast.Name):
        if node.id.startswith("__"):
            raise AgentFeedback(f"The test must not use {node.id[:60]}.")
        if isinstance(node.ctx, ast.Store) and node.id in imported:
            raise AgentFeedback("The test must not replace what it tests.")
    if isinstance(node, ast.Call) and _callee(node) in _CALLS:
        raise AgentFeedback(f"The test must not call {_callee(node)}.")


def _is_check(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _callee(node).startswith("assert")


def _constant(node: ast.expr) -> bool:
    """True for a condition in which nothing is called and no name stands."""
    return not any(isinstance(inner, (ast.Name, ast.Call)) for inner in ast.walk(node))


def _callee(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def known_exceptions(text: str, defined: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Exceptions that a test may say it fails with: a failed assertion, and those that ``text`` names."""
    import builtins  # the names only

    kinds = {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)}
    said = [
        word for word in _words(text) if word in kinds or (word in defined and word.endswith(("Error", "Exception")))
    ]
    return tuple(dict.fromkeys(("AssertionError", *said)))[:8]


def _words(text: str) -> list[str]:
    return "".join(char if char.isalnum() or char == "_" else " " for char in text).split()
