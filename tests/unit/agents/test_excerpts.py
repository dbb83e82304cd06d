"""Which lines of a repository a model is shown."""

from __future__ import annotations

from covey.agents.excerpts import AROUND, LONGEST, excerpts, shown
from covey.core.repair import Suspect

MODULE = b"""import os

LIMIT = 3


class Cart:
    @property
    def total(self):
        result = 0
        return result

    def empty(self):
        return not self.total


def far(x):
    return x
"""


def suspect(line: int, path: str = "shop.py", score: float = 1.0) -> Suspect:
    return Suspect(path=path, line=line, score=score)


def ranges(*suspects: Suspect, lines: int = 100, data: bytes = MODULE) -> dict[str, tuple[tuple[int, int], ...]]:
    files = {"shop.py": data, "other.py": b"def f():\n    return 1\n", "broken.py": b"def (:\n"}
    return {file.path: file.ranges for file in excerpts(files, suspects, lines=lines)}


def test_a_suspect_brings_its_whole_function_decorators_included() -> None:
    assert ranges(suspect(9)) == {"shop.py": ((7, 10),)}


def test_suspects_in_one_function_show_it_once_and_others_follow_in_order_of_suspicion() -> None:
    assert ranges(suspect(17), suspect(9), suspect(10)) == {"shop.py": ((7, 10), (16, 17))}


def test_a_suspect_outside_functions_shows_a_few_lines_around_it() -> None:
    assert ranges(suspect(3)) == {"shop.py": ((1, 3 + AROUND),)}


def test_a_long_function_is_shown_around_its_suspect_only() -> None:
    data = b"def long():\n" + b"    x = 1\n" * (3 * LONGEST)
    ((first, last),) = ranges(suspect(100), data=data)["shop.py"]
    assert first <= 100 <= last
    assert last - first < LONGEST


def test_the_budget_of_lines_holds_but_the_first_place_is_always_shown() -> None:
    assert ranges(suspect(9), suspect(13), suspect(2, "other.py"), lines=1) == {"shop.py": ((7, 10),)}
    assert ranges(suspect(9), suspect(2, "other.py"), lines=6) == {"shop.py": ((7, 10),), "other.py": ((1, 2),)}


def test_files_that_cannot_be_parsed_or_are_gone_are_left_out() -> None:
    assert ranges(suspect(1, "broken.py"), suspect(1, "gone.py"), suspect(1, "other.py")) == {"other.py": ((1, 2),)}


def test_lines_are_numbered_and_gaps_are_marked() -> None:
    (file,) = excerpts({"shop.py": MODULE}, [suspect(13)], lines=20)
    assert shown(file) == "shop.py:\n…\n12|    def empty(self):\n13|        return not self.total\n…"
