"""What a step of the team costs beside the model: ``python -m covey.bench.team_steps --steps N [--url URL]``.

A step is what every step of a run is: something is observed, a role asks the model through the desk, question, answer
and tokens are recorded in the store. The model is a server of the OpenAI kind at ``--url``, or a stub in this process
that costs next to nothing. Prints one JSON object; started afresh for each figure by :mod:`covey.bench.team_tokens`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from covey.agents.desk import Question
from covey.agents.workbench import Workbench
from covey.app.build import build_workbench, choose_sandbox, open_store, outcome_settings
from covey.app.engines import OneEngine, endpoint_backend
from covey.coordination.flock import Ask, Modelled, asking
from covey.coordination.journal import Journal
from covey.core.canonical import Frozen
from covey.core.ids import new_run_id
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.progress import nobody
from covey.core.protocols import ModelBackend
from covey.core.run import Run, Usage
from covey.core.task import Task
from covey.models.names import ModelEndpoint
from covey.models.schema import Bounded
from covey.settings import load_settings

PROBLEM = "The check digits on our labels are wrong: the longer the code, the further off."
OBSERVATION = "\n".join(
    f"{line:3}| a line of a file or of the output of a test, as tools show it" for line in range(33)
)
"""About 600 tokens."""
ANSWER = '{"thought":"look at the next file","path":"barcodes/check.py","line":6}'
_CONTEXT = 1_000_000
_FIRST = 5
"""Steps that are not measured: imports, compiled templates, the first connection."""


class Look(Bounded):
    """What the scripted model says at each step."""

    thought: Annotated[str, Field(max_length=200)]
    path: Annotated[str, Field(max_length=200)]
    line: Annotated[int, Field(ge=0, le=100_000)]


class StepRequest(Frozen):
    """One step."""

    number: int


class Looked(Frozen):
    """What came of it."""

    path: str = ""


class Looker:
    """A role that looks at the next thing."""

    name = "localiser"

    async def run(self, request: StepRequest, tools: Workbench) -> Looked:
        """Observe, ask, answer."""
        if request.number:
            tools.desk.observe("tester", OBSERVATION)
        found = await tools.desk.ask(self.name, Question(note=f"Step {request.number}: what next?", answer=Look))
        return Looked(path=found.path)


class Nowhere:
    """Its floor: the benchmark must not go on without the model."""

    name = "localiser"

    async def run(self, request: StepRequest, tools: Workbench) -> Looked:  # noqa: ARG002 - the interface of a role
        """Raise RuntimeError."""
        raise RuntimeError("the stub did not answer")


class _Stub:
    """Says :data:`ANSWER`, at next to no cost."""

    name = "stub"

    def __init__(self) -> None:
        self.first_prompt: tuple[ChatMessage, ...] = ()
        self.first_at = 0.0

    async def capabilities(self) -> Capabilities:
        return Capabilities(context=_CONTEXT, schema_support="json_schema", tokenizer=True)

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        return sum(len(message.content) for message in prompt) // 4

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:  # noqa: ARG002
        if not self.first_prompt:
            self.first_prompt, self.first_at = tuple(prompt), time.monotonic()
        return Completion(text=ANSWER, finish="stop", usage=Usage(generated=len(ANSWER) // 4))

    async def aclose(self) -> None:
        pass


async def measure(steps: int, url: str, home: Path) -> dict[str, Any]:
    """Walk ``steps`` steps and say what they cost."""
    settings = load_settings(home=home, sandbox="none", budget=3_600, tokens=10**9, context=_CONTEXT, model="stub")
    backend: ModelBackend = _Stub()
    if url:
        backend = endpoint_backend(ModelEndpoint(url=url, model=None), settings, lambda _: None)
    task = Task(id="steps", description=PROBLEM)
    run = Run(id=new_run_id(), task=task, settings=outcome_settings(settings))
    run = run.model_copy(update={"genesis": run.derive_genesis()})
    async with open_store(settings) as store:
        await store.create(run)
        journal = await Journal.open(store, run)
        sandbox = await choose_sandbox(settings)
        async with build_workbench(run, settings, sandbox, 0.0, nobody, engines=OneEngine(backend)) as tools:
            ask = asking(journal, tools)
            await _walk(ask, range(min(_FIRST, steps)))
            before, written = _cpu_s(), _written()
            await _walk(ask, range(_FIRST, steps))
            used, wrote = _cpu_s() - before, _written() - written
    await backend.aclose()
    measured = max(1, steps - _FIRST)
    found = {"steps": steps, "cpu_ms_per_step": round(1000 * used / measured, 2), "bytes_per_step": wrote // measured}
    if isinstance(backend, _Stub):
        found["first_prompt_tokens"] = sum(len(message.content.encode()) for message in backend.first_prompt) // 4
    return found


async def _walk(ask: Ask, numbers: range) -> None:
    role = Modelled(Looker(), Nowhere())
    for number in numbers:
        await ask(f"step/{number}", role, StepRequest(number=number), Looked)


def _cpu_s() -> float:
    """Processor seconds of this process, its threads included and its children left out."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _written() -> int:
    """Bytes that this process has written to files."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser("python -m covey.bench.team_steps", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, default=20, help="steps to walk (default: 20)")
    parser.add_argument("--url", default="", help="model server (default: a stub in this process)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="covey-steps-") as home:
        found = asyncio.run(measure(given.steps, given.url, Path(home)))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
