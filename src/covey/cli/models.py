"""``covey models …``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from covey.app import modelplan, models
from covey.cli.render_models import fetch_observer, render_listing, render_plan, render_pulled, render_serving
from covey.core.canonical import Frozen, stable
from covey.models.catalogue import HUB
from covey.settings import load_settings


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(stable(value), ensure_ascii=True, allow_nan=False) + "\n")


async def list_command(*, memory: float | None, as_json: bool) -> int:
    """List the catalogue, what is downloaded and what fits."""
    listing = await asyncio.to_thread(models.list_models, load_settings(), memory)
    if as_json:
        _print_json(listing)
    else:
        render_listing(listing, sys.stdout)
    return 0


class PlanOptions(Frozen):
    """Flags of ``covey models plan``."""

    what: str
    memory: float
    context: int | None = None
    parallel: int | None = None
    kv: str | None = None


async def plan_command(options: PlanOptions, *, as_json: bool) -> int:
    """Print a memory plan; exit code 2 when the model cannot be planned into the memory."""
    report = await asyncio.to_thread(
        modelplan.plan_model,
        options.what,
        load_settings(),
        memory_gb=options.memory,
        context=options.context,
        parallel=options.parallel or 1,
        kv_type=options.kv,
    )
    if as_json:
        _print_json(report)
    else:
        render_plan(report, sys.stdout)
    if report.error:
        sys.stderr.write(f"covey: {report.error}\n")
    return 0 if report.fits else 2


async def pull_command(what: str, *, to: Path | None, sha256: str | None, hub: str | None, as_json: bool) -> int:
    """Download a model, all models of a profile, or a file by its address."""
    with fetch_observer(sys.stderr) as observer:
        pulled = await models.pull_models(
            what, load_settings(), to=to, sha256=sha256, hub=hub or HUB, observer=observer
        )
    if as_json:
        _print_json({"files": list(pulled)})
    else:
        for file in pulled:
            render_pulled(file, sys.stdout)
    return 0


class ServeOptions(Frozen):
    """Flags of ``covey models serve``."""

    what: str
    port: int = 0
    context: int | None = None
    parallel: int | None = None
    memory: float | None = None


async def serve_command(options: ServeOptions) -> int:
    """Serve a model until Ctrl-C (exit code 0) or until the engine ends by itself (its error)."""
    serving = models.serving(
        options.what,
        load_settings(),
        port=options.port,
        context=options.context,
        parallel=options.parallel,
        memory_gb=options.memory,
    )
    async with serving as (served, process):
        render_serving(served, sys.stderr)
        try:
            await process.exited()
        except asyncio.CancelledError:  # Ctrl-C is how serving ends; the block ends the engine
            return 0
        raise process.failure(loading=False)
