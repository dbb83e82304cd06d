"""What help imports. How long it takes is measured by ``python -m covey.bench.startup``, never asserted."""

from __future__ import annotations

import json
import sys

import pytest

from covey.bench import startup


@pytest.mark.parametrize("name", ["import covey", "covey --help"])
def test_nothing_heavy_is_imported_for_help(name: str) -> None:
    imported = startup.modules(startup.CASES[name])
    assert "covey" in imported
    assert imported & startup.HEAVY == set()


def test_help_of_a_command_imports_nothing_heavy_of_covey() -> None:
    imported = startup.modules(startup.CASES["covey run --help"])
    assert "covey.cli.main" in imported
    assert imported & (startup.HEAVY - {"pydantic", "pydantic_core"}) == set()  # typer itself may use pydantic


def test_a_heavy_import_would_be_seen() -> None:
    assert "sqlite3" in startup.modules("import sqlite3\n") & startup.HEAVY


def test_every_case_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(startup, "CASES", {"python": "", "json": "import json\n"})
    monkeypatch.setattr(sys, "argv", ["startup", "--rounds", "1"])
    startup.main()
    result = json.loads(capsys.readouterr().out)
    assert result.keys() == {"python", "json"}
    assert result["json"]["modules"] > result["python"]["modules"]


def test_a_program_that_fails_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        startup.cpu_seconds("raise SystemExit(3)\n")
