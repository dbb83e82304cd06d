from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.cli.render import print_outcome, render_doctor, render_runs_table, render_steps
from covey.core.patch import Label
from covey.core.redact import Secret
from covey.core.report import EXIT_CODES, LABEL_MEANING, STATUS_MEANING, DoctorReport, Finding, FindingState, RunReport
from covey.core.run import RunStatus
from covey.evidence.report import run_report
from support_evidence import RED, make_item, make_patch, make_run, make_steps, without_patch

OUT = Path("/home/me/out/20261120-101502-3f9a2c")

OUTCOME = f"""\
Repaired 1 failing test in shop/cart.py:4.
status    patched: A patch was found and proved by fresh test runs.
label     no_regressions: The target tests pass and nothing else broke, in fresh processes on clean source, twice.
where     shop/cart.py
what      The loop subtracted each value.
why       Not verified: no held-out tests were named (--holdout).
concerns  It changes an operator.

{make_patch().diff}
tests     before: 1 passed, 1 red of 2
          after:  2 passed, 0 red of 2
fixed     tests/test_cart.py::test_total
time      3.2 s, 41 candidates (40.0/s)
model     none (procedures only)
sandbox   bubblewrap; nothing enforced: memory
notes     The search stopped when enough was found.
others    1 other patch passed the target tests: see report.md
evidence  /home/me/out/20261120-101502-3f9a2c
apply     git -C /home/me/shop apply /home/me/out/20261120-101502-3f9a2c/patch.diff
          or: covey run --repo /home/me/shop --apply
check     covey runs verify 20261120-101502-3f9a2c
replay    covey runs replay 20261120-101502-3f9a2c
"""

NO_PATCH = """\
No acceptable patch was found.
status    no_patch: No acceptable patch was found.
suspects  shop/cart.py:4 (score 0.90)
tests     before: 1 passed, 1 red of 2
red       tests/test_cart.py::test_total
time      3.2 s, 41 candidates (40.0/s)
model     none (procedures only)
sandbox   bubblewrap; nothing enforced: memory
notes     The search stopped when enough was found.
evidence  /home/me/out/20261120-101502-3f9a2c
check     covey runs verify 20261120-101502-3f9a2c
replay    covey runs replay 20261120-101502-3f9a2c
"""


def printed(report: RunReport) -> str:
    stream = io.StringIO()
    print_outcome(report, stream)
    return stream.getvalue()


def test_the_plain_outcome_of_a_patched_run() -> None:
    assert printed(run_report(make_item(), OUT)) == OUTCOME


def test_the_plain_outcome_without_a_patch() -> None:
    assert printed(run_report(without_patch(), OUT)) == NO_PATCH


def test_json_is_exactly_one_object_with_the_fields_of_the_contract() -> None:
    text = run_report(make_item(), OUT).to_json()
    assert "\n" not in text
    assert text.isascii()
    value = json.loads(text)
    assert {
        "run_id", "status", "label", "patch", "diff", "duration_s", "model", "tests", "alternatives", "evidence",
        "tokens",
    } <= value.keys()  # fmt: skip
    assert value["tests"]["before"]["failed"] == 1
    assert value["tests"]["after"]["passed"] == 2
    assert value["tokens"] == {"prefilled": 30, "reused": 15, "generated": 3}
    assert value["diff"] == make_patch().diff
    assert value["patch"] == f"{OUT}/patch.diff"
    assert RunReport.model_validate(value).to_json() == text


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_status_has_a_meaning_an_exit_code_and_an_outcome(status: RunStatus) -> None:
    assert STATUS_MEANING[status]
    assert (EXIT_CODES[status] == 0) == (status is RunStatus.patched)
    assert f"status    {status.value}: " in printed(run_report(make_item(status=status), OUT))


@pytest.mark.parametrize("label", [*Label, None])
def test_every_label_has_one_sentence(label: Label | None) -> None:
    assert LABEL_MEANING[label].endswith(".")


def test_applied_patches_say_how_to_take_them_back() -> None:
    text = printed(run_report(make_item(), OUT).model_copy(update={"applied": True}))
    assert "applied   to /home/me/shop\n          take it back: covey runs rollback 20261120-101502-3f9a2c\n" in text
    assert "git -C" not in text


def test_secrets_errors_and_an_open_run_are_said() -> None:
    report = run_report(make_item(status=RunStatus.interrupted, error="stopped"), OUT)
    text = printed(report.model_copy(update={"secrets": (Secret(kind="jwt", line=7),), "regressions": ("test_a",)}))
    assert "secrets   jwt in line 7 of the patch: look before you publish it\n" in text
    assert "error     stopped\n" in text
    assert "broken    test_a\n" in text
    assert "resume    covey runs resume 20261120-101502-3f9a2c\n" in text


def test_escape_sequences_of_a_repository_never_reach_the_stream() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e"
    item = make_item(explanation=evil, headline=evil, notes=(evil,), targets=(evil,))
    report = run_report(item, OUT).model_copy(update={"diff": f"+{evil}\n", "files": (evil,), "fixed": (evil,)})
    text = printed(report)
    assert not set(text) & set("\x1b\x07\u202e")
    assert "\\x1b]0;owned\\x07" in text


