"""``covey runs …``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from covey.app import history
from covey.app.build import open_store
from covey.app.run import resume_run
from covey.cli.render import observer, print_outcome, render_runs_table, render_steps
from covey.core.canonical import stable
from covey.settings import load_settings


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(stable(value), ensure_ascii=True) + "\n")


async def list_command(*, as_json: bool) -> int:
    """List runs, newest first."""
    async with open_store(load_settings()) as store:
        runs = await store.list()
    if as_json:
        rows = [
            {**stable(run), "status": run.status.value, "steps": run.steps, "created_at": run.created_at}
            for run in runs
        ]
        _print_json({"runs": rows})
    else:
        render_runs_table(runs, sys.stdout)
    return 0


async def show_command(run_id: str, *, as_json: bool) -> int:
    """Show one run with its steps and metrics."""
    async with open_store(load_settings()) as store:
        run = await store.get(run_id)
        steps = await store.steps(run.id)
        metrics = await store.metrics(run.id)
    if as_json:
        facts = {**stable(run), "status": run.status.value, "head": run.head, "error": run.error}
        listed = [
            {"seq": step.seq, "name": step.name, "hash": step.hash, "duration_s": step.duration_s} for step in steps
        ]
        _print_json({**facts, "metrics": dict(metrics), "steps": listed})
    else:
        render_steps(run, steps, sys.stdout)
        for name, value in sorted(metrics.items()):
            sys.stdout.write(f"{name}: {value}\n")
    return 0


async def replay_command(run_id: str, *, as_json: bool) -> int:
    """Replay a run and compare hashes."""
    result = await history.replay_run(run_id, load_settings())
    if as_json:
        _print_json({**stable(result), "same": result.followed})
    else:
        verdict = "the same as recorded" if result.followed else f"NOT as recorded. {result.divergence}"
        sys.stdout.write(
            f"{result.run_id}: {result.walked_steps} of {result.recorded_steps} steps derived again, "
            f"head {result.walked_head}: {verdict}\n"
        )
    return 0 if result.followed else 3


async def resume_command(run_id: str, *, as_json: bool, quiet: bool) -> int:
    """Go on with a run."""
    with observer(sys.stderr, quiet=quiet) as watch:
        report = await resume_run(run_id, load_settings(), observer=watch)
    if as_json:
        sys.stdout.write(report.to_json() + "\n")
    else:
        print_outcome(report, sys.stdout)
    return report.exit_code


async def verify_command(what: str, *, offline: bool, as_json: bool) -> int:
    """Check a bundle and run its tests again."""
    checked = await history.verify(what, load_settings(), offline=offline)
    if as_json:
        _print_json({**stable(checked), "ok": checked.ok})
        return 0 if checked.ok else 1
    write = sys.stdout.write
    write(f"{checked.folder}\n")
    for fault in checked.faults:
        write(f"  FAULT  {fault}\n")
    if not checked.faults:
        write("  ok     every file has its recorded sum, and the event chain and the patch hold\n")
    if checked.tests is not None:
        label = checked.tests.label.value if checked.tests.label else "none"
        word = "ok    " if checked.agrees else "FAULT "
        write(f"  {word} tests run again from clean source: {checked.tests.resolution.value}, label {label}\n")
    elif checked.reduced:
        write(f"  note   {checked.reduced}\n")
    return 0 if checked.ok else 1


async def rollback_command(run_id: str, *, as_json: bool) -> int:
    """Take back what ``--apply`` wrote."""
    paths = await history.rollback(run_id, load_settings())
    if as_json:
        _print_json({"restored": list(paths)})
    else:
        sys.stdout.write("".join(f"restored {path}\n" for path in paths))
    return 0


async def export_command(run_id: str, to: Path, *, as_json: bool) -> int:
    """Write a run into one archive."""
    lost = await history.export(run_id, to.absolute(), load_settings())
    if as_json:
        _print_json({"written": str(to.absolute()), "lost": lost})
    else:
        sys.stdout.write("".join(f"lost: {sentence}\n" for sentence in lost) + f"{to.absolute()}\n")
    return 0 if not lost else 3
