"""Role templates and files with line numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from covey.models.lineedits import EditFile
from covey.models.prompts import LINE_CHARACTERS, environment, numbered, render
from covey.models.schema import plain


def test_a_file_is_shown_with_the_numbers_that_the_edit_grammar_uses() -> None:
    file = EditFile.of("a.py", "def f():\n\treturn '\u202e'\x1b\r\n\n".encode())
    assert numbered(file) == "1|def f():\n2|\treturn '\\u202e'\\x1b\n3|"
    assert numbered(file, 2, 99) == "2|\treturn '\\u202e'\\x1b\n3|"
    shown = [*numbered(file).split("\n"), "4|<end of file>"]
    assert [plain(line) for line in shown] == [file.label(number) for number in file.places()]
    assert numbered(EditFile.of("empty.py", b"")) == ""


def test_a_long_line_is_cut_and_says_so() -> None:
    file = EditFile.of("a.py", b"x" * (LINE_CHARACTERS + 5))
    assert numbered(file) == "1|" + "x" * LINE_CHARACTERS + " [5 more characters]"


def test_a_template_beside_its_role_is_rendered_with_its_values_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "prompt_package_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "ask.txt").write_text("Mend {{ name | visible }}.\n{% if more %}\nNow.\n{% endif %}\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert render(package.name, "ask.txt", name="<a>\x1b{{ 1 }}", more=True) == "Mend <a>\\x1b{{ 1 }}.\nNow."
        with pytest.raises(UndefinedError):
            render(package.name, "ask.txt", name="a")
        with pytest.raises(FileNotFoundError):
            render(package.name, "other.txt")
    finally:
        sys.modules.pop(package.name, None)


def test_a_template_cannot_reach_into_its_values() -> None:
    with pytest.raises(SecurityError):
        environment().from_string("{{ value.__class__.__mro__ }}").render(value=1)
    with pytest.raises(SecurityError):
        environment().from_string("{{ value.append(1) }}").render(value=[])
