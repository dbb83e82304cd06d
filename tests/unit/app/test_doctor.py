"""What is found on machines that lack this or that."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from covey.app.doctor import examine
from covey.cli.doctor import doctor_command
from covey.core.execution import Applied
from covey.core.report import DoctorReport, Finding, FindingState
from covey.settings import load_settings

BUBBLEWRAP = Applied(
    sandbox="bubblewrap", mechanisms={"filesystem": "mounts", "network": "namespace", "memory": "rlimit"}
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with one interpreter and nothing else: the folder is its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    sandboxes(monkeypatch, ("bubblewrap", BUBBLEWRAP))
    return folder


def sandboxes(monkeypatch: pytest.MonkeyPatch, *seen: tuple[str, Applied | str]) -> None:
    """Let the survey of sandboxes answer so: trying real ones is tested with them."""

    async def survey(scratch: Path) -> list[tuple[str, Applied | str]]:
        assert scratch.name == "scratch"
        return list(seen)

    monkeypatch.setattr("covey.app.doctor.survey", survey)


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


async def findings() -> dict[str, Finding]:
    report = await examine(load_settings())
    return {finding.name: finding for finding in report.findings}


async def test_what_is_missing_is_a_finding_with_the_command_that_mends_it(machine: Path) -> None:
    found = await findings()
    assert (found["git"].state, found["git"].mend) == (FindingState.missing, "apt-get install git")
    assert (found["node"].state, found["node"].mend) == (FindingState.missing, "apt-get install nodejs")
    assert found["interpreters"].state is FindingState.ok
    embedded = importlib.util.find_spec("xllamacpp") is not None
    assert found["engines"].state is (FindingState.ok if embedded else FindingState.reduced)
    assert found["store"].state in (FindingState.ok, FindingState.reduced)


async def test_versions_are_shown_and_an_old_node_is_reduced(machine: Path) -> None:
    program(machine, "git", "git version 2.39.5")
    program(machine, "node", "v18.17.1")
    program(machine, "llama-server", "")
    found = await findings()
    assert (found["git"].state, "2.39.5" in found["git"].detail) == (FindingState.ok, True)
    assert (found["node"].state, "18.18 or later wanted" in found["node"].detail) == (FindingState.reduced, True)
    assert "llama-server" in found["engines"].detail
    assert "covey doctor --model" in found["engines"].detail
    program(machine, "node", "v20.1.0")
    assert (await findings())["node"].state is FindingState.ok


async def test_a_program_that_answers_nonsense_does_not_stop_the_doctor(machine: Path) -> None:
    for name in ("git", "node"):
        program(machine, name, "¿?")
    assert set(await findings()) >= {"git", "node", "store"}


async def test_no_interpreter_at_all_is_said(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(search_path: str, home: Path) -> list[object]:
        return []

    monkeypatch.setattr("covey.app.doctor.find_interpreters", none)
    assert (await findings())["interpreters"].mend == "apt-get install python3"


async def test_a_sandbox_says_what_it_holds_and_what_it_does_not(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = Applied(sandbox="landlock", mechanisms={"filesystem": "landlock", "network": "none", "disk": "none"})
    sandboxes(monkeypatch, ("bubblewrap", "bwrap: not found"), ("landlock", weak))
    found = await findings()
    assert (found["sandbox bubblewrap"].state, found["sandbox bubblewrap"].mend) == (
        FindingState.missing,
        "apt-get install bubblewrap",
    )
    assert found["sandbox landlock"].state is FindingState.reduced
    assert found["sandbox landlock"].detail == "filesystem landlock; not enforced: disk, network"


async def test_a_home_that_cannot_be_made_is_a_finding(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COVEY_HOME", str(tmp_path / "file" / "home"))
    found = (await findings())["store"]
    assert (found.state, found.mend) == (FindingState.missing, "set COVEY_HOME to a folder that can be written")


@pytest.mark.parametrize(
    ("lacking", "code"),
    [((), 0), (("node", "engines", "uv"), 0), (("git",), 2), (("interpreters",), 2), (("store",), 2)],
)
async def test_the_exit_code_says_whether_a_run_can_work(
    lacking: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("sandbox a", "git", "interpreters", "store", "node", "engines", "uv")
    states = {name: FindingState.missing if name in lacking else FindingState.ok for name in names}

    async def examined(settings: object) -> DoctorReport:
        return DoctorReport(findings=tuple(Finding(name=name, state=state) for name, state in states.items()))

    monkeypatch.setattr("covey.cli.doctor.examine", examined)
    assert await doctor_command(as_json=True) == code
    assert capsys.readouterr().out.startswith('{"findings"')
    assert await doctor_command(as_json=False) == code


async def test_without_any_sandbox_no_run_can_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async def examined(settings: object) -> DoctorReport:
        ok = [Finding(name=name, state=FindingState.ok) for name in ("git", "interpreters", "store")]
        return DoctorReport(findings=(*ok, Finding(name="sandbox bubblewrap", state=FindingState.missing)))

    monkeypatch.setattr("covey.cli.doctor.examine", examined)
    assert await doctor_command(as_json=True) == 2
