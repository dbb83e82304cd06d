"""A secret that a repository, a test, an installer or a user lets slip must not be in anything Covey keeps or shows.

Exempt, and said in the report: the patch itself and the files it touches, which must be exact to be applied.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from pydantic import JsonValue

from covey.cli.render import observer, print_outcome, render_steps
from covey.core.execution import Environment, TestCommand
from covey.core.progress import Progress
from covey.core.redact import redact
from covey.core.run import RunStatus
from covey.core.testing import Failure, Outcome, TestReport, TestResult
from covey.evidence.bundle import bundle_files, write_bundle
from covey.evidence.check import check_bundle
from covey.evidence.item import EvidenceInput
from covey.evidence.report import run_report
from support_evidence import AFTER, BEFORE, PATH, RED, diff_of, make_item, make_run, make_steps, make_tests
from support_secrets import ALNUM, draw, planted

pytestmark = pytest.mark.requirement("E12")

SECRETS = {
    **planted(),
    "password": "pass" + "word=" + draw(ALNUM, 24),
    "url_credentials": f"https://me:{draw(ALNUM, 16)}@host/x",
}
EXACT = ("patch.diff", "touched/")


def leaky_item(secret: str) -> EvidenceInput:
    """A run in which every place that takes free text holds ``secret``."""
    text = f"oops ({secret}) oops"
    failure = Failure(type="AssertionError", message=text, text=text)
    before = TestReport(
        results=(TestResult(id=RED, outcome=Outcome.failed, failure=failure),),
        exit_code=1,
        output=f"{'x' * 300_000}\n{text}\n",
        command=("python", "-c", text),
    )
    run = make_run(redact(text))  # what enters the log is redacted before it is hashed
    details: tuple[JsonValue, ...] = ({"stdout": text, "deep": [{"text": text}]}, {text: 1})
    return make_item(
        run=run,
        steps=make_steps(run, details),
        status=RunStatus.plausible,
        before=before,
        after=make_tests(green=True, output=text),
        notes=(text,),
        headline=text,
        explanation=text,
        error=text,
        environment=Environment(
            kind="built", python="python", version=(3, 11, 2), env={"X": text}, lock=(f"own @ {text}",), notes=(text,)
        ),
        command=TestCommand(framework="command", argv=("sh", "-c", text), shell=text, notes=(text,)),
    )


def value_of(kind: str) -> str:
    """The part of a planted text that must not survive."""
    secret = SECRETS[kind]
    if kind == "password":
        return secret.partition("=")[2]
    if kind == "url_credentials":
        return secret.partition("me:")[2].partition("@")[0]
    return secret.split("\n")[1] if kind == "private_key" else secret


@pytest.mark.parametrize("kind", sorted(SECRETS))
def test_no_file_of_a_bundle_holds_a_secret(kind: str) -> None:
    secret, value = SECRETS[kind], value_of(kind)
    files = bundle_files(leaky_item(secret))
    leaks = [name for name, data in files.items() if value.encode() in data]
    assert [name for name in leaks if not name.startswith(EXACT)] == []
    assert b"[REDACTED:" in files["logs/before.txt"]
    assert b"[REDACTED:" in files["events.jsonl"]
    assert b"[REDACTED:" in files["environment.lock"]


@pytest.mark.parametrize("kind", sorted(SECRETS))
def test_no_secret_reaches_the_terminal_or_the_json(kind: str) -> None:
    item, value = leaky_item(SECRETS[kind]), value_of(kind)
    report = run_report(item, Path("/out"))
    stream = io.StringIO()
    print_outcome(report, stream)
    render_steps(item.run.model_copy(update={"error": SECRETS[kind].replace("\n", " ")}), item.steps, stream)
    with observer(stream, quiet=False) as watch:
        watch(Progress(stage="prepare", message=SECRETS[kind]))
    assert "[REDACTED:" in stream.getvalue()
    assert value not in stream.getvalue()
    assert value not in report.to_json()


async def test_a_redacted_bundle_still_checks_out(tmp_path: Path) -> None:
    """Redaction touches only what is not hashed, so the chain of events holds."""
    for number, secret in enumerate(SECRETS.values()):
        check = check_bundle(await write_bundle(tmp_path / str(number), leaky_item(secret)))
        assert check.faults == ()


@pytest.mark.parametrize("kind", sorted(SECRETS))
def test_a_secret_that_the_patch_adds_is_flagged_but_the_patch_stays_exact(kind: str) -> None:
    """The positive control: the same text, where it must not be altered, is there."""
    after = AFTER + "".join(f"# {line}\n" for line in f"({SECRETS[kind]})".split("\n"))
    diff = diff_of(BEFORE, after)
    patch = make_item().patch
    assert patch is not None
    item = make_item(patch=patch.model_copy(update={"diff": diff}), touched={PATH: (BEFORE.encode(), after.encode())})
    files = bundle_files(item)
    assert files["patch.diff"] == diff.encode()
    assert value_of(kind).encode() in files["patch.diff"]
    assert value_of(kind) not in files["report.md"].decode()
    assert "## Secrets in the patch" in files["report.md"].decode()
    flagged = json.loads(files["report.json"])["secrets"]
    assert [entry["kind"] for entry in flagged] == [kind]
    line = diff.split("\n")[flagged[0]["line"] - 1]
    assert line.startswith("+# (")
    stream = io.StringIO()
    print_outcome(run_report(item, Path("/out")), stream)
    assert f"secrets   {kind} in line {flagged[0]['line']} of the patch" in stream.getvalue()


def test_a_secret_that_was_there_before_is_not_the_doing_of_the_patch() -> None:
    before = BEFORE.replace("-= value\n", f"-= value  # was\n    # ({SECRETS['jwt']})\n")
    diff = diff_of(before, before.replace("-=", "+="))
    patch = make_item().patch
    assert patch is not None
    assert SECRETS["jwt"] in diff
    assert run_report(make_item(patch=patch.model_copy(update={"diff": diff}))).secrets == ()
