"""The ``covey`` command. Each sub-command is a file that is imported only when it is used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")

app = typer.Typer(
    name="covey",
    help="A small, local flock of coding agents: a repository and a problem in, a patch proved by running tests out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: half the start-up time
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs_app = typer.Typer(help="Look at runs, resume, replay, check, export them.", no_args_is_help=True)
models_app = typer.Typer(help="Find, plan, download and serve models.", no_args_is_help=True)
config_app = typer.Typer(help="Show the configuration.", no_args_is_help=True)
app.add_typer(runs_app, name="runs")
app.add_typer(models_app, name="models")
app.add_typer(config_app, name="config")

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
RunId = Annotated[str, typer.Argument(help="Run id, or enough of its beginning.", show_default=False)]


def _version(value: bool) -> None:  # noqa: FBT001 - the interface of a typer callback
    if value:
        from covey import __version__

        typer.echo(f"covey {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A small, local flock of coding agents."""


def finish(work: Callable[[], Coroutine[None, None, int]], *, as_json: bool) -> None:
    """Run a command to its exit code; the one synchronous edge of Covey."""
    from covey.cli.edge import run_to_exit_code

    raise typer.Exit(run_to_exit_code(work, as_json=as_json))


@app.command()
def run(
    problem: Annotated[
        str, typer.Argument(help="The problem in words; '-' reads it from stdin. Default: the failing tests.")
    ] = "",
    repo: Annotated[Path, typer.Option(help="The repository or folder to repair. It is never written.")] = Path(),
    test: Annotated[str | None, typer.Option(metavar="CMD", help="Test command. Default: found.")] = None,
    holdout: Annotated[
        list[str] | None, typer.Option(metavar="TESTS", help="Tests that only the verdict may use. Repeatable.")
    ] = None,
    attach: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A recording (WAV) or a text of the problem. Repeatable.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="NAME, PATH.gguf, URL or none. Default: configured, else none.")
    ] = None,
    policy: Annotated[str | None, typer.Option(help="Coordination policy. Default: pipeline.")] = None,
    budget: Annotated[float | None, typer.Option(metavar="SECONDS", help="Wall time of the run. Default: 300.")] = None,
    memory: Annotated[float | None, typer.Option(metavar="GB", help="Memory for models. Default: 8.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed. Default: 0.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the evidence goes.")] = None,
    python: Annotated[str | None, typer.Option(help="Interpreter or virtual environment for the tests.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply the final patch to the repository, cleanly or not at all.")
    ] = False,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Run the repository's code bare. Recorded in the evidence.")
    ] = False,
) -> None:
    """Repair a repository: find a patch and prove it by fresh test runs.

    Exit codes: 0 a patch with no regressions, 1 no acceptable patch, 2 unusable input, 3 infrastructure,
    130 interrupted.
    """
    from covey.cli.run import RunOptions, run_command

    options = RunOptions(
        problem=problem, repo=repo, test=test, holdout=tuple(holdout or ()), apply=apply, as_json=as_json, quiet=quiet,
        attach=tuple(attach or ()),
        settings={
            "model": model, "policy": policy, "budget": budget, "memory": memory, "seed": seed, "out": out,
            "python": python, "sandbox": "none" if unsafe_no_sandbox else None,
        },
    )  # fmt: skip
    finish(lambda: run_command(options), as_json=as_json)


