"""A large repository made by a program, the same each time: modules that call each other, their tests, one fault."""

from __future__ import annotations

from pathlib import Path

_FUNCTIONS = 34
_TESTS_OF_A_MODULE = 6


def _module(number: int) -> str:
    lines = [f'"""Module {number} of the ledger."""', "", "import functools", ""]
    if number:
        lines += [f"from ledger import m{number - 1:04d} as before", ""]
    lines += [f"LIMIT = {number + 7}", f"NAMES = {{'first': {number}, 'second': {number + 1}}}", ""]
    for at in range(_FUNCTIONS):
        call = f"before.part_{at}(items, start)" if number % 5 and at % 7 == 0 else "len(items)"
        lines += [
            "",
            f"def part_{at}(items, start=0):",
            f'    """Sum what lies above {at}, with a bound."""',
            f"    total = start + {at}",
            "    for position, item in enumerate(items):",
            f"        if item > {at % 5}:",
            "            total += item * (position + 1)",
            "        elif item < 0:",
            "            total -= item",
            "        else:",
            "            continue",
            f"    bound = {call}",
            f"    return min(total, bound + LIMIT + {at * 3})",
            "",
        ]
    lines += ["", "class Account:", f'    """An account of part {number}."""', ""]
    for at in range(4):
        lines += [
            f"    @functools.lru_cache(maxsize={at + 2})",
            f"    def value_{at}(self, amount):",
            f"        return amount * {at + 2} + LIMIT",
            "",
        ]
    return "\n".join(lines)


def _tests(number: int) -> str:
    lines = ["import pytest", "", f"from ledger import m{number:04d} as module", ""]
    for at in range(_TESTS_OF_A_MODULE):
        lines += [
            "",
            f"@pytest.mark.parametrize('items', [[], [1, 2, {at}], [-1, {at}, 9]])",
            f"def test_part_{at}(items):",
            f"    expected = {at} + sum(",
            f"        (item * (position + 1) if item > {at % 5} else -item if item < 0 else 0)",
            "        for position, item in enumerate(items)",
            "    )",
            f"    assert module.part_{at}(items) <= expected",
            f"    assert module.part_{at}(items, 1000) <= 1000 + expected",
            f"    if {at % 7 != 0!r}:",
            f"        assert module.part_{at}(items) == min(expected, len(items) + module.LIMIT + {at * 3})",
            "",
        ]
    return "\n".join(lines)


def write_repository(root: Path, modules: int) -> tuple[int, str]:
    """Write it below ``root``. Returns its lines of Python, and the file that holds the fault."""
    (root / "ledger").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "ledger" / "__init__.py").write_text('"""A ledger."""\n')
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    lines = 0
    faulty = f"ledger/m{modules // 2:04d}.py"
    for number in range(modules):
        for path, made in (
            (f"ledger/m{number:04d}.py", _module(number)),
            (f"tests/test_m{number:04d}.py", _tests(number)),
        ):
            text = made
            if path == faulty:
                text = made.replace("        if item > 1:", "        if item >= 1:", 1)
            (root / path).write_text(text)
            lines += text.count("\n")
    return lines, faulty
