from __future__ import annotations

import pytest

from covey.workspace.kinds import FileKind, by_kind, classify_path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("src/pkg/core.py", FileKind.source),
        ("pkg/contest.py", FileKind.source),
        ("django/test/client.py", FileKind.source),
        ("pkg/testing.py", FileKind.source),
        ("typed.pyi", FileKind.source),
        ("README.md", FileKind.other),
        ("pkg/data.json", FileKind.other),
        ("tests/helper.py", FileKind.tests),
        ("pkg/tests/data/golden.json", FileKind.tests),
        ("test/support.py", FileKind.tests),
        ("pkg/test_core.py", FileKind.tests),
        ("pkg/core_test.py", FileKind.tests),
        ("app/tests.py", FileKind.tests),
        ("conftest.py", FileKind.conftest),
        ("tests/unit/Conftest.py", FileKind.conftest),
        ("pyproject.toml", FileKind.configuration),
        ("setup.cfg", FileKind.configuration),
        ("tests/pytest.ini", FileKind.configuration),
        ("Makefile", FileKind.configuration),
        ("requirements-dev.txt", FileKind.configuration),
        ("src/sitecustomize.py", FileKind.configuration),
        ("site/x.pth", FileKind.configuration),
        (".github/workflows/ci.yml", FileKind.configuration),
        ("sub/.vscode/settings.json", FileKind.configuration),
        (".gitattributes", FileKind.configuration),
    ],
)
def test_a_path_is_classified_by_its_names(path: str, kind: FileKind) -> None:
    assert classify_path(path) is kind


def test_paths_are_grouped_by_kind() -> None:
    assert by_kind(["b.py", "a.py", "tests/x.py"]) == {
        FileKind.source: ("a.py", "b.py"),
        FileKind.tests: ("tests/x.py",),
    }
