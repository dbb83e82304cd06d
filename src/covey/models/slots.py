"""States of an engine's slot: saved before another context takes the slot, restored after, and checked.

Engines have restored nothing without saying so (llama.cpp with hybrid or sliding-window models), so a restore counts
only when the first completion after it reused what was restored, by the engine's own count.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol, TypeGuard, runtime_checkable

from covey.core.canonical import sha256
from covey.core.errors import CoveyError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.protocols import ModelBackend

ENOUGH = 0.5
"""Part of what could be reused after a restore that must be: prompts of one key only grow, so it should be all."""


@runtime_checkable
class SlotBackend(Protocol):
    """A back end whose slot state can be kept. Both return tokens and raise EngineError."""

    async def save_slot(self, name: str) -> int:
        """Write the slot's state under ``name``, over what was there."""
        ...

    async def restore_slot(self, name: str) -> int:
        """Read the state back."""
        ...


class SlotKeeper:
    """The saved states of one model with one slot. ``limit`` states at most; the one used longest ago is given up."""

    def __init__(self, model: str, limit: int, say: Callable[[str], None]) -> None:
        self.saved = self.restored = self.useless = 0
        self._model = model
        self._limit = limit
        self._say = say
        self._works = limit > 0
        self._able = False
        self._key: str | None = None
        self._changed = False
        self._files: OrderedDict[str, str] = OrderedDict()
        self._expected = 0

    def loaded(self, backend: ModelBackend, capabilities: Capabilities) -> None:
        """Take note that the engine runs, with an empty slot."""
        self._able = capabilities.slots and capabilities.timings and isinstance(backend, SlotBackend)
        self.gone()

    def gone(self) -> None:
        """Take note that the slot is empty now."""
        self._key, self._changed, self._expected = None, False, 0

    async def switch(self, backend: ModelBackend, key: str | None) -> None:
        """Make the slot ready for ``key``: keep what is in it, bring back what was kept for ``key``."""
        if key is not None and key == self._key:
            return
        await self.save(backend)
        self.gone()
        self._key = key
        if key is None or key not in self._files or not self._on(backend):
            return
        self._files.move_to_end(key)
        try:
            self._expected = await backend.restore_slot(self._files[key])
        except CoveyError as error:
            self._give_up(f"its engine could not read a saved state ({error})")
        else:
            self.restored += 1

    async def save(self, backend: ModelBackend) -> None:
        """Keep what is in the slot, if that is worth it."""
        if self._key is None or not self._changed or not self._on(backend):
            return
        try:
            await backend.save_slot(self._file(self._key))
        except CoveyError as error:
            self._files.pop(self._key, None)
            self._give_up(f"its engine could not save a state ({error})")
        else:
            self.saved += 1
            self._changed = False

    def completed(self, completion: Completion) -> None:
        """Judge the last restore by the first completion after it."""
        self._changed = True
        expected, self._expected = self._expected, 0
        usage = completion.usage
        if usage.reused < ENOUGH * min(expected, usage.reused + usage.prefilled):
            self.useless += 1
            self._give_up(f"its engine restored {expected} tokens and then reused {usage.reused}")

    def _on(self, backend: ModelBackend) -> TypeGuard[SlotBackend]:
        return self._works and self._able and isinstance(backend, SlotBackend)

    def _give_up(self, why: str) -> None:
        self._works = False
        self._files.clear()
        self._say(f"States of model {self._model} are no longer kept: {why}. Its prompts are read again instead.")

    def _file(self, key: str) -> str:
        if key in self._files:
            self._files.move_to_end(key)
        elif len(self._files) < self._limit:
            self._files[key] = f"{sha256(self._model)[:12]}-{len(self._files)}"
        else:
            self._files[key] = self._files.popitem(last=False)[1]
        return self._files[key]


class Watched:
    """A lent back end: the same model, whose completions the keeper sees. Closing it is the pool's right."""

    def __init__(self, backend: ModelBackend, keeper: SlotKeeper) -> None:
        self._backend = backend
        self._keeper = keeper

    @property
    def name(self) -> str:
        """Name of the model as its engine knows it."""
        return self._backend.name

    async def capabilities(self) -> Capabilities:
        """Say what the engine was found to do."""
        return await self._backend.capabilities()

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Answer ``prompt``; see :class:`covey.core.protocols.ModelBackend`."""
        completion = await self._backend.complete(prompt, schema, sampling)
        self._keeper.completed(completion)
        return completion

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Tokens that ``prompt`` will take."""
        return await self._backend.count(prompt)

    async def aclose(self) -> None:
        """Do nothing: the pool ends the engine when its memory is needed."""
