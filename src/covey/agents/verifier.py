"""Verify: try drafts against the tests, fast. The final word comes later and from fresh processes."""

from __future__ import annotations

import time
from contextlib import aclosing

from covey.agents.slots import Verified, VerifyRequest
from covey.agents.workbench import Workbench
from covey.core.repair import Standing, Verdict


class Verifier:
    """Floor and ceiling: running tests decide, in the order of the drafts, until enough are plausible."""

    name = "verifier"

    async def run(self, request: VerifyRequest, tools: Workbench) -> Verified:
        """Fill the slot. Stops early at the deadline; what was seen until then is kept."""
        validator = await tools.validator()
        verdicts: list[Verdict] = []
        plausible, stopped, started = 0, "", time.monotonic()
        earlier = int(tools.metrics.get("plausible", 0))
        async with aclosing(validator.validate(request.candidates, request.plan)) as stream:
            async for verdict in stream:
                verdicts.append(verdict)
                tools.count("candidates", 1)
                plausible += verdict.standing is Standing.plausible
                seconds = tools.metrics.get("verify_seconds", 0.0) + time.monotonic() - started
                tried = int(tools.metrics["candidates"])
                tools.tell("verify", tried=tried, per_second=tried / max(seconds, 1e-6), plausible=earlier + plausible)
                if plausible >= request.enough:
                    stopped = "enough"
                    break
                if tools.deadline.over:
                    stopped = "deadline"
                    break
        elapsed = time.monotonic() - started
        tools.count("verify_seconds", elapsed)
        tools.count("plausible", plausible)
        return Verified(verdicts=tuple(verdicts), stopped=stopped, seconds=elapsed)
