"""``covey doctor``."""

from __future__ import annotations

import sys

from covey.app.doctor import examine
from covey.cli.render import render_doctor
from covey.core.report import FindingState
from covey.settings import load_settings


async def doctor_command(*, as_json: bool) -> int:
    """Print findings; exit code 2 when no run can work (no sandbox, no git, no interpreter, no store)."""
    report = await examine(load_settings())
    if as_json:
        sys.stdout.write(report.to_json() + "\n")
    else:
        render_doctor(report.findings, sys.stdout)
    states = {finding.name: finding.state for finding in report.findings}
    sandbox = any(state is not FindingState.missing for name, state in states.items() if name.startswith("sandbox"))
    needed = [states.get(name) for name in ("git", "interpreters", "store")]
    return 0 if sandbox and FindingState.missing not in needed else 2
