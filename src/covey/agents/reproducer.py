"""Reproduce: find the failing tests that show the problem, or write one from what the problem text shows."""

from __future__ import annotations

import posixpath
import textwrap

from covey.agents.slots import Brief, ReproduceRequest, Reproduction
from covey.agents.workbench import Workbench
from covey.core.testing import Failure, TestReport, TestResult

REPRODUCTION = "test_covey_reproduction.py"
_NETWORK = frozenset(
    {"gaierror", "ConnectionError", "ConnectionRefusedError", "NewConnectionError", "URLError", "ConnectError",
     "MaxRetryError", "ProxyError"}
)  # fmt: skip
_TESTS_ASKED_AT_MOST = 200


class Reproducer:
    """Floor: red tests are confirmed by a second fresh run; without any, examples in the text become tests."""

    name = "reproducer"

    async def run(self, request: ReproduceRequest, tools: Workbench) -> Reproduction:
        """Fill the slot. No targets in the answer means that the problem could not be shown."""
        red = [result for result in request.baseline.results if result.outcome.bad]
        if not red:
            return await _write_tests(request.brief, request.baseline, tools)
        set_aside = {result.id: why for result in red if (why := _environmental(result.failure, tools))}
        kept = [result for result in red if result.id not in set_aside]
        if not kept:  # all that is red looks like the environment: then that is the problem to work on
            kept, set_aside = red, {}
        named = _named(request.brief, kept)
        if named:
            set_aside |= {result.id: "not what the problem text describes" for result in kept if result not in named}
            kept = named
        flaky = await _unsteady(kept, tools)
        return Reproduction(
            targets=tuple(result.id for result in kept if result.id not in flaky),
            set_aside=set_aside,
            flaky=tuple(sorted(flaky)),
            notes=tuple(f"{test} failed once and passed once: flaky, left out" for test in sorted(flaky)),
        )


def _environmental(failure: Failure | None, tools: Workbench) -> str:
    """Why this failure is about the machine rather than the code; empty when it is not."""
    if failure is None:
        return ""
    if failure.type.rpartition(".")[2] in _NETWORK:
        return "needs the network, which tests do not get"
    module = (failure.missing_module or "").partition(".")[0]
    if module and not any(module in path.removesuffix(".py").split("/") for path in tools.sources):
        return f"needs the module {module}, which is not installed"
    return ""


def _named(brief: Brief, red: list[TestResult]) -> list[TestResult]:
    """Red tests that the text names, or that fail exactly as its traceback does."""
    by_name = [result for result in red if any(_same_test(result.id, wanted) for wanted in brief.tests)]
    if by_name or not (brief.frames and brief.exception):
        return by_name
    last, kind = brief.frames[-1], brief.exception.rpartition(".")[2]
    return [
        result
        for result in red
        if (failure := result.failure) and failure.frames
        and failure.type.rpartition(".")[2] == kind
        and (failure.frames[-1].path, failure.frames[-1].function) == (last.path, last.function)
    ]  # fmt: skip


def _same_test(test_id: str, wanted: str) -> bool:
    """True when ``wanted`` is the test's id, its last parts, or the file it lies in."""
    return (
        test_id == wanted
        or test_id.endswith((f"::{wanted}", f".{wanted}", f"/{wanted}"))
        or (test_id.startswith((f"{wanted}::", f"{wanted}[")))
    )


async def _unsteady(red: list[TestResult], tools: Workbench) -> set[str]:
    """Run red tests once more, alone; those that are green now are flaky or depend on other tests."""
    asked = [result.id for result in red[:_TESTS_ASKED_AT_MOST] if "::" in result.id or "." in result.id]
    if not asked or tools.ground.command.framework == "command":
        return set()
    again = (await tools.run_tests(await tools.tree(), asked)).by_id()
    return {test for test in asked if test in again and not again[test].outcome.bad}


async def _write_tests(brief: Brief, baseline: TestReport, tools: Workbench) -> Reproduction:
    if not brief.snippets or tools.ground.command.framework == "command":
        return Reproduction(notes=("no test is red, and the problem text shows no example that can be run",))
    folder = next((posixpath.dirname(result.path) for result in baseline.results if result.path), "")
    path = posixpath.join(folder, REPRODUCTION)
    text = render_tests(brief.snippets, brief.exception.rpartition(".")[2])
    report = await tools.run_tests(await tools.tree({path: text.encode()}))
    written = [result for result in report.results if posixpath.basename(result.path or "") == REPRODUCTION]
    kind = brief.exception.rpartition(".")[2]
    red = tuple(result.id for result in written if result.outcome.bad and not _incomplete(result.failure, kind))
    if not red:
        why = (
            "cannot run by themselves" if any(result.outcome.bad for result in written) else "were run and do not fail"
        )
        return Reproduction(notes=(f"the examples of the problem text {why}",))
    return Reproduction(
        targets=red,
        new_tests={path: text},
        notes=(f"no test was red; {len(red)} test(s) were written from the problem text",),
    )


def _incomplete(failure: Failure | None, described: str) -> bool:
    """True for an example that uses names it does not define, as people write them: it says nothing about the code."""
    if failure is None or failure.type not in ("NameError", "SyntaxError") or failure.type == described:
        return False
    return not failure.frames or posixpath.basename(failure.frames[-1].path) == REPRODUCTION


_HEADER = '''"""Examples from the problem text, written down as tests by Covey."""

import doctest
import textwrap
import unittest


class ProblemExamples(unittest.TestCase):
'''

_DOCTEST = """
    def test_example_{number}(self):
        source = textwrap.dedent({source!r})
        examples = doctest.DocTestParser().get_doctest(source, {{}}, "example", None, None)
        lines = []
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        failed = runner.run(examples, out=lines.append).failed
        self.assertEqual(failed, 0, "".join(lines))
"""

_RAISES = """
    def test_example_{number}(self):
        source = textwrap.dedent({source!r})
        exec(compile(source, "<example {number}>", "exec"), {{"__name__": "example"}})
"""


def render_tests(snippets: tuple[str, ...], exception: str) -> str:
    """Write a test file from examples.

    An interactive example whose shown outcome is the exception that the text complains about must run without it;
    any other interactive example must print what it shows; plain code must run to its end.
    """
    parts = [_HEADER]
    for number, snippet in enumerate(snippets, 1):
        source = textwrap.dedent(snippet).strip() + "\n"
        if ">>>" not in source:
            parts.append(_RAISES.format(number=number, source=source))
        elif exception and "Traceback" in source:
            code = "\n".join(line[4:] for line in source.splitlines() if line.startswith((">>> ", "... ")))
            parts.append(_RAISES.format(number=number, source=code + "\n"))
        else:
            parts.append(_DOCTEST.format(number=number, source=source))
    return "".join(parts)
