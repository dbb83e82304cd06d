"""Test: run the tests of the untouched tree and say what is red."""

from __future__ import annotations

from covey.agents.slots import TestRequest
from covey.agents.workbench import Workbench
from covey.core.testing import TestReport


class Tester:
    """Floor and ceiling: the harness runs the tests, never a model."""

    name = "tester"

    async def run(self, request: TestRequest, tools: Workbench) -> TestReport:
        """Run the requested tests in a fresh process."""
        return await tools.run_tests(await tools.tree(), request.tests)