@app.command()
def doctor(
    model: Annotated[
        str | None, typer.Option(help="Measure this model's engine instead: NAME, PATH.gguf or URL.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=5, max=3600, help="Seconds to measure for, once it runs.")] = 60.0,
    memory: Annotated[float | None, typer.Option(metavar="GB", help="Memory for the model. Default: 8.")] = None,
    as_json: Json = False,
) -> None:
    """Say what of sandbox, interpreters, git, node and engines is here, what is reduced, and how to mend it.

    With --model: what that engine really does (window, schemas, speed, reuse) and how Covey will use it.
    """
    from covey.cli.doctor import doctor_command, engine_command

    if model is not None:
        finish(lambda: engine_command(model, seconds, as_json=as_json, memory=memory), as_json=as_json)
    finish(lambda: doctor_command(as_json=as_json), as_json=as_json)


@config_app.command("show")
def config_show(as_json: Json = False) -> None:
    """Print every setting with its value and meaning."""
    from covey.cli.config import config_command

    finish(lambda: config_command(as_json=as_json), as_json=as_json)


@runs_app.command("list")
def runs_list(as_json: Json = False) -> None:
    """List runs, newest first."""
    from covey.cli import runs

    finish(lambda: runs.list_command(as_json=as_json), as_json=as_json)


@runs_app.command("show")
def runs_show(run_id: RunId, as_json: Json = False) -> None:
    """Show one run: outcome, steps, metrics."""
    from covey.cli import runs

    finish(lambda: runs.show_command(run_id, as_json=as_json), as_json=as_json)


@runs_app.command("replay")
def runs_replay(run_id: RunId, as_json: Json = False) -> None:
    """Derive the run again from its log, running nothing, and compare hashes."""
    from covey.cli import runs

    finish(lambda: runs.replay_command(run_id, as_json=as_json), as_json=as_json)


@runs_app.command("resume")
def runs_resume(
    run_id: RunId,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    """Go on with an interrupted or failed run, to the same result as if nothing had happened."""
    from covey.cli import runs

    finish(lambda: runs.resume_command(run_id, as_json=as_json, quiet=quiet), as_json=as_json)


@runs_app.command("verify")
def runs_verify(
    what: Annotated[str, typer.Argument(help="Run id, or the folder of an evidence bundle.", show_default=False)],
    offline: Annotated[
        bool, typer.Option("--offline", help="Check sums and chain only; do not run the tests.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the evidence of a run, then run its tests again in fresh trees."""
    from covey.cli import runs

    finish(lambda: runs.verify_command(what, offline=offline, as_json=as_json), as_json=as_json)


@runs_app.command("rollback")
def runs_rollback(run_id: RunId, as_json: Json = False) -> None:
    """Take back what --apply wrote, if the files are unchanged since."""
    from covey.cli import runs

    finish(lambda: runs.rollback_command(run_id, as_json=as_json), as_json=as_json)


@runs_app.command("export")
def runs_export(
    run_id: RunId,
    to: Annotated[Path, typer.Option("--to", metavar="FILE.zip", help="Where to write the archive.")],
    as_json: Json = False,
) -> None:
    """Write the evidence and the event log of a run into one archive."""
    from covey.cli import runs

    finish(lambda: runs.export_command(run_id, to, as_json=as_json), as_json=as_json)


ModelName = Annotated[
    str, typer.Argument(metavar="FILE|NAME", help="A GGUF file or a model's name.", show_default=False)
]
Slots = Annotated[int | None, typer.Option(help="Requests served at the same time, each with its own window.")]
Window = Annotated[int | None, typer.Option(metavar="TOKENS", help="Window of one slot. Default: as fits.")]


@models_app.command("list")
def models_list(
    memory: Annotated[
        float | None, typer.Option(metavar="GB", help="Memory for models. Default: this machine's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List known models and profiles: size, licence, context, what fits, what is downloaded."""
    from covey.cli import models

    finish(lambda: models.list_command(memory=memory, as_json=as_json), as_json=as_json)


@models_app.command("plan")
def models_plan(
    what: ModelName,
    memory: Annotated[float, typer.Option(metavar="GB", help="Memory that the model may take.", show_default=False)],
    context: Window = None,
    parallel: Slots = None,
    kv: Annotated[str | None, typer.Option(metavar="TYPE", help="Type of the KV cache: f16, q8_0 or q4_0.")] = None,
    as_json: Json = False,
) -> None:
    """Say what a model needs in memory and whether it fits; exit code 2 when it does not."""
    from covey.cli import models

    options = models.PlanOptions(what=what, memory=memory, context=context, parallel=parallel, kv=kv)
    finish(lambda: models.plan_command(options, as_json=as_json), as_json=as_json)


@models_app.command("pull")
def models_pull(
    what: Annotated[str, typer.Argument(metavar="NAME|URL", help="A model, a profile, or a file.", show_default=False)],
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder. Default: <home>/models.")] = None,
    sha256: Annotated[str | None, typer.Option(metavar="HEX", help="The checksum that the file must have.")] = None,
    hub: Annotated[
        str | None, typer.Option(metavar="URL", help="A mirror of the model hub, with the same paths.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Download a model; a download that broke off is resumed, and the whole is checked."""
    from covey.cli import models

    finish(lambda: models.pull_command(what, to=to, sha256=sha256, hub=hub, as_json=as_json), as_json=as_json)


@models_app.command("serve")
def models_serve(
    what: ModelName,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    context: Window = None,
    parallel: Slots = None,
    memory: Annotated[float | None, typer.Option(metavar="GB", help="Memory for it. Default: configured.")] = None,
) -> None:
    """Serve a model on this machine with the embedded engine, OpenAI-compatible, until Ctrl-C."""
    from covey.cli import models

    options = models.ServeOptions(what=what, port=port, context=context, parallel=parallel, memory=memory)
    finish(lambda: models.serve_command(options), as_json=False)


def main() -> None:
    """Entry point. A broken pipe on stdout is the reader's choice, not an error."""
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
