"""States of an engine's slots: saved before another context takes the slot, restored after, and checked.

Engines have restored nothing without saying so (llama.cpp with hybrid or sliding-window models), so a restore counts
only when the first completion after it reused what was restored, by the engine's own count.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeGuard, runtime_checkable

from covey.core.canonical import sha256
from covey.core.errors import CoveyError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.protocols import ModelBackend

ENOUGH = 0.5
"""Part of what could be reused after a restore that must be: prompts of one key only grow, so it should be all."""


@runtime_checkable
class SlotBackend(Protocol):
    """A back end whose slots can be chosen and kept. The first two return tokens; all raise EngineError."""

    async def save_slot(self, name: str, *, id_slot: int = 0) -> int:
        """Write the slot's state under ``name``, over what was there."""
        ...

    async def restore_slot(self, name: str, *, id_slot: int = 0) -> int:
        """Read the state back."""
        ...

    async def complete(
        self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling, *, id_slot: int | None = None
    ) -> Completion:
        """Answer ``prompt`` in the slot ``id_slot``."""
        ...


@dataclass
class _Slot:
    """``key`` of what it holds, ``changed`` since that was saved, ``expected`` tokens to be reused after a restore."""

    key: str | None = None
    changed: bool = False
    expected: int = 0
    busy: bool = False
    used: int = 0

    def empty(self) -> None:
        self.key, self.changed, self.expected = None, False, 0


class SlotKeeper:
    """The slots of one model and their saved states, ``limit`` at most; the one used longest ago is given up."""

    def __init__(self, model: str, slots: int, limit: int, say: Callable[[str], None]) -> None:
        self.saved = self.restored = self.useless = 0
        self._model = model
        self._limit = limit
        self._say = say
        self._works = limit > 0
        self._able = False
        self._slots = [_Slot() for _ in range(slots)]
        self._files: OrderedDict[str, str] = OrderedDict()
        self._free = [f"{sha256(model)[:12]}-{number}" for number in reversed(range(limit))]
        self._uses = 0

    def loaded(self, backend: ModelBackend, capabilities: Capabilities) -> None:
        """Take note that the engine runs, with empty slots."""
        self._able = (
            capabilities.slots
            and capabilities.timings
            and capabilities.parallel >= len(self._slots)
            and isinstance(backend, SlotBackend)
        )
        self.gone()

    def gone(self) -> None:
        """Take note that all slots are empty now."""
        for slot in self._slots:
            slot.empty()

    def take(self, key: str | None) -> int:
        """Choose the slot for ``key``, which becomes busy: the one that holds it, else an empty one, else the oldest.

        There must be one that is not busy.
        """
        idle = [number for number, slot in enumerate(self._slots) if not slot.busy]
        number = min(idle, key=lambda each: self._cost(self._slots[each], key))
        self._uses += 1
        self._slots[number].busy, self._slots[number].used = True, self._uses
        return number

    @staticmethod
    def _cost(slot: _Slot, key: str | None) -> tuple[bool, bool, int]:
        return (key is None or slot.key != key, slot.key is not None, slot.used)

    def release(self, number: int) -> None:
        """The slot is no longer busy."""
        self._slots[number].busy = False

    async def switch(self, backend: ModelBackend, number: int, key: str | None) -> None:
        """Make a slot ready for ``key``: keep what is in it, bring back what was kept for ``key``."""
        slot = self._slots[number]
        if key is not None and key == slot.key:
            return
        await self._save(backend, number)
        slot.empty()
        if key is not None and key in self._files and self.on(backend):
            await self._restore(backend, number, key)
        slot.key = key

    async def _restore(self, backend: SlotBackend, number: int, key: str) -> None:
        self._files.move_to_end(key)
        why = "its engine could not read a saved state"
        try:
            tokens = await backend.restore_slot(self._files[key], id_slot=number)
        except CoveyError as error:
            tokens, why = 0, f"{why} ({error})"
        if tokens:
            self.restored += 1
            self._slots[number].expected = tokens
        else:
            self._give_up(why)

    async def save(self, backend: ModelBackend) -> None:
        """Keep what is in all slots, if that is worth it."""
        for number in range(len(self._slots)):
            await self._save(backend, number)

    async def _save(self, backend: ModelBackend, number: int) -> None:
        slot = self._slots[number]
        key = slot.key
        if key is None or not slot.changed or not self.on(backend) or (name := self._name(key)) is None:
            return
        try:
            tokens = await backend.save_slot(name, id_slot=number)
        except CoveyError as error:
            self._give_up(f"its engine could not save a state ({error})")
        except BaseException:  # cancelled: nobody knows what the file holds
            self._free.append(name)
            raise
        else:
            slot.changed = False
            if tokens:
                self.saved += 1
                self._files[key] = name
            else:  # the engine was started again, its slot is empty
                self._free.append(name)

    def completed(self, number: int, completion: Completion) -> None:
        """Judge the last restore by the first completion after it."""
        slot = self._slots[number]
        slot.changed = True
        expected, slot.expected = slot.expected, 0
        usage = completion.usage
        if usage.reused < ENOUGH * min(expected, usage.reused + usage.prefilled):
            self.useless += 1
            self._give_up(f"its engine restored {expected} tokens and then reused {usage.reused}")

    def on(self, backend: ModelBackend) -> TypeGuard[SlotBackend]:
        """True when slots are chosen and kept here; otherwise the engine chooses."""
        return self._works and self._able and isinstance(backend, SlotBackend)

    def _give_up(self, why: str) -> None:
        if not self._works:
            return
        self._works = False
        self._files.clear()
        self._say(f"States of model {self._model} are no longer kept: {why}. Its prompts are read again instead.")

    def _name(self, key: str) -> str | None:
        """A file to write a state to; what it held is gone. None while all are being written."""
        if key in self._files:
            return self._files.pop(key)
        if self._free:
            return self._free.pop()
        return self._files.popitem(last=False)[1] if self._files else None


class Watched:
    """A lent back end: the same model, whose completions the keeper sees. Closing it is the pool's right."""

    def __init__(self, backend: ModelBackend, keeper: SlotKeeper, slot: int) -> None:
        self._backend = backend
        self._keeper = keeper
        self._slot = slot

    @property
    def name(self) -> str:
        """Name of the model as its engine knows it."""
        return self._backend.name

    async def capabilities(self) -> Capabilities:
        """Say what the engine was found to do."""
        return await self._backend.capabilities()

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Answer ``prompt``; see :class:`covey.core.protocols.ModelBackend`."""
        if self._keeper.on(self._backend):
            completion = await self._backend.complete(prompt, schema, sampling, id_slot=self._slot)
        else:
            completion = await self._backend.complete(prompt, schema, sampling)
        self._keeper.completed(self._slot, completion)
        return completion

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Tokens that ``prompt`` will take."""
        return await self._backend.count(prompt)

    async def aclose(self) -> None:
        """Do nothing: the pool ends the engine when its memory is needed."""
