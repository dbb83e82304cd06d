"""``covey run``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from covey.app.attachments import with_attachments
from covey.app.run import solve
from covey.cli.render import observer, print_outcome
from covey.core.errors import UnusableInput
from covey.settings import load_settings

_PROBLEM_LIMIT = 20 << 20


@dataclass(frozen=True)
class RunOptions:
    """The flags of ``covey run`` as given; ``settings`` holds those that override the configuration."""

    problem: str
    repo: Path
    test: str | None
    holdout: tuple[str, ...]
    apply: bool
    as_json: bool
    quiet: bool
    attach: tuple[Path, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)


async def run_command(options: RunOptions) -> int:
    """Solve the task, print the outcome, return the exit code."""
    settings = load_settings(**options.settings)
    problem = await with_attachments(read_problem_text(options.problem), options.attach, settings)
    with observer(sys.stderr, quiet=options.quiet) as watch:
        report = await solve(
            options.repo,
            problem,
            test=options.test,
            holdout=options.holdout,
            apply=options.apply,
            settings=settings,
            observer=watch,
        )
    if options.as_json:
        sys.stdout.write(report.to_json() + "\n")
    else:
        print_outcome(report, sys.stdout)
    return report.exit_code


def read_problem_text(problem: str) -> str:
    """The problem itself, or standard input for ``-``. Raises UnusableInput beyond 20 MB."""
    if problem != "-":
        return problem
    text = sys.stdin.buffer.read(_PROBLEM_LIMIT + 1)
    if len(text) > _PROBLEM_LIMIT:
        raise UnusableInput("The problem on standard input is larger than 20 MB. Give the part that matters.")
    return text.decode("utf-8", "replace")
