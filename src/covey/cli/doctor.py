"""``covey doctor``."""

from __future__ import annotations

import sys

from covey.app.doctor import examine
from covey.cli.render import observer, render_doctor
from covey.cli.render_paper import Paper
from covey.core.report import FindingState
from covey.settings import load_settings

_NAMES = 17
"""Width of the column of names."""


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


async def engine_command(model: str, seconds: float, *, as_json: bool, memory: float | None) -> int:
    """Measure one engine and print what Covey will do with it; exit code 1 when it answers nothing usable."""
    from covey.app.enginecheck import check_engine

    settings = load_settings(model=model, memory=memory)
    with observer(sys.stderr, quiet=as_json) as watch:
        check = await check_engine(settings, budget_s=seconds, observer=watch)
    if as_json:
        sys.stdout.write(check.to_json() + "\n")
    else:
        paper = Paper(sys.stdout)
        paper.line(f"Measured: {check.measured.model}", "bold")
        for row in check.measured.rows():
            paper.line(f"{row.name:<{_NAMES}}{row.value}. {row.explanation}")
        paper.line()
        paper.line(f"What Covey will do with it in a run of {check.advice.seconds:.0f} s", "bold")
        for choice in check.advice.choices:
            paper.line(f"{choice.name:<{_NAMES}}{choice.value}. {choice.why}")
    return 0 if check.advice.usable else 1
