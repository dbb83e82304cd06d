"""The commands and their flags, without running anything behind them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from covey import __version__
from covey.cli.main import app
from covey.cli.run import RunOptions, read_problem_text
from covey.core.errors import UnusableInput
from covey.core.report import RunReport
from covey.core.run import RunStatus
from covey.settings import Settings

RUN_ID = "20261120-101502-3f9a2c"


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), prog_name="covey")
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """What ``covey run`` understood; nothing is run."""
    seen: list[RunOptions] = []

    async def command(given: RunOptions) -> int:
        seen.append(given)
        return 0

    monkeypatch.setattr("covey.cli.run.run_command", command)
    return seen


class Solved:
    """Stands in for ``solve``; keeps what it was asked and reports a status."""

    def __init__(self, status: RunStatus = RunStatus.no_patch, code: int = 1) -> None:
        self.report = RunReport(run_id=RUN_ID, status=status, exit_code=code)
        self.asked: dict[str, Any] = {}

    async def __call__(self, repository: Path, problem: str, **given: Any) -> RunReport:
        self.asked = {"repository": repository, "problem": problem, **given}
        return self.report


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> Solved:
    stand_in = Solved()
    monkeypatch.setattr("covey.cli.run.solve", stand_in)
    return stand_in


def test_without_arguments_there_is_help(options: list[RunOptions]) -> None:
    for arguments in ((), ("runs",), ("config",)):
        _, out, err = invoke(*arguments)
        assert "Usage: covey" in out + err
    assert not options


def test_the_version_is_printed() -> None:
    assert invoke("--version") == (0, f"covey {__version__}\n", "")


def test_help_imports_nothing_but_the_command_line() -> None:
    script = (
        "import sys\nfrom covey.cli.main import app\n"
        "print([name for name in sys.modules if name.startswith(('covey.', 'pydantic'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "['covey.cli', 'covey.cli.main']"


def test_every_flag_of_run_reaches_its_place(options: list[RunOptions], tmp_path: Path) -> None:
    code, _, _ = invoke(
        "run", "it is wrong", "--repo", str(tmp_path), "--test", "make test", "--holdout", "a.py", "--holdout", "b/",
        "--model", "none", "--policy", "pipeline", "--budget", "9.5", "--memory", "2", "--seed", "3", "--out", "here",
        "--python", "/py", "--apply", "--json", "-q", "--unsafe-no-sandbox",
    )  # fmt: skip
    assert code == 0
    assert options == [
        RunOptions(
            problem="it is wrong", repo=tmp_path, test="make test", holdout=("a.py", "b/"), apply=True, as_json=True,
            quiet=True,
            settings={
                "model": "none", "policy": "pipeline", "budget": 9.5, "memory": 2.0, "seed": 3, "out": Path("here"),
                "python": "/py", "sandbox": "none",
            },
        )
    ]  # fmt: skip


def test_flags_that_are_not_given_override_nothing(options: list[RunOptions]) -> None:
    assert invoke("run")[0] == 0
    (given,) = options
    assert set(given.settings.values()) == {None}
    assert set(given.settings) <= set(Settings.model_fields)
    assert (given.problem, given.repo, given.holdout, given.apply, given.as_json) == ("", Path(), (), False, False)


@pytest.mark.parametrize(
    "arguments", [("run", "--budget", "soon"), ("run", "a", "b"), ("fly",), ("runs", "show"), ("runs", "export", "x")]
)
def test_usage_errors_have_exit_code_2_and_no_traceback(arguments: tuple[str, ...]) -> None:
    code, out, err = invoke(*arguments)
    assert code == 2
    assert "Traceback" not in out + err


@pytest.mark.parametrize(("status", "code"), [(RunStatus.patched, 0), (RunStatus.no_patch, 1), (RunStatus.partial, 1)])
def test_the_report_decides_the_exit_code_and_is_one_json_object(solved: Solved, status: RunStatus, code: int) -> None:
    solved.report = solved.report.model_copy(update={"status": status, "exit_code": code})
    found, out, _ = invoke("run", "--json", "-q")
    assert found == code
    assert json.loads(out)["status"] == status.value
    assert out.count("\n") == 1


def test_run_solves_with_the_settings_of_its_flags(solved: Solved, tmp_path: Path) -> None:
    assert invoke("run", "words", "--repo", str(tmp_path), "--budget", "7", "--seed", "2", "-q")[0] == 1
    settings = solved.asked["settings"]
    assert (settings.budget, settings.seed, settings.sandbox) == (7, 2, "auto")
    assert (solved.asked["repository"], solved.asked["problem"], solved.asked["apply"]) == (tmp_path, "words", False)


def test_people_get_the_outcome_on_stdout_and_progress_on_stderr(solved: Solved) -> None:
    _, out, err = invoke("run", "-q")
    assert "No acceptable patch was found." in out
    assert err == ""


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_a_dash_reads_the_problem_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_problem_text("words") == "words"
    monkeypatch.setattr("sys.stdin", Stdin("é \udc80".encode("utf-8", "surrogatepass")))
    assert read_problem_text("-").startswith("é ")
    monkeypatch.setattr("covey.cli.run._PROBLEM_LIMIT", 10)
    monkeypatch.setattr("sys.stdin", Stdin(b"x" * 10))
    assert read_problem_text("-") == "x" * 10
    monkeypatch.setattr("sys.stdin", Stdin(b"x" * 11))
    with pytest.raises(UnusableInput, match="larger than 20 MB"):
        read_problem_text("-")


def test_settings_are_shown_with_their_meaning_and_without_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("seed: 4\n")
    monkeypatch.setenv("COVEY_CONFIG", str(config))
    monkeypatch.setenv("COVEY_MODEL", "https://u:Zq19xx83aQ@host/v1")
    code, out, _ = invoke("config", "show")
    assert code == 0
    assert f"# {config}" in out
    assert "# Wall seconds of a run" in out
    assert "seed: 4" in out
    as_json = invoke("config", "show", "--json")[1]
    assert json.loads(as_json)["settings"]["seed"] == 4
    assert json.loads(as_json)["file"] == str(config)
    assert "Zq19xx83aQ" not in out + as_json
    config.unlink()
    assert "not there: all defaults" in invoke("config", "show")[1]


def test_a_store_without_runs_lists_none_and_knows_none() -> None:
    code, out, _ = invoke("runs", "list", "--json")
    assert (code, json.loads(out)) == (0, {"runs": []})
    for verb in ("show", "replay", "resume", "verify", "rollback"):
        code, out, err = invoke("runs", verb, RUN_ID, "--json")
        assert (code, json.loads(out)["exit_code"]) == (2, 2)
        assert RUN_ID in err
