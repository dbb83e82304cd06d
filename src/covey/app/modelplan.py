"""What a model needs in memory: from its file when it is there, estimated from the catalogue when it is not."""

from __future__ import annotations

import math
from typing import get_args

from covey.core.canonical import Frozen
from covey.core.errors import ConfigError, DoesNotFit, UnusableModel
from covey.models.catalogue import COMPUTE_ALLOWANCE, CatalogueModel, load_catalogue, suits
from covey.models.gguf import read_gguf
from covey.models.memory import MachineMemory, machine_memory
from covey.models.names import ModelFile, resolve_model
from covey.models.plan import SHORT, USEFUL, MemoryPlan, cache_types, fit, memory_of, rows
from covey.models.shape import ModelShape, model_shape
from covey.models.spec import KvType
from covey.settings import Settings

MOST_CONTEXT = 1 << 24
MOST_SLOTS = 64

MOST_GB = 1 << 20
"""More memory than this is taken for a mistake."""

_GB = 1 << 30
_GPU_NOTE = "Layers on a GPU need a llama-server built for it; the embedded engine runs on the processor."
_LEAST_CONTEXT = 4096


class PlanRow(Frozen):
    """One row of the explanation: what takes memory, how many bytes, and why so many."""

    what: str
    bytes: int
    why: str


