"""How many prompt tokens does an engine reuse? ``python -m covey.bench.engine_reuse``.

A fixed trajectory of twelve steps by four roles on one model, in the real embedded engine with one slot and no host
cache, written down in three ways:

``ledger``   Covey's: one shared prefix, each role adds to the end (:mod:`covey.models.ledger`);
``naive``    each role has a system prompt and a history of its own, as most teams of agents do;
``single``   one agent that only appends, the best that can be had: no role has to be introduced.

The engine's own counts decide. Texts are fixed and of realistic sizes; the model's weights are random and its answers
bounded, so what is reused is the same in every run. Exit code 1 when the ledger reuses less than :data:`AIM`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import Field

from covey.app.engines import open_local
from covey.bench.engine_reuse_texts import CHARTER, REPOSITORY, ROLES, STEPS, TASK, TOOLS, Turn
from covey.core.canonical import Frozen
from covey.core.model import ChatMessage, Sampling
from covey.core.protocols import ModelBackend
from covey.core.run import Usage
from covey.models.ledger import Ledger, Prefix
from covey.models.schema import Bounded
from covey.models.spec import EngineSpec
from covey.models.structured import Answered, ask
from covey.testing.gguf import write_random

CONTEXT = 32_768
AIM = 0.85


class Reply(Bounded):
    """What every step answers."""

    done: bool
    reason: str = Field(max_length=120)


class Cost(Frozen):
    """Tokens and seconds of one way. ``share`` of the prompt tokens was reused."""

    prefilled: int
    reused: int
    generated: int
    seconds: float

    @property
    def share(self) -> float:
        """Reused tokens by all prompt tokens."""
        return self.reused / max(1, self.reused + self.prefilled)


class Naive:
    """A system prompt and a history for each role; what other roles found out is told as text."""

    def __init__(self) -> None:
        self._histories: dict[str, list[ChatMessage]] = {}
        self._told: list[str] = []

    def prompt(self, turn: Turn) -> Sequence[ChatMessage]:
        """Return the prompt of one step."""
        system = f"{ROLES[turn.role]}\n\n{CHARTER}\n\n{TOOLS}\n\n{REPOSITORY}\n\n{TASK}"
        history = self._histories.setdefault(turn.role, [ChatMessage(role="system", content=system)])
        text = "\n\n".join([*self._told[-2:], turn.text])
        history.append(ChatMessage(role="user", content=text))
        return history

    def keep(self, turn: Turn, answered: Answered[Reply]) -> None:
        """Take the answer into the role's own history."""
        self._histories[turn.role] += answered.messages
        self._told.append(turn.text)


class Appended:
    """One ledger for all. ``introduce``: each step names its role and says what the role is for."""

    def __init__(self, *, introduce: bool) -> None:
        self.ledger = Ledger(Prefix(charter=CHARTER, tools=TOOLS, repository=REPOSITORY, task=TASK))
        self._introduce = introduce

    def prompt(self, turn: Turn) -> Sequence[ChatMessage]:
        """Return the prompt of one step."""
        if self._introduce:
            self.ledger.note(turn.role, ROLES[turn.role])
        self.ledger.observe(turn.role, turn.text)
        return self.ledger.messages()

    def keep(self, turn: Turn, answered: Answered[Reply]) -> None:
        """Append the answer."""
        self.ledger.answered(turn.role, answered)


WAYS: dict[str, Callable[[], Naive | Appended]] = {
    "ledger": lambda: Appended(introduce=True),
    "naive": Naive,
    "single": lambda: Appended(introduce=False),
}


async def measure(folder: Path, ways: Sequence[str] = tuple(WAYS)) -> dict[str, Cost]:
    """Walk the trajectory in each of ``ways``, with a fresh engine for each."""
    model = write_random(folder / "random.gguf", context=CONTEXT, layers=1)
    # On a CPU with heads this small, decoding is several times faster without flash attention.
    spec = EngineSpec(path=str(model), context=CONTEXT, threads=1, flash_attention=False)
    costs: dict[str, Cost] = {}
    for name in ways:
        async with open_local(spec, engine="embedded") as backend:
            await backend.capabilities()
            costs[name] = await _walk(backend, WAYS[name]())
    return costs


async def _walk(backend: ModelBackend, way: Naive | Appended) -> Cost:
    start = time.perf_counter()
    usage = Usage()
    for index, turn in enumerate(STEPS):
        answered = await ask(
            backend, way.prompt(turn), Reply, sampling=Sampling(seed=index, temperature=1.0), repairs=0
        )
        way.keep(turn, answered)
        usage += answered.usage
    return Cost(**usage.model_dump(), seconds=round(time.perf_counter() - start, 2))


def table(costs: dict[str, Cost]) -> str:
    """Show the result as text."""
    lines = [f"{'way':8}{'prefilled':>11}{'reused':>9}{'generated':>11}{'reused share':>14}{'seconds':>9}"]
    lines += [
        f"{name:8}{cost.prefilled:11}{cost.reused:9}{cost.generated:11}{cost.share:14.1%}{cost.seconds:9.2f}"
        for name, cost in costs.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m covey.bench.engine_reuse", description=(__doc__ or "").split("\n", maxsplit=1)[0]
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="covey-reuse-") as folder:
        costs = asyncio.run(measure(Path(folder)))
    sys.stdout.write(table(costs) + "\n")
    if given.json:
        figures = {name: {**cost.model_dump(), "share": round(cost.share, 4)} for name, cost in costs.items()}
        Path(given.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if costs["ledger"].share < AIM:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
