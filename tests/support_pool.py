"""Engines without an engine: they count their memory together, and fail on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from covey.core.errors import CoveyError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.run import Usage
from covey.models.pool import ModelPool, Planned


@dataclass
class Machine:
    """The memory that all fake engines of one test share; going over ``limit`` is what a real machine would not do."""

    limit: int
    used: int = 0
    peak: int = 0
    log: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    failures: dict[str, list[CoveyError]] = field(default_factory=dict)
    stuck: dict[str, CoveyError] = field(default_factory=dict)
    slots: bool = True
    started: asyncio.Event = field(default_factory=asyncio.Event)
    restores_work: bool = True
    refuses_states: bool = False
    failing_save: CoveyError | None = None
    saving: asyncio.Event = field(default_factory=asyncio.Event)
    states: dict[str, int] = field(default_factory=dict)

    def take(self, size: int) -> None:
        self.used += size
        self.started.set()
        self.peak = max(self.peak, self.used)
        assert self.used <= self.limit, f"{self.used} of {self.limit} bytes are in use"

    def planned(self, name: str, size: int, **more: object) -> Planned:
        """What the pool is given for a model called ``name``."""
        return Planned(size, lambda: FakeEngine(name, size, self), **more)  # type: ignore[arg-type]

    def pool(self, sizes: dict[str, int], **more: object) -> ModelPool:
        """A pool over fake models, with this machine's limit as its budget."""
        models = {name: self.planned(name, size) for name, size in sizes.items()}
        return ModelPool(self.limit, models, on_event=self.events.append, sleep=self.slept, **more)  # type: ignore[arg-type]

    async def slept(self, seconds: float) -> None:
        self.log.append(f"sleep {seconds}")
        await asyncio.sleep(0)


class FakeEngine:
    """Takes its memory while it runs; each slot holds a number of tokens."""

    def __init__(self, name: str, size: int, machine: Machine, pause: Callable[[], int] = lambda: 2) -> None:
        self.name = name
        self._size = size
        self._machine = machine
        self._pause = pause
        self._running = False
        self._slots = [0] * 4

    async def _wait(self) -> None:
        for _ in range(self._pause()):
            await asyncio.sleep(0)

    async def capabilities(self) -> Capabilities:
        """Start, as a real back end does."""
        if not self._running:
            self._machine.take(self._size)
            self._running = True
            self._machine.log.append(f"start {self.name}")
            await self._wait()
            if pending := self._machine.failures.get(self.name):
                raise pending.pop(0)
        return Capabilities(context=4096, tokenizer=True, timings=True, slots=self._machine.slots, parallel=4)

    async def complete(
        self,
        prompt: Sequence[ChatMessage],
        schema: Schema | None,  # noqa: ARG002
        sampling: Sampling,  # noqa: ARG002
        *,
        id_slot: int | None = None,
    ) -> Completion:
        """Answer "ok"; what the slot holds is reused."""
        assert self._running, f"{self.name} was asked while it did not run"
        await self._wait()
        total = await self.count(prompt)
        slot = id_slot or 0
        reused = min(self._slots[slot], total - 1)
        self._slots[slot] = total + 1
        usage = Usage(prefilled=total - reused, reused=reused, generated=1)
        return Completion(text="ok", finish="stop", usage=usage, model=self.name)

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """One token a character."""
        return sum(len(message.content) for message in prompt)

    async def save_slot(self, name: str, *, id_slot: int = 0) -> int:
        """Keep the number of tokens in the slot."""
        assert self._running
        self._machine.saving.set()
        await self._wait()
        if self._machine.failing_save:
            raise self._machine.failing_save
        self._machine.log.append(f"save {self.name}")
        self._machine.states[name] = self._slots[id_slot]
        return self._slots[id_slot]

    async def restore_slot(self, name: str, *, id_slot: int = 0) -> int:
        """Bring it back, or only say so."""
        assert self._running
        await self._wait()
        self._machine.log.append(f"restore {self.name}")
        if self._machine.refuses_states:
            return 0
        kept = self._machine.states[name]
        self._slots[id_slot] = kept if self._machine.restores_work else 0
        return kept

    async def aclose(self) -> None:
        """Stop: the memory is free only at the end."""
        await self._wait()
        if self._running and self.name in self._machine.stuck:
            raise self._machine.stuck[self.name]
        if self._running:
            self._running = False
            self._slots = [0] * 4
            self._machine.used -= self._size
            self._machine.log.append(f"stop {self.name}")


def prompt(length: int) -> tuple[ChatMessage, ...]:
    """A prompt of so many tokens of the fake engines."""
    return (ChatMessage(role="user", content="x" * length),)
