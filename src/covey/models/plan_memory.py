"""How much memory a model needs, before it is loaded. Pure functions of its shape.

Weights, caches and compute buffers follow llama.cpp's own allocation; ``python -m covey.bench.engine_memory`` compares
them with the engine's log. Weights and caches are exact; the compute buffer is the largest moment of one layer, fitted
to that log within 15 %. On GPUs, drivers and libraries take some hundred MB more, which is not counted here.
"""

from __future__ import annotations

from pathlib import Path

from covey.core.canonical import Frozen
from covey.core.errors import UnusableModel
from covey.models.shape import LayerShape, ModelShape
from covey.models.spec import EngineSpec, KvType

# Bytes and elements of a block of the cache's element type.
_BLOCKS: dict[KvType, tuple[int, int]] = {"f16": (2, 1), "q8_0": (34, 32), "q4_0": (18, 32)}
_PAD = 256  # cells come in multiples of it
_SMALL = 10  # position, output row and the like: numbers for each token


class MemoryPlan(Frozen):
    """What one way of loading a model takes, in bytes. ``context`` is that of one slot, in tokens.

    ``kv_bytes`` include recurrent states; ``compute_bytes`` include the logits. ``gpu_bytes`` and ``ram_bytes`` are
    where it lies; both count the compute buffer and ``tied`` embeddings that are on either side, so together they may
    exceed ``total_bytes``. ``memory_limit`` and ``gpu_limit``: what it may take (None: not limited).
    """

    model: str
    context: int
    parallel: int
    kv_type: KvType
    gpu_layers: int
    cpu_experts: int
    ubatch: int
    flash_attention: bool
    swa_full: bool
    weights_bytes: int
    kv_bytes: int
    compute_bytes: int
    gpu_bytes: int
    ram_bytes: int
    memory_limit: int | None = None
    gpu_limit: int | None = None
    shared: bool = False
    notes: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Weights, caches and compute."""
        return self.weights_bytes + self.kv_bytes + self.compute_bytes

    @property
    def fits(self) -> bool:
        """Whether it stays below its limits. Where GPU and CPU share memory, both together count against one."""
        if self.shared:
            return self.memory_limit is None or self.total_bytes <= self.memory_limit
        ram = self.memory_limit is None or self.ram_bytes <= self.memory_limit
        return ram and (self.gpu_limit is None or self.gpu_bytes <= self.gpu_limit)

    def to_spec(self, path: Path | str) -> EngineSpec:
        """What to start an engine with, so that it takes this memory."""
        return EngineSpec(
            path=str(path),
            context=self.context,
            parallel=self.parallel,
            kv_type=self.kv_type,
            gpu_layers=self.gpu_layers,
            cpu_experts=self.cpu_experts,
            ubatch=self.ubatch,
            flash_attention=self.flash_attention,
            swa_full=self.swa_full,
        )


def memory_of(
    shape: ModelShape,
    *,
    context: int,
    parallel: int = 1,
    kv_type: KvType = "f16",
    gpu_layers: int = 0,
    cpu_experts: int = 0,
    ubatch: int = 512,
    flash_attention: bool = True,
    swa_full: bool = False,
    unified: bool = False,
    memory_limit: int | None = None,
    gpu_limit: int | None = None,
    shared: bool = False,
) -> MemoryPlan:
    """Work out the memory of one way of loading a model.

    ``context``: tokens of one slot. ``gpu_layers`` counts as llama.cpp does: 1 is the output, then the layers from the
    last to the first; layers + 1 is everything. ``cpu_experts``: layers, from the first, whose experts stay in RAM.
    ``swa_full``: windowed layers cache the whole context. ``unified``: all slots share one cache.
    ``shared``: GPU and CPU share ``memory_limit``, as on Apple machines.
    Raises UnusableModel where the engine would refuse the cache type, ValueError for numbers out of range.
    """
    if context < 1 or parallel < 1 or ubatch < 1 or gpu_layers < 0 or cpu_experts < 0:
        raise ValueError("context, parallel and ubatch must be above 0, gpu_layers and cpu_experts not below.")
    _check_cache(shape, kv_type, flash_attention=flash_attention)
    gpu_layers = min(gpu_layers, len(shape.layers) + 1)
    cpu_experts = min(cpu_experts, len(shape.layers)) if shape.experts else 0
    streams = 1 if unified else parallel
    cells = _padded(context * (parallel if unified else 1))
    short = cells
    if shape.window and not swa_full:
        short = _padded(min(cells, shape.window * (parallel if unified else 1) + ubatch))
    caches = [
        streams * (short if layer.windowed else cells) * _bytes_per_token(layer, kv_type) + parallel * layer.state_bytes
        for layer in shape.layers
    ]
    windows = short if any(layer.windowed and layer.kv_heads for layer in shape.layers) else 0
    batch = min(ubatch, cells * streams)
    compute = batch * _bytes_per_batch_token(shape, cells, windows, flash_attention=flash_attention)
    compute += 4 * parallel * shape.vocabulary
    first_on_gpu = len(shape.layers) + 1 - gpu_layers
    on_gpu = [
        (layer.weight_bytes - (layer.expert_bytes if number < cpu_experts else 0), caches[number])
        for number, layer in enumerate(shape.layers)
        if number >= first_on_gpu
    ]
    gpu_weights = sum(weight for weight, _ in on_gpu)
    copied = shape.input_bytes if gpu_layers and shape.tied else 0
    if gpu_layers:
        gpu_weights += shape.output_bytes
    gpu_cache = sum(cache for _, cache in on_gpu)
    # With all layers on the GPU, only embeddings and masks of a batch are made in RAM.
    everything = gpu_layers > len(shape.layers) and not cpu_experts
    ram_compute = min(compute, batch * (4 * shape.embedding + 2 * (cells + windows))) if everything else compute
    return MemoryPlan(
        model=shape.name or shape.architecture,
        context=context,
        parallel=parallel,
        kv_type=kv_type,
        gpu_layers=gpu_layers,
        cpu_experts=cpu_experts,
        ubatch=ubatch,
        flash_attention=flash_attention,
        swa_full=swa_full,
        weights_bytes=shape.weights_bytes,
        kv_bytes=sum(caches),
        compute_bytes=compute,
        gpu_bytes=gpu_weights + copied + gpu_cache + compute if gpu_layers else 0,
        ram_bytes=shape.weights_bytes - gpu_weights + sum(caches) - gpu_cache + ram_compute,
        memory_limit=memory_limit,
        gpu_limit=gpu_limit,
        shared=shared,
        notes=_notes(shape, context, copied),
    )


def rows(plan: MemoryPlan) -> list[tuple[str, int, str]]:
    """The plan as lines of a table that explains itself: what, bytes, why."""
    slots = f"{plan.parallel} slot{'s' if plan.parallel > 1 else ''}"
    where = "all in RAM"
    if plan.gpu_layers:
        where = f"{plan.gpu_layers} layers on the GPU, counted from the output"
        if plan.cpu_experts:
            where += f"; experts of the first {plan.cpu_experts} layers in RAM"
    attention = "flash attention" if plan.flash_attention else "no flash attention: every score is kept"
    lines = [
        ("weights", plan.weights_bytes, f"every tensor of the file; {where}"),
        ("cache", plan.kv_bytes, f"{slots} of {plan.context:,} tokens in {plan.kv_type}, and recurrent states"),
        ("compute", plan.compute_bytes, f"a batch of {plan.ubatch} tokens, {attention}; logits"),
        ("total", plan.total_bytes, ""),
        ("in RAM", plan.ram_bytes, _limit(plan.memory_limit)),
    ]
    if plan.gpu_layers:
        lines.append(("on the GPU", plan.gpu_bytes, "shares the RAM" if plan.shared else _limit(plan.gpu_limit)))
    return lines


def _limit(limit: int | None) -> str:
    return "" if limit is None else f"of {limit / (1 << 30):.2f} GiB allowed"


def _notes(shape: ModelShape, context: int, copied: int) -> tuple[str, ...]:
    notes = []
    if shape.context_train and context > shape.context_train:
        notes.append(f"The model was trained on {shape.context_train:,} tokens; answers get worse beyond.")
    if copied:
        notes.append("The embeddings serve as output too: they lie in RAM and on the GPU.")
    if any(layer.state_bytes for layer in shape.layers):
        notes.append("Layers with a recurrent state: an engine may not be able to save and restore slots.")
    if not shape.chat_template:
        notes.append("The file has no chat template: it is a base model, or a poor conversion.")
    return tuple(notes)


def cache_types(shape: ModelShape) -> tuple[KvType, ...]:
    """Element types that a cache of this model can have, the most precise first."""
    lengths = {length for layer in shape.layers if layer.kv_heads for length in _lengths(layer)}
    return tuple(kind for kind, (_, block) in _BLOCKS.items() if all(length % block == 0 for length in lengths))


def _check_cache(shape: ModelShape, kv_type: KvType, *, flash_attention: bool) -> None:
    if kv_type not in cache_types(shape):
        raise UnusableModel(f"{shape.name or 'The model'} has heads that no cache in {kv_type} can hold. Use f16.")
    if kv_type != "f16" and not flash_attention:
        raise UnusableModel(f"A cache in {kv_type} needs flash attention. Turn it on, or use a cache in f16.")


def _lengths(layer: LayerShape) -> tuple[int, int]:
    return layer.key_length, layer.value_length


def _bytes_per_token(layer: LayerShape, kv_type: KvType) -> int:
    size, elements = _BLOCKS[kv_type]
    return layer.kv_heads * sum(_lengths(layer)) * size // elements


def _bytes_per_batch_token(shape: ModelShape, cells: int, windows: int, *, flash_attention: bool) -> int:
    """Bytes that one token of a batch takes in the compute buffer, at the largest moment of a layer.

    Attention: queries, keys, values, their results, and without flash attention a score for every head and cell.
    Feed-forward: gate, up and their product, or the same for each expert used, beside five vectors of the stream; the
    experts' results too, where they do not fit into what gate and up leave. Masks: f16 with flash attention, else f32.
    Fitted to what llama.cpp reports for 26 shapes of dense models and mixtures.
    """
    stream = shape.embedding
    query = shape.heads * max((layer.key_length for layer in shape.layers), default=0)
    cache = max((layer.kv_heads * layer.key_length for layer in shape.layers), default=0)
    used = max(1, shape.experts_used if shape.experts else 1)
    wide = used * shape.feed_forward
    feed = 3 * wide + (5 if wide > stream else 3) * stream
    if shape.experts and used * stream > 2 * wide:
        feed += used * stream
    if len(shape.layers) == 1:  # behind the last attention, only tokens that give logits go on
        feed = 0
    attention = 2 * query + 2 * cache + (3 if flash_attention else 5) * stream
    if not flash_attention:
        attention += shape.heads * cells
    mask = (2 if flash_attention else 4) * (cells + windows)
    return mask + 4 * (max(attention, feed) + _SMALL)


def _padded(cells: int) -> int:
    return -(-cells // _PAD) * _PAD