class PlanReport(Frozen):
    """A memory plan in words and numbers. Sizes in bytes; None where the file could not be read.

    ``context`` is the window of one of ``parallel`` slots in tokens. ``estimate``: from the catalogue's figures, not
    from the file. ``error`` says why it does not fit, or cannot be told, and what would.
    """

    model: str
    path: str | None = None
    memory_bytes: int
    weights_bytes: int | None = None
    kv_bytes: int | None = None
    compute_bytes: int | None = None
    total_bytes: int | None = None
    fits: bool = False
    context: int | None = None
    parallel: int = 1
    kv_type: KvType | None = None
    gpu_layers: int | None = None
    estimate: bool = False
    rows: tuple[PlanRow, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def check_memory(gigabytes: float) -> int:
    """Turn GB (of 2**30 bytes) into bytes. Raises ConfigError for what cannot be meant."""
    if not math.isfinite(gigabytes) or not 0 < gigabytes <= MOST_GB:
        raise ConfigError(f"--memory {gigabytes:g}: give gigabytes, more than 0 and at most {MOST_GB}.")
    return int(gigabytes * _GB)


def plan_model(
    what: str,
    settings: Settings,
    *,
    memory_gb: float,
    context: int | None = None,
    parallel: int = 1,
    kv_type: str | None = None,
) -> PlanReport:
    """Plan a model file, or a model of the catalogue, into ``memory_gb``. Blocking.

    What does not fit, or cannot be read, is a report with an ``error``; ConfigError is raised for numbers that cannot
    be meant, UnusableModel for a name that there is not.
    """
    memory = check_memory(memory_gb)
    kind = _check_numbers(context, parallel, kv_type)
    entry = load_catalogue().find(what)
    if entry is not None and not entry.path(settings.models_dir).is_file():
        return _estimate(entry, memory, context, parallel, kind)
    try:
        source = resolve_model(what, settings.models_dir)
    except UnusableModel as error:
        return PlanReport(model=what, memory_bytes=memory, error=str(error))
    if not isinstance(source, ModelFile):
        raise UnusableModel(f"{what} is not one model file. Give a GGUF file, or the name of one model.")
    return _plan_file(source, memory, context, parallel, kind)


def _check_numbers(context: int | None, parallel: int, kv_type: str | None) -> KvType | None:
    if context is not None and not 0 < context <= MOST_CONTEXT:
        raise ConfigError(f"--context {context}: give tokens, more than 0 and at most {MOST_CONTEXT}.")
    if not 0 < parallel <= MOST_SLOTS:
        raise ConfigError(f"--parallel {parallel}: give a number from 1 to {MOST_SLOTS}.")
    known: dict[str, KvType] = {kind: kind for kind in get_args(KvType)}
    if kv_type is not None and kv_type not in known:
        raise ConfigError(f"--kv {kv_type}: give one of {', '.join(known)}.")
    return None if kv_type is None else known[kv_type]


def _estimate(
    model: CatalogueModel, memory: int, context: int | None, parallel: int, kv_type: KvType | None
) -> PlanReport:
    """Plan from the catalogue: the largest context, and then the cheaper cache, that fit."""
    kinds: tuple[KvType, ...] = ("f16", "q8_0") if kv_type is None else (kv_type,)
    tried = [
        _estimated(model, memory, tokens, parallel, kind)
        for tokens in ([context] if context else _contexts(model))
        for kind in kinds
    ]
    return next((report for report in tried if report.fits), tried[-1])


def _contexts(model: CatalogueModel) -> list[int]:
    """The recommended context, and halves of it down to the least that is of use."""
    found = [model.recommended_context]
    while found[-1] // 2 >= _LEAST_CONTEXT:
        found.append(found[-1] // 2)
    return found


def _estimated(model: CatalogueModel, memory: int, context: int, parallel: int, kv_type: KvType) -> PlanReport:
    cost = model.kv_per_token(kv_type)
    cache = None if cost is None else cost * context * parallel
    total = model.size + (cache or 0) + COMPUTE_ALLOWANCE
    fits = total <= memory and context <= model.context
    size = "size of the file" if model.exact else "rounded size of the file"
    rows = [PlanRow(what="weights", bytes=model.size, why=size)]
    if cache is not None:
        why = f"{parallel} x {context} tokens x {cost} bytes ({kv_type})"
        rows.append(PlanRow(what="KV cache", bytes=cache, why=why))
    rows.append(PlanRow(what="compute", bytes=COMPUTE_ALLOWANCE, why="an allowance"))
    rows.append(PlanRow(what="total", bytes=total, why=f"of {memory / _GB:.2f} GiB allowed"))
    notes = ["An estimate: the plan of the downloaded file is exact."]
    if cache is None:
        notes.append("The cost of its KV cache is not known before it is downloaded, and is not part of the total.")
    if model.experts and not fits:
        notes.append("It is a mixture of experts: with its experts in RAM it needs less memory on the card.")
    error = "" if fits else _too_small(model, memory, total, context)
    return PlanReport(
        model=model.name, memory_bytes=memory, weights_bytes=model.size, kv_bytes=cache,
        compute_bytes=COMPUTE_ALLOWANCE, total_bytes=total, fits=fits, context=context, parallel=parallel,
        kv_type=kv_type, estimate=True, rows=tuple(rows), notes=tuple(notes), error=error,
    )  # fmt: skip


def _too_small(model: CatalogueModel, memory: int, total: int, context: int) -> str:
    if context > model.context:
        return f"{model.name} has a context of {model.context} tokens at most; {context} were asked for."
    others = [other for other in load_catalogue().models if suits(other, memory / _GB)]
    best = max(others, key=lambda other: other.size, default=None)
    hint = f"In that memory fits {best.name}." if best else "No model of the catalogue fits."
    asked = f"{model.name} needs {total / _GB:.2f} GiB with {context} tokens of context"
    return f"{asked} and may have {memory / _GB:.2f}. {hint}"


def _plan_file(
    source: ModelFile, memory: int, context: int | None, parallel: int, kv_type: KvType | None
) -> PlanReport:
    """Plan from the file's own header."""
    nothing = PlanReport(model=source.name, path=source.path, memory_bytes=memory, parallel=parallel)
    gpu = gpu_budget(memory, machine_memory())
    try:
        shape = model_shape(read_gguf(source.path))
    except UnusableModel as error:
        return nothing.model_copy(update={"error": str(error)})
    try:
        return _reported(source, _chosen(shape, memory, context, parallel, kv_type, gpu=gpu), memory, "")
    except DoesNotFit as error:
        smallest = _smallest(shape, memory, context, parallel, kv_type)
        return _reported(source, smallest, memory, str(error))
    except UnusableModel as error:  # a type of cache that this model cannot have
        return nothing.model_copy(update={"error": str(error)})


def gpu_budget(memory: int, machine: MachineMemory) -> int | None:
    """Bytes of ``memory`` that may lie on GPUs: none without one, all of it (None) where they share the RAM."""
    if machine.unified:
        return None
    return min(memory, sum(gpu.free for gpu in machine.gpus))


def _chosen(
    shape: ModelShape, memory: int, context: int | None, parallel: int, kv_type: KvType | None, *, gpu: int | None
) -> MemoryPlan:  # fmt: skip
    """The best plan that fits; with ``kv_type``, the largest usual context that fits so. Raises DoesNotFit."""
    if kv_type is None:
        return _best(shape, memory, context, parallel, gpu)
    layers = 0 if gpu == 0 else len(shape.layers) + 1
    sizes = [context] if context else [size for size in (*USEFUL, *SHORT) if size <= (shape.context_train or size)]
    for size in sizes or [shape.context_train]:
        plan = memory_of(
            shape, context=size, parallel=parallel, kv_type=kv_type, gpu_layers=layers,
            memory_limit=memory, gpu_limit=gpu, shared=gpu is None,
        )  # fmt: skip
        if plan.fits:
            return plan
    smallest = _smallest(shape, memory, context, parallel, kv_type)
    raise DoesNotFit(
        f"{smallest.model} needs {smallest.total_bytes / _GB:.2f} GiB with {parallel} x {smallest.context} tokens of "
        f"context in {kv_type} and may have {memory / _GB:.2f}. Leave --kv and --context out to see what would fit."
    )


def _best(shape: ModelShape, memory: int, context: int | None, parallel: int, gpu: int | None) -> MemoryPlan:
    """The best plan whose bytes on cards and in RAM are together within ``memory``. Raises DoesNotFit."""
    for ram in (memory, memory - gpu) if gpu else ():
        if ram <= 0:
            continue
        try:
            plan = fit(shape, memory_bytes=ram, gpu_bytes=gpu, context=context, parallel=parallel)
        except DoesNotFit:
            continue
        if plan.total_bytes <= memory:
            return plan
    return fit(shape, memory_bytes=memory, gpu_bytes=None if gpu is None else 0, context=context, parallel=parallel)


def _smallest(
    shape: ModelShape, memory: int, context: int | None, parallel: int, kv_type: KvType | None
) -> MemoryPlan:  # fmt: skip
    """The plan that needs least, for the numbers of what does not fit."""
    least = min(SHORT[-1], shape.context_train or SHORT[-1])
    return memory_of(
        shape, context=context or least, parallel=parallel, kv_type=kv_type or cache_types(shape)[-1],
        memory_limit=memory,
    )  # fmt: skip


def _reported(source: ModelFile, plan: MemoryPlan, memory: int, error: str) -> PlanReport:
    return PlanReport(
        model=source.name,
        path=source.path,
        memory_bytes=memory,
        weights_bytes=plan.weights_bytes,
        kv_bytes=plan.kv_bytes,
        compute_bytes=plan.compute_bytes,
        total_bytes=plan.total_bytes,
        fits=not error,
        context=plan.context,
        parallel=plan.parallel,
        kv_type=plan.kv_type,
        gpu_layers=plan.gpu_layers,
        rows=tuple(PlanRow(what=what, bytes=size, why=why) for what, size, why in rows(plan)),
        notes=(*plan.notes, *([_GPU_NOTE] if plan.gpu_layers else [])),
        error=error,
    )


def engine_plan(
    source: ModelFile, memory: int, *, gpu: int | None = 0, context: int | None = None, parallel: int | None = None
) -> MemoryPlan:
    """How to load a file within ``memory`` bytes, of which ``gpu`` may lie on cards. Blocking.

    A context that only the catalogue recommends gives way to what fits; one that is asked for does not. Raises
    UnusableModel, DoesNotFit.
    """
    _check_numbers(context, parallel or 1, None)
    shape = model_shape(read_gguf(source.path))
    slots = parallel or source.parallel
    try:
        return _chosen(shape, memory, context or source.context, slots, source.kv_type, gpu=gpu)
    except DoesNotFit:
        if context or not (source.context or source.kv_type):
            raise
        return _chosen(shape, memory, None, slots, None, gpu=gpu)
