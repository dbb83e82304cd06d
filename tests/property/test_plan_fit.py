"""Whatever the model and the budget: a plan fits, or nothing does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.core.errors import DoesNotFit
from covey.models.plan import fit, largest_context, memory_of
from covey.models.shape import LayerShape, ModelShape

LAYERS = st.builds(
    LayerShape,
    kv_heads=st.integers(0, 8),
    key_length=st.sampled_from([64, 80, 128, 576]),
    value_length=st.sampled_from([0, 64, 128]),
    windowed=st.booleans(),
    state_bytes=st.sampled_from([0, 100_000]),
    weight_bytes=st.integers(1_000_000, 300_000_000),
    expert_bytes=st.integers(0, 1_000_000),
)
MODELS = st.builds(
    ModelShape,
    architecture=st.just("made"),
    context_train=st.sampled_from([0, 1024, 8192, 131_072]),
    vocabulary=st.integers(1000, 200_000),
    embedding=st.integers(64, 8192),
    heads=st.integers(1, 64),
    feed_forward=st.integers(64, 30_000),
    experts=st.sampled_from([0, 8]),
    experts_used=st.just(2),
    window=st.sampled_from([0, 512, 4096]),
    layers=st.lists(LAYERS, min_size=1, max_size=12).map(tuple),
    input_bytes=st.integers(0, 10**9),
    output_bytes=st.integers(0, 10**9),
    tied=st.booleans(),
)
BYTES = st.integers(10**8, 8 * 10**9)
GPUS = st.one_of(st.none(), st.just(0), BYTES)


@settings(max_examples=80, deadline=None)
@given(model=MODELS, memory=BYTES, gpu=GPUS, parallel=st.integers(1, 4))
def test_a_plan_fits_its_budget_and_more_memory_never_refuses(
    model: ModelShape, memory: int, gpu: int | None, parallel: int
) -> None:
    try:
        plan = fit(model, memory_bytes=memory, gpu_bytes=gpu, parallel=parallel)
    except DoesNotFit:
        with pytest.raises(DoesNotFit):
            fit(model, memory_bytes=memory * 9 // 10, gpu_bytes=gpu, parallel=parallel)
        return
    assert plan.fits
    if gpu is None:
        assert plan.total_bytes <= memory
    else:
        assert plan.ram_bytes <= memory
        assert plan.gpu_bytes <= gpu
        assert plan.ram_bytes + plan.gpu_bytes >= plan.weights_bytes + plan.kv_bytes
    more = fit(model, memory_bytes=memory * 2, gpu_bytes=gpu, parallel=parallel)
    assert more.context >= min(plan.context, 8192) or more.gpu_layers > plan.gpu_layers


@settings(max_examples=100, deadline=None)
@given(model=MODELS, context=st.integers(1, 100_000), step=st.integers(1, 50_000), parallel=st.integers(1, 4))
def test_more_tokens_and_slots_never_take_less(model: ModelShape, context: int, step: int, parallel: int) -> None:
    small = memory_of(model, context=context, parallel=parallel)
    assert memory_of(model, context=context + step, parallel=parallel).total_bytes >= small.total_bytes
    assert memory_of(model, context=context, parallel=parallel + 1).total_bytes > small.total_bytes
    assert small.ram_bytes == small.total_bytes


@settings(max_examples=50, deadline=None)
@given(model=MODELS, memory=BYTES, parallel=st.integers(1, 4))
def test_the_largest_context_is_the_largest(model: ModelShape, memory: int, parallel: int) -> None:
    size = largest_context(model, memory_bytes=memory, parallel=parallel)
    if size:
        assert memory_of(model, context=size, parallel=parallel).total_bytes <= memory
    if size + 256 <= (model.context_train or 32_768):
        assert memory_of(model, context=size + 256, parallel=parallel).total_bytes > memory
