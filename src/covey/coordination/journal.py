"""Durable execution: a walk over recorded steps that can stop anywhere and be taken up again.

The coordinator does everything that matters through :meth:`Journal.step`. A step that is in the log is never done
again: its recorded answer is handed back. A step that is not is done, recorded, and only then handed back. So a run
that was killed goes on where it was, and a finished run can be walked again without running anything.

A step is done *at least once* and recorded *exactly once*: a process killed between the end of the work and its
record does that one piece of work again. Work must therefore happen in fresh places or be harmless when repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ValidationError

from covey.core.canonical import canonical_json, stable, stable_hash
from covey.core.errors import ReplayDivergence, StoreCorrupt
from covey.core.protocols import RunStore
from covey.core.run import Run, Step, Usage
from covey.core.task import AgentMessage

A = TypeVar("A", bound=BaseModel)

COORDINATOR = "coordinator"
BRIEF = 400
"""Characters of a request or an answer that a recorded message shows."""


@dataclass(frozen=True)
class _Slot(Generic[A]):
    """What one step is: its name, what it is asked, what its answer is, who fills it."""

    name: str
    inputs: str
    request: BaseModel | Mapping[str, Any]
    answer: type[A]
    role: str
    usage: Callable[[A], Usage] | None


class Journal:
    """One walk over a run's log. Make it with :meth:`open`; walk it with :meth:`step`, one step at a time."""

    def __init__(self, store: RunStore, run: Run, recorded: Sequence[Step], *, replay: bool) -> None:
        self.run = run
        self._store = store
        self._recorded = recorded
        self._replay = replay
        self._head = run.genesis
        self._position = 0
        self._usage = Usage()
        self._walking = False

    @classmethod
    async def open(cls, store: RunStore, run: Run, *, replay: bool = False) -> Self:
        """Start at the beginning of the log of ``run``, which must be in ``store``.

        ``replay``: never do any work; a step that is not recorded is a divergence. Raises ReplayDivergence when
        ``run`` is not about what the recorded run is about, StoreCorrupt when the recorded chain is broken.
        """
        kept = await store.get(run.id)
        if run.genesis != kept.genesis:
            raise ReplayDivergence(
                f"Run {kept.id} was recorded for another task, other settings or another seed. "
                "Give those it was started with, or start a new run."
            )
        recorded = await store.steps(kept.id)
        await asyncio.to_thread(_verify_chain, kept, recorded)
        return cls(store, kept, recorded, replay=replay)

    @property
    def head(self) -> str:
        """Hash of the last step walked; the run's genesis before the first."""
        return self._head

    @property
    def position(self) -> int:
        """Number of steps walked."""
        return self._position

    @property
    def usage(self) -> Usage:
        """Tokens of all steps walked, as they were spent when recorded."""
        return self._usage

    @property
    def replaying(self) -> bool:
        """True while the next step is recorded already."""
        return self._position < len(self._recorded)

    async def step(
        self,
        name: str,
        request: BaseModel | Mapping[str, Any],
        answer: type[A],
        work: Callable[[], Awaitable[A]],
        *,
        role: str = COORDINATOR,
        usage: Callable[[A], Usage] | None = None,
    ) -> A:
        """Return the answer of the next step: the recorded one, else that of ``work``, recorded first.

        ``request`` is what the step is asked; only its stable fields count. ``answer`` is the model of what ``work``
        returns; what is handed back is always rebuilt from what was recorded, so a resumed walk sees the same values
        as the first. ``role`` fills the slot; ``usage`` reads the tokens spent from the answer.

        Raises ReplayDivergence when the log holds another step here, StoreError when the step cannot be recorded,
        TypeError when the answer does not survive being recorded, and whatever ``work`` raises (nothing is recorded).
        """
        if self._walking:
            raise RuntimeError(f"Step {name} was asked for inside another step: a log has one order.")
        self._walking = True
        try:
            slot = _Slot(name, stable_hash(request), request, answer, role, usage)
            if self.replaying:
                step, value = await asyncio.to_thread(self._recall, slot)
            elif self._replay:
                raise ReplayDivergence(
                    f"The log of run {self.run.id} ends after {self._position} steps, but step {name} comes next: "
                    "the run was interrupted, or the code goes on where it used to stop."
                )
            else:
                step, value = await self._record(slot, work)
            self._head, self._position, self._usage = step.hash, self._position + 1, self._usage + step.usage
            return value
        finally:
            self._walking = False

    async def finish(self) -> None:
        """Say that the walk is at its end. Raises ReplayDivergence when recorded steps are left over."""
        if self.replaying:
            left = ", ".join(step.name for step in self._recorded[self._position :][:5])
            raise ReplayDivergence(
                f"The walk of run {self.run.id} ends after {self._position} steps, but {len(self._recorded)} are "
                f"recorded; left over: {left}. The code stops where it used to go on{self._written_by()}."
            )

    async def _record(self, slot: _Slot[A], work: Callable[[], Awaitable[A]]) -> tuple[Step, A]:
        started_at, started = time.time(), time.monotonic()
        produced = await work()
        duration_s = time.monotonic() - started

        def seal() -> tuple[Step, A]:
            detail, value, output = _through_json(slot, produced)
            step = Step(
                seq=self._position,
                parent=self._head,
                name=slot.name,
                inputs=slot.inputs,
                output=output,
                messages=(
                    self._message(COORDINATOR, slot.role, slot.name, stable(slot.request)),
                    self._message(slot.role, COORDINATOR, slot.name, output),
                ),
                detail=detail,
                usage=slot.usage(value) if slot.usage else Usage(),
                started_at=started_at,
                duration_s=duration_s,
            )
            return step.sealed(), value

        step, value = await asyncio.to_thread(seal)
        await self._store.append(self.run.id, step)
        return step, value

    def _recall(self, slot: _Slot[A]) -> tuple[Step, A]:
        step = self._recorded[self._position]
        if step.name != slot.name:
            raise self._divergence(step, f"the log has {step.name}, the walk asks for {slot.name}")
        if step.inputs != slot.inputs:
            raise self._divergence(
                step, f"{step.name} was asked {_short(step.inputs)}, the walk asks {_short(slot.inputs)}"
            )
        model = slot.answer.__name__
        try:
            value = slot.answer.model_validate_json(canonical_json(step.detail))
        except ValidationError as error:
            raise self._divergence(step, f"its answer is no longer a {model} ({error})") from None
        output = stable(value)
        if canonical_json(output) != canonical_json(step.output):
            raise self._divergence(step, f"its {model} now has other stable fields than were recorded")
        walked = step.model_copy(
            update={"seq": self._position, "parent": self._head, "inputs": slot.inputs, "output": output}
        )
        if walked.derive_hash() != step.hash:
            raise self._divergence(step, "its hash cannot be derived again")
        return step, value

    def _message(self, sender: str, receiver: str, name: str, content: Any) -> AgentMessage:  # noqa: ANN401 - JSON
        # The task is named by the genesis, not by its id: equal runs must have equal logs, whatever they are called.
        return AgentMessage(
            sender=sender,
            receiver=receiver,
            content=_clipped(canonical_json(content)),
            task_id=self.run.genesis[:16],
            metadata={"step": name},
        )

    def _divergence(self, step: Step, what: str) -> ReplayDivergence:
        return ReplayDivergence(
            f"Step {step.seq} of run {self.run.id} cannot be walked again: {what}{self._written_by()}."
        )

    def _written_by(self) -> str:
        version = self.run.covey_version
        return f" (recorded by Covey {version}; use that version)" if version else ""