def test_a_stream_that_knows_ascii_only_gets_escapes_instead_of_an_error() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    print_outcome(run_report(make_item(headline="naïve → fixed", notes=("\udcff",)), OUT), stream)
    stream.flush()
    assert raw.getvalue().startswith(b"na\\xefve \\u2192 fixed\nstatus")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.text(max_size=20), max_size=15))
def test_any_text_can_be_printed(headline: str, diff: str, names: list[str]) -> None:
    report = run_report(without_patch(), OUT)
    changes = {"headline": headline, "diff": diff, "fixed": tuple(names), "files": tuple(names)}
    text = printed(report.model_copy(update=changes))
    assert text.endswith("\n")
    assert "\x1b" not in text


def test_long_lists_and_long_diffs_are_cut_and_say_so() -> None:
    report = run_report(make_item(), OUT)
    names = tuple(f"test_{number}" for number in range(25))
    diff = "+x\n" * 1000
    text = printed(report.model_copy(update={"fixed": names, "diff": diff}))
    assert "test_9\n          and 15 more\n" in text
    assert "… 600 more lines: see the patch file\n" in text


def test_runs_are_one_line_each() -> None:
    stream = io.StringIO()
    run = make_run().model_copy(update={"status": RunStatus.patched, "steps": 12, "created_at": 1_795_000_000.0})
    render_runs_table([run, run.model_copy(update={"status": RunStatus.no_patch})], stream)
    assert stream.getvalue() == (
        "run                     status    started (UTC)     steps  repository\n"
        "20261120-101502-3f9a2c  patched   2026-11-18 11:06     12  /home/me/shop  The total of a cart is negative.\n"
        "20261120-101502-3f9a2c  no_patch  2026-11-18 11:06     12  /home/me/shop  The total of a cart is negative.\n"
    )


def test_no_runs_say_how_to_start_one() -> None:
    stream = io.StringIO()
    render_runs_table([], stream)
    assert stream.getvalue() == "No runs yet. Start one: covey run --repo PATH\n"


def test_steps_are_one_line_each_below_the_facts_of_their_run() -> None:
    stream = io.StringIO()
    run = make_run().model_copy(update={"status": RunStatus.failed, "error": "the sandbox failed", "head": "h" * 64})
    steps = make_steps(run)
    render_steps(run, steps, stream)
    lines = stream.getvalue().split("\n")
    assert lines[0] == "run       20261120-101502-3f9a2c"
    assert "error     the sandbox failed" in lines
    assert f"head      {'h' * 64}" in lines
    assert lines[-2] == f"    2      0.00        2  {steps[2].hash[:12]}  step2"


def test_doctor_prints_state_detail_and_the_command_that_mends() -> None:
    findings = (
        Finding(name="git", state=FindingState.ok, detail="2.39", mend="not needed"),
        Finding(name="sandbox: bubblewrap", state=FindingState.reduced, detail="no cgroup", mend="mount cgroup v2"),
        Finding(name="node", state=FindingState.missing, detail="not found", mend="install nodejs"),
    )
    stream = io.StringIO()
    render_doctor(findings, stream)
    assert stream.getvalue() == (
        "ok       git                  2.39\n"
        "reduced  sandbox: bubblewrap  no cgroup\n"
        "                              mend: mount cgroup v2\n"
        "missing  node                 not found\n"
        "                              mend: install nodejs\n"
    )
    assert json.loads(DoctorReport(findings=findings).to_json())["findings"][1]["mend"] == "mount cgroup v2"


def test_importing_the_renderer_does_not_load_rich() -> None:
    code = "import sys, covey.cli.render; print([n for n in sys.modules if n.split('.')[0] in ('rich', 'pygments')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_on_a_terminal_the_diff_is_coloured_and_its_text_is_whole() -> None:
    code = (
        "import sys; from pathlib import Path; from support_evidence import make_item\n"
        "from covey.cli.render import print_outcome; from covey.evidence.report import run_report\n"
        "print_outcome(run_report(make_item(headline='x [bold]y[/bold] ' * 20), Path('/o')), sys.stdout)\n"
    )
    for term, coloured in (("xterm-256color", True), ("dumb", False)):
        ours, theirs = pty.openpty()
        environment = {"PATH": os.defpath, "TERM": term, "COLUMNS": "60", "PYTHONIOENCODING": "utf-8"}
        process = subprocess.Popen(
            [sys.executable, "-B", "-c", code], stdout=theirs, env=environment, cwd=Path(__file__).parents[2]
        )
        os.close(theirs)
        text = b""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while chunk := os.read(ours, 65536):
                text += chunk
        os.close(ours)
        assert process.wait(60) == 0
        shown = text.decode().replace("\r\n", "\n")
        assert ("\x1b[32m+        result += value\x1b[0m\n" in shown) == coloured
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        assert make_patch().diff in plain
        assert "x [bold]y[/bold] " * 20 + "\n" in plain.replace("[/bold]\n", "[/bold] \n")


def test_a_red_test_is_still_named_where_there_is_no_patch() -> None:
    assert RED in printed(run_report(without_patch(), OUT))
