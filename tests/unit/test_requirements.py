"""The map from requirements to tests holds in both directions."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

TESTS = Path(__file__).parent.parent


def marked(path: Path) -> set[str]:
    """Requirement ids that a test module's markers name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requirement"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def wanted() -> dict[str, list[str]]:
    """The map as written."""
    with (TESTS / "requirements.toml").open("rb") as file:
        return {name: row["tests"] for name, row in tomllib.load(file).items()}


def test_every_requirement_that_is_done_is_shown_by_tests_that_say_so() -> None:
    for name, tests in wanted().items():
        assert tests, f"{name} has no tests"
        for test in tests:
            path = TESTS.parent / test
            assert path.is_file(), f"{name}: {test} is not there"
            assert name in marked(path), f"{test} does not carry requirement({name!r})"


def test_every_marker_is_in_the_map() -> None:
    table = wanted()
    for path in sorted(TESTS.rglob("test_*.py")):
        relative = path.relative_to(TESTS.parent).as_posix()
        if relative.startswith("tests/corpus/"):
            continue
        for name in marked(path):
            assert relative in table.get(name, []), f"{relative} claims {name}, which the map does not know"