def _through_json(slot: _Slot[A], produced: A) -> tuple[Any, A, Any]:
    """Return an answer as recorded, as it will be read, and its stable fields.

    Raises TypeError when what is recorded and what will be read are not the same.
    """
    try:
        detail = produced.model_dump(mode="json")
        value = slot.answer.model_validate_json(canonical_json(detail))
        output = stable(value)
        same = output == stable(produced)
    except ValueError as error:
        what = f"The answer of step {slot.name} ({type(produced).__name__})"
        raise TypeError(f"{what} cannot be recorded: {error}") from error
    if not same:
        raise TypeError(f"The answer of step {slot.name} is not the same {slot.answer.__name__} once recorded.")
    return detail, value, output


def _verify_chain(run: Run, steps: Sequence[Step]) -> None:
    parent = run.genesis
    for seq, step in enumerate(steps):
        if (step.seq, step.parent) != (seq, parent) or step.derive_hash() != step.hash:
            raise StoreCorrupt(f"The log of run {run.id} is broken at step {seq}. See `covey runs verify {run.id}`.")
        parent = step.hash
    if (run.steps, run.head) != (len(steps), parent):
        raise StoreCorrupt(f"The head of run {run.id} does not name its last step. See `covey runs verify {run.id}`.")


def _clipped(text: str) -> str:
    return text if len(text) <= BRIEF else f"{text[:BRIEF]}… ({len(text)} characters)"


def _short(digest: str) -> str:
    return f"{digest[:12]}…"
