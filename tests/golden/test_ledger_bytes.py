"""The bytes of prompts are pinned: a change here costs every cache and every recorded run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from covey.core.model import Completion
from covey.core.run import Usage
from covey.models.ledger import Ledger, Prefix

GOLDEN = Path(__file__).parent / "ledger"


def plain() -> Ledger:
    return Ledger(Prefix(charter="You mend one fault.", task="add(1, 2) is 4; it should be 3."))


def team() -> Ledger:
    ledger = Ledger(
        Prefix(
            charter="You are one of several who mend one fault.",
            tools="read(path): shows a file\nrun(tests): runs tests",
            repository="calc/add.py: add, add_all\ntests/test_add.py: test_add",
            task="add(1, 2) is 4; it should be 3.",
        )
    )
    ledger.note("localiser", "Choose the most suspicious place.")
    ledger.answer("localiser", _said('{"choices":[{"path":"calc/add.py","symbol":"add"}]}'))
    ledger.note("coder", "Write an edit.")
    ledger.observe("coder", "1|def add(a, b):\n2|\treturn a + b + 1  # ünïcode ✓", priority=9)
    ledger.answer("coder", _said('{"edits":[]}'))
    ledger.observe("tester", "1 failed")
    ledger.note("reviewer", "Is it right?")
    return ledger


def _said(text: str) -> Completion:
    return Completion(text=text, finish="stop", usage=Usage(prefilled=1), duration_s=0.5)


def shown(ledger: Ledger) -> str:
    return "".join(f"--- {message.role}\n{message.content}\n" for message in ledger.messages())


@pytest.mark.parametrize("make", [plain, team], ids=["plain", "team"])
def test_the_bytes_of_a_ledger_are_those_of_its_golden_file(
    make: Callable[[], Ledger], request: pytest.FixtureRequest
) -> None:
    ledger = make()
    name = request.node.callspec.id
    assert ledger.data() == (GOLDEN / f"{name}-data.txt").read_bytes()
    assert shown(ledger).encode() == (GOLDEN / f"{name}-messages.txt").read_bytes()
