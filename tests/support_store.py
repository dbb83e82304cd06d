"""Runs, steps and walks for tests of stores and journals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import Field

from covey.coordination.journal import Journal
from covey.core.canonical import Frozen, Volatile, stable, stable_hash
from covey.core.run import Run, Step, Usage
from covey.core.task import AgentMessage, Task, ToolCall, ToolResult


def make_run(run_id: str = "20261120-101502-3f9a2c", *, description: str = "a bug", seed: int = 0) -> Run:
    task = Task(id=f"task-of-{run_id}", description=description, repository="/home/someone/project", base="b" * 40)
    run = Run(id=run_id, task=task, settings={"budget": 300.0, "policy": "pipeline"}, seed=seed, covey_version="0.1.0")
    return run.model_copy(update={"genesis": run.derive_genesis()})


def make_step(seq: int, parent: str, *, size: int = 20) -> Step:
    return Step(
        seq=seq,
        parent=parent,
        name=f"step{seq}",
        inputs=stable_hash({"seq": seq}),
        output={"answer": seq, "text": "é\n" * size},
        messages=(AgentMessage(sender="coordinator", receiver="coder", content="do", task_id="t"),),
        tool_calls=(ToolCall(id="c1", tool="read", arguments={"path": "a.py"}),),
        tool_results=(ToolResult(call_id="c1", ok=True, text="x = 1"),),
        detail={"answer": seq, "text": "é\n" * size, "seconds": 0.25},
        usage=Usage(prefilled=3, reused=2, generated=1),
        started_at=1.5 + seq,
        duration_s=0.25,
    ).sealed()


def make_chain(run: Run, count: int, *, size: int = 20) -> list[Step]:
    steps: list[Step] = []
    parent = run.genesis
    for seq in range(count):
        steps.append(make_step(seq, parent, size=size))
        parent = steps[-1].hash
    return steps


class Found(Frozen):
    """An answer with stable and volatile fields of every shape that a recorded answer may have."""

    place: str
    lines: tuple[int, ...] = ()
    scores: dict[str, float] = Field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    duration_s: Volatile[float] = 0.0


class Ask(Frozen):
    """A request."""

    question: str
    at: Volatile[float] = 0.0


def small_walk(count: int, work: Callable[[int], Awaitable[Found]]) -> Callable[[Journal], Awaitable[Found]]:
    """A walk of ``count`` steps in which each asks about the answer before it."""

    async def walk(journal: Journal) -> Found:
        answer = Found(place="start")
        for number in range(count):
            answer = await journal.step(
                f"look{number}",
                Ask(question=f"{number} after {stable(answer)}"),
                Found,
                lambda number=number: work(number),  # type: ignore[misc]
                role="localiser",
                usage=lambda found: Usage(generated=len(found.lines)),
            )
        await journal.finish()
        return answer

    return walk


async def honest(number: int) -> Found:
    """What the steps of :func:`small_walk` really find."""
    return Found(
        place=f"module{number}.py",
        lines=tuple(range(number)),
        scores={"ochiai": 1 / (number + 3)},
        seen=frozenset({"b", "a", f"t{number}"}),
        duration_s=0.001 * number,
    )
