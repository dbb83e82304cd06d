"""Check a written module: its tests must pass, must notice a module that does nothing, and should run most of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from covey.agents.author import Module
from covey.agents.workbench import Workbench
from covey.core.canonical import Frozen
from covey.core.testing import Outcome, TestReport
from covey.execution.forkserver import ForkServer, ForkServerUnavailable

_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NO_CODE = (ast.Global, ast.Nonlocal, ast.Try)


class Checked(Frozen):
    """What tests say about a module.

    ``hollow`` are the results with every function body replaced by ``return None``: a test that passes there checks
    nothing. ``coverage`` is the share, in whole percent rounded down, of the statements inside functions that the
    tests run; None where it could not be measured. ``unrun`` are the lines of the others.
    """

    real: TestReport
    hollow: TestReport = TestReport()
    coverage: int | None = None
    unrun: tuple[int, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Tests that pass, and do not when the module does nothing."""
        idle = frozenset(self.hollow.ids(Outcome.passed))
        return tuple(test for test in self.real.ids(Outcome.passed) if test not in idle)

    @property
    def good(self) -> bool:
        """True when the suite is green and notices an empty module."""
        return self.real.green and bool(self.targets)


class ModuleChecker:
    """Runs a module's tests in the sandbox: as it is, hollow, and traced."""

    name = "tester"

    async def run(self, request: Module, tools: Workbench) -> Checked:
        """Fill the slot. Only a green suite is looked at any further."""
        tree = await tools.tree(dict(request.files), search=False)
        real = await tools.run_tests(tree, search=False)
        if not real.green:
            return Checked(real=real)
        emptied = {**request.files, request.path: hollow(request.code).encode()}
        idle = await tools.run_tests(await tools.tree(dict(emptied), search=False), search=False)
        ran = await _lines_run(request, tools, real.ids(Outcome.passed))
        if ran is None:
            return Checked(real=real, hollow=idle)
        covered, unrun = coverage(request.code, ran)
        return Checked(real=real, hollow=idle, coverage=covered, unrun=unrun)


async def _lines_run(module: Module, tools: Workbench, tests: tuple[str, ...]) -> frozenset[int] | None:
    """Lines of the module that its tests run; None where tests cannot be traced."""
    ground = tools.ground
    tree = await tools.tree(dict(module.files), search=False)
    server = ForkServer(
        tools.sandbox, ground.environment, ground.command, tree, workers=1, limits=tools.limits, seed=tools.seed
    )
    try:
        async with server:
            spectrum = await server.trace(tests, tools.test_timeout_s)
    except ForkServerUnavailable as error:
        tools.tell("coverage", "failed", str(error))
        return None
    return frozenset(line for traced in spectrum.tests for line in traced.lines.get(module.path, ()))


def hollow(code: str) -> str:
    """Return a module with the body of every function replaced by ``return None``."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [ast.Return(ast.Constant(None))]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def coverage(code: str, ran: frozenset[int]) -> tuple[int, tuple[int, ...]]:
    """Return the percent of statements inside functions that ``ran``, and the first lines of the others.

    Stricter than a count of all lines: importing a module runs its definitions, which shows nothing. 100 for a module
    without functions.
    """
    spans = list(_statements(ast.parse(code)))
    unrun = tuple(first for first, last in spans if ran.isdisjoint(range(first, last + 1)))
    return (100 * (len(spans) - len(unrun)) // len(spans) if spans else 100), unrun


def _statements(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """First and last line of the statements in functions; of compound ones only the head."""
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    outer = [node for node in functions if not any(node is not other and _within(node, other) for other in functions)]
    for function in outer:
        for node in (inner for statement in function.body for inner in ast.walk(statement)):
            if not isinstance(node, ast.stmt) or isinstance(node, _NO_CODE) or _is_text(node):
                continue
            body = getattr(node, "body", None)
            last = node.lineno if isinstance(node, _NESTED) else node.end_lineno or node.lineno
            if body and isinstance(body, list) and not isinstance(node, _NESTED):
                last = max(node.lineno, body[0].lineno - 1)
            yield node.lineno, last


def _within(node: ast.stmt, other: ast.stmt) -> bool:
    return other.lineno <= node.lineno and (node.end_lineno or 0) <= (other.end_lineno or 0)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
