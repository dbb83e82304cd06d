"""The documents say what is there: links lead somewhere, commands exist, snippets are Python, pages are up to date."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from covey.cli.main import app
from covey.settings import Settings

pytestmark = pytest.mark.requirement("A10")

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(covey [^`]+)`")
_COMMENT = re.compile(r"\s+#.*$")
_GAP = re.compile(r"\s{2,}(?=covey )")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(text: str) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


def blocks(path: Path, *languages: str) -> Iterator[str]:
    for language, text in _FENCE.findall(path.read_text(encoding="utf-8")):
        if language in languages:
            yield text


def command_lines(path: Path) -> Iterator[str]:
    """Every ``covey …`` line of shell blocks and of running text; help pages are not command lines."""
    for block in blocks(path, "sh", "bash", "console"):
        for line in block.splitlines():
            for part in re.split(r"\s*(?:&&|\|\||;)\s*", _COMMENT.sub("", line.removeprefix("$ "))):
                yield from (piece.strip() for piece in _GAP.split(part) if piece.strip().startswith("covey "))
    yield from _INLINE.findall(_FENCE.sub("", path.read_text(encoding="utf-8")))


def fault(line: str) -> str:
    """Why a command line is none of Covey's; empty when it is one."""
    words = shlex.split(re.split(r" [<>|] ", line, maxsplit=1)[0].replace("…", ""))[1:]
    command: Any = typer.main.get_command(app)
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return f"there is no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h"}
    unknown = [word for word in words if word.startswith("-") and word != "-" and word.partition("=")[0] not in known]
    return f"there is no flag {', '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in _LINK.findall(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{target}: there is no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_command_line_shown_exists_with_its_flags(path: Path) -> None:
    for line in command_lines(path):
        assert not fault(line), f"{line}: {fault(line)}"


def test_command_lines_are_found_and_wrong_ones_are_noticed() -> None:
    shown = [line for path in DOCUMENTS for line in command_lines(path)]
    assert len(shown) > 15
    assert "covey runs export RUN --to FILE.zip" in shown
    assert fault("covey fly --high") == "there is no command 'fly'"
    assert fault("covey runs list --all") == "there is no flag --all"
    assert fault('covey run - --repo="x y" < issue.txt') == ""


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_python_snippets_compile_and_name_what_is_there(path: Path) -> None:
    import covey

    for text in blocks(path, "python"):
        tree = compile(text, name_of(path), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert isinstance(tree, ast.Module)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "covey":
                assert hasattr(covey, node.attr)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_settings_and_variables_that_are_named_exist(path: Path) -> None:
    known = {f"COVEY_{name.upper()}" for name in Settings.model_fields} | {"COVEY_CONFIG", "COVEY_MODEL_KEY"}
    named = set(re.findall(r"\bCOVEY_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    assert named <= known


def docs_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("covey_docs_script", ROOT / "scripts" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["docs.py", "--check"])
    assert docs_script().main() == 0


def test_a_page_that_is_out_of_date_is_noticed_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = docs_script()
    monkeypatch.setattr(script, "DOCS", tmp_path)
    (tmp_path / "settings.md").write_text("old")
    monkeypatch.setattr("sys.argv", ["docs.py", "--check"])
    assert script.main() == 1
    assert "settings.md is out of date" in capsys.readouterr().err
    assert (tmp_path / "settings.md").read_text() == "old"
    monkeypatch.setattr("sys.argv", ["docs.py"])
    assert script.main() == 0
    for name in ("settings.md", "commands.md"):
        assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text()


def test_generated_pages_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVEY_BUDGET", "17")
    monkeypatch.setenv("COLUMNS", "37")
    script = docs_script()
    assert script.settings_page() == (ROOT / "docs/settings.md").read_text()
    assert script.help_pages() == (ROOT / "docs/commands.md").read_text()


def test_no_document_names_a_place_of_one_machine() -> None:
    for path in DOCUMENTS:
        assert not re.search(r"/(?:root|work|home)/\w", path.read_text(encoding="utf-8")), name_of(path)
