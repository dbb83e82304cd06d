"""Choose how to load a model inside a budget, and say what it takes. Pure functions of its shape.

``memory_of`` and ``rows``, from :mod:`covey.models.plan_memory`, belong to the same interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from covey.core.errors import DoesNotFit
from covey.models.plan_memory import MemoryPlan, cache_types, memory_of, rows
from covey.models.shape import ModelShape
from covey.models.spec import KvType

__all__ = ["MemoryPlan", "cache_types", "fit", "largest_context", "memory_of", "rows"]

USEFUL = (32_768, 24_576, 16_384, 12_288, 8_192)
SHORT = (6_144, 4_096, 3_072, 2_048)


def fit(
    shape: ModelShape,
    *,
    memory_bytes: int,
    gpu_bytes: int | None = 0,
    context: int | None = None,
    parallel: int = 1,
    ubatch: int = 512,
) -> MemoryPlan:
    """Return the best way of loading a model within ``memory_bytes`` of RAM and ``gpu_bytes`` of GPU memory.

    ``gpu_bytes`` 0: no GPU; None: the GPU shares the RAM, as on Apple machines. ``context``: tokens that each of
    ``parallel`` slots must have; None: as many as fit, up to 32,768 and what the model was trained on.

    The first plan in this order of preference wins. Speed first, as a layer outside the GPU costs more than anything
    else: everything on the GPU; then everything but experts, of as few layers as possible; then as many layers as fit;
    then RAM alone. Within each of these, a useful context before a precise cache: contexts from 32,768 down to 8,192
    with a cache in f16, the same in q8_0 (hardly ever noticed), the same in q4_0 (costs some accuracy). Where layers
    stay in RAM the context is the shortest useful one, so that the GPU gets layers. Only then contexts from 6,144 down
    to 2,048, all of this again in the same order.

    Raises DoesNotFit with the numbers and what would fit.
    """
    budget = _Budget(shape, memory_bytes, gpu_bytes, parallel, ubatch)
    limit = min(USEFUL[0], shape.context_train or USEFUL[0])
    useful = [context] if context else [size for size in USEFUL if size <= limit] or [limit]
    short = [] if context else [size for size in SHORT if size < useful[-1]]
    for sizes in (useful, short):
        for found in budget.plans(sizes):
            if found.fits:
                return found
    raise DoesNotFit(_why(budget, context or (short or useful)[-1], asked=context is not None))


def largest_context(
    shape: ModelShape,
    *,
    memory_bytes: int,
    gpu_bytes: int | None = 0,
    kv_type: KvType = "f16",
    parallel: int = 1,
    ubatch: int = 512,
) -> int:
    """The most tokens that each slot can have, up to what the model was trained on; 0 where not even 256 fit."""
    if shape.weights_bytes > memory_bytes + (gpu_bytes or 0):
        return 0
    budget = _Budget(shape, memory_bytes, gpu_bytes, parallel, ubatch)
    low, high = 0, (shape.context_train or USEFUL[0]) // 256
    while low < high:
        middle = (low + high + 1) // 2
        if any(plan.fits for plan in budget.plans([middle * 256], (kv_type,))):
            low = middle
        else:
            high = middle - 1
    return low * 256


@dataclass(frozen=True)
class _Budget:
    shape: ModelShape
    memory_bytes: int
    gpu_bytes: int | None
    parallel: int
    ubatch: int

    def plans(self, sizes: Sequence[int], caches: Sequence[KvType] | None = None) -> Iterator[MemoryPlan]:
        """Plans for contexts of these sizes, largest first, in the order of preference."""
        usual = [(kv_type, size) for kv_type in caches or cache_types(self.shape) for size in sizes]
        everything = len(self.shape.layers) + 1
        if self.gpu_bytes != 0:
            yield from (self.plan(size, kv_type, everything) for kv_type, size in usual)
        if self.gpu_bytes:
            experts = everything - 1 if self.shape.expert_bytes else 0
            for kv_type, size in usual:
                yield from (self.plan(size, kv_type, everything, count) for count in range(1, experts + 1))
            for kv_type, size in usual:
                if size == sizes[-1]:
                    yield from (self.plan(size, kv_type, count, experts) for count in range(everything - 1, 0, -1))
        if self.gpu_bytes is not None:
            yield from (self.plan(size, kv_type, 0) for kv_type, size in usual)

    def plan(self, size: int, kv_type: KvType, gpu_layers: int, cpu_experts: int = 0) -> MemoryPlan:
        return memory_of(
            self.shape,
            context=size,
            parallel=self.parallel,
            kv_type=kv_type,
            gpu_layers=gpu_layers,
            cpu_experts=cpu_experts,
            ubatch=self.ubatch,
            memory_limit=self.memory_bytes,
            gpu_limit=self.gpu_bytes,
            shared=self.gpu_bytes is None,
        )


def _why(budget: _Budget, context: int, *, asked: bool) -> str:
    shape, gpu = budget.shape, budget.gpu_bytes
    smallest = budget.plan(context, cache_types(shape)[-1], len(shape.layers) + 1 if gpu is None else 0)
    parts = (("weights", smallest.weights_bytes), ("cache", smallest.kv_bytes), ("compute", smallest.compute_bytes))
    sizes = " + ".join(f"{what} {_gb(size)}" for what, size in parts)
    slots = f" in each of {smallest.parallel} slots" if smallest.parallel > 1 else ""
    allowed = f"{_gb(budget.memory_bytes)} of memory" + (f" and {_gb(gpu)} on the GPU" if gpu else "")
    said = (
        f"{f'{smallest.model} {shape.quantisation}'.strip()} does not fit: {context:,} tokens{slots} with a cache in "
        f"{smallest.kv_type} take {_gb(smallest.total_bytes)} ({sizes}), and {allowed} may be used."
    )
    largest = {
        kv_type: largest_context(
            shape,
            memory_bytes=budget.memory_bytes,
            gpu_bytes=gpu,
            kv_type=kv_type,
            parallel=budget.parallel,
            ubatch=budget.ubatch,
        )
        for kv_type in cache_types(shape)
    }
    if any(largest.values()):
        fitting = ", ".join(f"{size:,} tokens in {kv_type}" for kv_type, size in largest.items() if size)
        said += f" What would fit: {fitting}{'' if asked else ', which is too short to be useful'}."
    else:
        said += " No context would fit: take a smaller model or quantisation."
    return f"{said} Or allow at least {_gb(smallest.total_bytes, up=True)} of memory."


def _gb(size: int, *, up: bool = False) -> str:
    return f"{-(-size // 10**7) / 100 if up else size / 1e9:.2f} GB"
