"""Plans for budgets. Exactness against the engine is shown in tests/integration/test_engine_memory.py."""

from __future__ import annotations

import pytest

from covey.core.errors import DoesNotFit, UnusableModel
from covey.models.plan import cache_types, fit, largest_context, memory_of, rows
from covey.models.shape import LayerShape, ModelShape
from covey.models.spec import KvType

pytestmark = pytest.mark.requirement("A6")

GB = 10**9


def _model(layer: LayerShape, layers: int = 28, **fields: int) -> ModelShape:
    usual = {"embedding": 3584, "heads": 28, "feed_forward": 18_944, "vocabulary": 152_064, "context_train": 131_072}
    return ModelShape.model_validate(
        {"architecture": "made", "name": "Made", "quantisation": "Q4_K_M", "layers": (layer,) * layers}
        | {"input_bytes": GB // 4, "output_bytes": GB // 2, "chat_template": True}
        | usual
        | fields
    )


LAYER = LayerShape(kv_heads=4, key_length=128, value_length=128, weight_bytes=140_000_000)
DENSE = _model(LAYER)  # as large as Qwen2.5 7B in Q4_K_M
MIXTURE = _model(
    LayerShape(kv_heads=4, key_length=128, value_length=128, weight_bytes=380_000_000, expert_bytes=350_000_000),
    layers=48,
    embedding=2048,
    heads=32,
    feed_forward=768,
    experts=128,
    experts_used=8,
)


def test_a_known_model_takes_what_is_known() -> None:
    """Qwen2.5 7B: 56 KiB a token in f16, 29.75 in q8_0."""
    sizes: dict[KvType, float] = {"f16": 56, "q8_0": 29.75, "q4_0": 15.75}
    for kv_type, kib in sizes.items():
        assert memory_of(DENSE, context=8192, kv_type=kv_type).kv_bytes == 8192 * kib * 1024


def test_cells_come_in_multiples_of_256_for_each_slot() -> None:
    assert memory_of(DENSE, context=1000).kv_bytes == memory_of(DENSE, context=1024).kv_bytes
    apart = memory_of(DENSE, context=1000, parallel=3).kv_bytes
    assert apart == 3 * memory_of(DENSE, context=1024).kv_bytes
    together = memory_of(DENSE, context=1000, parallel=3, unified=True).kv_bytes
    assert together == memory_of(DENSE, context=3072).kv_bytes == apart
    assert memory_of(DENSE, context=1100, parallel=3, unified=True).kv_bytes < 3 * apart // 2


def test_windowed_layers_stop_growing() -> None:
    model = _model(LAYER.model_copy(update={"windowed": True}), window=1024)
    long, longer = (memory_of(model, context=size) for size in (8192, 16_384))
    assert long.kv_bytes == longer.kv_bytes == 1536 * 56 * 1024
    assert memory_of(model, context=512).kv_bytes == 512 * 56 * 1024
    assert memory_of(model, context=8192, parallel=4).kv_bytes == 4 * long.kv_bytes
    assert memory_of(model, context=8192, parallel=4, unified=True).kv_bytes == (4 * 1024 + 512) * 56 * 1024
    assert memory_of(model, context=8192, swa_full=True).kv_bytes == 8192 * 56 * 1024


def test_keys_that_serve_as_values_are_counted_once_and_states_for_each_slot() -> None:
    latent = _model(LayerShape(kv_heads=1, key_length=576), layers=2)
    assert memory_of(latent, context=256).kv_bytes == 2 * 256 * 576 * 2
    hybrid = _model(LayerShape(state_bytes=1000), layers=2)
    assert memory_of(hybrid, context=256, parallel=3).kv_bytes == 2 * 3 * 1000
    assert any("state" in note for note in memory_of(hybrid, context=256).notes)


def test_without_flash_attention_the_scores_are_kept() -> None:
    plain = memory_of(DENSE, context=8192, flash_attention=False).compute_bytes
    assert plain > 512 * 4 * 28 * 8192 > memory_of(DENSE, context=8192).compute_bytes
    with pytest.raises(UnusableModel, match="flash attention"):
        memory_of(DENSE, context=8192, kv_type="q8_0", flash_attention=False)


def test_heads_that_are_no_blocks_hold_no_quantised_cache() -> None:
    odd = _model(LAYER.model_copy(update={"key_length": 80}))
    assert cache_types(odd) == ("f16",)
    with pytest.raises(UnusableModel, match="Use f16"):
        memory_of(odd, context=8192, kv_type="q4_0")


def test_layers_on_the_gpu_are_counted_from_the_output() -> None:
    nothing, output, last, everything = (memory_of(DENSE, context=4096, gpu_layers=n) for n in (0, 1, 2, 99))
    assert (nothing.gpu_bytes, nothing.ram_bytes) == (0, nothing.total_bytes)
    assert output.gpu_bytes == GB // 2 + output.compute_bytes
    assert last.gpu_bytes - output.gpu_bytes == 140_000_000 + last.kv_bytes // 28
    assert everything.gpu_layers == 29
    assert everything.gpu_bytes == everything.total_bytes - DENSE.input_bytes
    tied = memory_of(DENSE.model_copy(update={"tied": True, "output_bytes": 0}), context=4096, gpu_layers=1)
    assert tied.gpu_bytes == DENSE.input_bytes + tied.compute_bytes


def test_experts_kept_in_ram_leave_the_gpu() -> None:
    whole, without = (memory_of(MIXTURE, context=8192, gpu_layers=49, cpu_experts=n) for n in (0, 10))
    assert whole.gpu_bytes - without.gpu_bytes == 10 * 350_000_000
    assert memory_of(DENSE, context=8192, cpu_experts=5).cpu_experts == 0


@pytest.mark.parametrize(
    ("memory", "gpu", "context", "kv_type", "gpu_layers"),
    [
        (8.0, 0, 32_768, "f16", 0),
        (5.5, 0, 8192, "f16", 0),
        (5.2, 0, 8192, "q8_0", 0),
        (5.02, 0, 8192, "q4_0", 0),
        (4.95, 0, 2048, "f16", 0),
        (16.0, 8.0, 32_768, "f16", 29),
        (16.0, 4.0, 8192, "f16", 22),
        (7.0, None, 32_768, "f16", 29),
        (5.6, None, 12_288, "f16", 29),
    ],
)
def test_the_best_plan_for_a_budget(
    memory: float, gpu: float | None, context: int, kv_type: str, gpu_layers: int
) -> None:
    plan = fit(DENSE, memory_bytes=int(memory * GB), gpu_bytes=None if gpu is None else int(gpu * GB))
    assert (plan.context, plan.kv_type, plan.gpu_layers) == (context, kv_type, gpu_layers)
    assert plan.fits


def test_a_mixture_keeps_as_few_experts_in_ram_as_it_can() -> None:
    plan = fit(MIXTURE, memory_bytes=32 * GB, gpu_bytes=8 * GB)
    assert (plan.gpu_layers, plan.context) == (49, 32_768)
    fewer = memory_of(
        MIXTURE,
        context=32_768,
        gpu_layers=49,
        cpu_experts=plan.cpu_experts - 1,
        memory_limit=32 * GB,
        gpu_limit=8 * GB,
    )
    assert plan.fits
    assert not fewer.fits
    assert fit(MIXTURE, memory_bytes=32 * GB, gpu_bytes=24 * GB).cpu_experts == 0
    assert fit(MIXTURE, memory_bytes=32 * GB, gpu_bytes=GB).fits


def test_a_context_that_is_asked_for_is_kept() -> None:
    plan = fit(DENSE, memory_bytes=6 * GB, context=20_000, parallel=2)
    assert (plan.context, plan.parallel, plan.kv_type) == (20_000, 2, "q4_0")


def test_a_refusal_says_what_would_fit_and_it_does() -> None:
    with pytest.raises(DoesNotFit) as refused:
        fit(DENSE, memory_bytes=6 * GB, context=131_072, parallel=2)
    message = str(refused.value)
    assert "131,072 tokens in each of 2 slots with a cache in q4_0 take" in message
    for kv_type in cache_types(DENSE):
        size = largest_context(DENSE, memory_bytes=6 * GB, kv_type=kv_type, parallel=2)
        assert f"{size:,} tokens in {kv_type}" in message
        assert memory_of(DENSE, context=size, kv_type=kv_type, parallel=2, memory_limit=6 * GB).fits
        assert not memory_of(DENSE, context=size + 256, kv_type=kv_type, parallel=2, memory_limit=6 * GB).fits
    wanted = int(float(message.rsplit("at least ", 1)[1].split(" GB", maxsplit=1)[0]) * GB)
    assert fit(DENSE, memory_bytes=wanted, context=131_072, parallel=2).fits


def test_a_model_that_is_too_large_in_any_way_is_refused_so() -> None:
    with pytest.raises(DoesNotFit, match="No context would fit: take a smaller model"):
        fit(DENSE, memory_bytes=4 * GB)
    with pytest.raises(DoesNotFit, match=r"8\.00 GB of memory and 8\.00 GB on the GPU"):
        fit(MIXTURE, memory_bytes=8 * GB, gpu_bytes=8 * GB)


def test_a_short_training_context_is_not_exceeded_unless_asked() -> None:
    small = DENSE.model_copy(update={"context_train": 4096})
    assert fit(small, memory_bytes=16 * GB).context == 4096
    assert any("4,096" in note for note in fit(small, memory_bytes=16 * GB, context=8192).notes)


def test_the_table_explains_itself_and_the_engine_gets_what_was_planned() -> None:
    plan = fit(MIXTURE, memory_bytes=32 * GB, gpu_bytes=8 * GB, parallel=2)
    lines = {what: (size, why) for what, size, why in rows(plan)}
    assert sum(lines[what][0] for what in ("weights", "cache", "compute")) == lines["total"][0] == plan.total_bytes
    assert "7.45 GiB allowed" in lines["on the GPU"][1]
    assert f"experts of the first {plan.cpu_experts} layers in RAM" in lines["weights"][1]
    spec = plan.to_spec("a/m.gguf")
    assert (spec.name, spec.context, spec.parallel, spec.kv_type) == ("m", plan.context, 2, plan.kv_type)
    assert (spec.gpu_layers, spec.cpu_experts, spec.ubatch) == (49, plan.cpu_experts, 512)
