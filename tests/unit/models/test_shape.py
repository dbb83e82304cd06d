"""What a header says about a model's memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.core.errors import UnusableModel
from covey.models.gguf import GgufFile, TensorInfo, read_gguf
from covey.models.shape import ModelShape, model_shape
from covey.testing.gguf import write_random
from support_gguf import header

ATTENTION = ("attn_q.weight", "attn_k.weight", "attn_v.weight")


def _windowed(shape: ModelShape) -> list[int]:
    return [number for number, layer in enumerate(shape.layers) if layer.windowed]


def test_a_real_file_is_described(tmp_path: Path) -> None:
    path = write_random(
        tmp_path / "m.gguf", layers=3, embedding=128, heads=8, kv_heads=2, experts=4, feed_forward=32, weights="q8_0"
    )
    gguf = read_gguf(path)
    shape = model_shape(gguf)
    assert (shape.architecture, shape.name, shape.quantisation) == ("llama", "covey-testing", "Q8_0")
    assert (shape.embedding, shape.heads, shape.feed_forward, shape.vocabulary) == (128, 8, 32, 262)
    assert (shape.experts, shape.experts_used, shape.context_train) == (4, 2, 4096)
    assert [(layer.kv_heads, layer.key_length, layer.value_length) for layer in shape.layers] == [(2, 16, 16)] * 3
    assert [layer.expert_bytes for layer in shape.layers] == [3 * 4 * 32 * 128 * 34 // 32] * 3
    assert shape.weights_bytes == sum(tensor.nbytes for tensor in gguf.tensors)
    assert shape.chat_template
    assert not shape.tied


@pytest.mark.parametrize(
    ("architecture", "full"),
    [
        ("gemma2", [1, 3, 5, 7, 9, 11]),
        ("gemma3", [5, 11]),
        ("gpt-oss", [1, 3, 5, 7, 9, 11]),
        ("cohere2", [3, 7, 11]),
        ("smallthinker", [0, 4, 8]),
    ],
)
def test_windowed_layers_follow_the_architecture(architecture: str, full: list[int]) -> None:
    shape = model_shape(header(architecture, [ATTENTION] * 12, attention__sliding_window=1024))
    assert shape.window == 1024
    assert _windowed(shape) == [number for number in range(12) if number not in full]


def test_a_pattern_in_the_file_decides() -> None:
    keys = {"attention__sliding_window": 64, "attention__sliding_window_pattern": 2}
    assert _windowed(model_shape(header("gemma3", [ATTENTION] * 4, **keys))) == [0, 2]
    each = (True, False, False, True)
    keys = {"attention__sliding_window": 64}
    shape = model_shape(header("any", [ATTENTION] * 4, **keys, attention__sliding_window_pattern=each))
    assert _windowed(shape) == [0, 3]


def test_a_window_of_an_architecture_that_does_not_slide_is_not_used() -> None:
    """The plan is too large rather than too small there."""
    shape = model_shape(header("qwen2", [ATTENTION] * 4, attention__sliding_window=1024))
    assert (shape.window, _windowed(shape)) == (0, [])


def test_windowed_layers_may_have_narrower_heads() -> None:
    keys = {"attention__key_length": 512, "attention__value_length": 512}
    narrow = {"attention__key_length_swa": 256, "attention__value_length_swa": 256, "attention__sliding_window": 64}
    shape = model_shape(
        header("gemma4", [ATTENTION] * 2, attention__sliding_window_pattern=(True, False), **keys, **narrow)
    )
    assert [layer.key_length for layer in shape.layers] == [256, 512]


def test_layers_that_share_a_cache_have_none() -> None:
    shape = model_shape(header("gemma4", [ATTENTION] * 6, attention__shared_kv_layers=2))
    assert [layer.kv_heads for layer in shape.layers] == [8, 8, 8, 8, 0, 0]


def test_heads_may_differ_between_layers() -> None:
    shape = model_shape(header("deci", [ATTENTION, (), ATTENTION], attention__head_count_kv=(4, 0, 2)))
    assert [layer.kv_heads for layer in shape.layers] == [4, 0, 2]


def test_latent_attention_caches_keys_only() -> None:
    tensors = ("attn_q.weight", "attn_kv_a_mqa.weight", "attn_k_b.weight", "attn_v_b.weight")
    lengths = {"attention__key_length": 576, "attention__value_length": 512, "attention__key_length_mla": 192}
    shape = model_shape(
        header("deepseek2", [tensors] * 2, attention__head_count_kv=1, attention__value_length_mla=128, **lengths)
    )
    assert [(layer.kv_heads, layer.key_length, layer.value_length) for layer in shape.layers] == [(1, 576, 0)] * 2


def test_hybrid_layers_have_a_state_or_a_cache() -> None:
    state = ("attn_qkv.weight", "ssm_conv1d.weight", "ssm_a")
    sizes = {"ssm__conv_kernel": 4, "ssm__inner_size": 4096, "ssm__state_size": 128, "ssm__group_count": 16}
    shape = model_shape(header("qwen35", [state, state, state, ATTENTION], attention__head_count_kv=2, **sizes))
    assert [layer.kv_heads for layer in shape.layers] == [0, 0, 0, 2]
    expected = 4 * (3 * (4096 + 2 * 16 * 128) + 128 * 4096)
    assert [layer.state_bytes for layer in shape.layers] == [expected] * 3 + [0]


def test_short_convolutions_are_states_too() -> None:
    shape = model_shape(header("lfm2", [("shortconv.conv.weight",), ATTENTION], shortconv__l_cache=3))
    assert [(layer.kv_heads, layer.state_bytes) for layer in shape.layers] == [(0, 4 * 512 * 2), (8, 0)]


def test_draft_layers_have_no_cache_and_count_as_weights() -> None:
    shape = model_shape(header("glm4moe", [ATTENTION] * 3, nextn_predict_layers=1))
    assert len(shape.layers) == 2
    assert shape.weights_bytes == 1000 * (2 + 3 * 3)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"block_count": 0}, "block_count = 0"),
        ({"block_count": 10**6}, "block_count = 1000000"),
        ({"block_count": "two"}, "block_count = 'two'"),
        ({"embedding_length": -1}, "embedding_length = -1"),
        ({"attention__head_count_kv": (1,)}, "1 values of attention.head_count_kv for 2 layers"),
        ({"attention__sliding_window": 2.5}, "sliding_window = 2.5"),
        ({"nextn_predict_layers": 2}, "no layers besides"),
    ],
)
def test_impossible_numbers_are_refused(keys: dict[str, int], words: str) -> None:
    with pytest.raises(UnusableModel) as refused:
        model_shape(header("gemma3", [ATTENTION] * 2, **keys))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({}, "architecture"),
        ({"general.architecture": "clip"}, "projector"),
        ({"general.architecture": "llama", "general.type": "adapter"}, "adapter"),
        ({"general.architecture": "llama"}, "block_count"),
    ],
)
def test_files_that_are_no_language_models_are_refused(metadata: dict[str, str], words: str) -> None:
    gguf = GgufFile(3, dict(metadata), (TensorInfo("a", (1,), "F32", 4, 0),), 100)
    with pytest.raises(UnusableModel, match=words):
        model_shape(gguf)


def test_a_vocabulary_alone_is_refused() -> None:
    with pytest.raises(UnusableModel, match="without weights"):
        model_shape(GgufFile(3, {"general.architecture": "llama"}, (), 100))


def test_a_name_cannot_steer_the_terminal_that_shows_it() -> None:
    gguf = header("llama", [ATTENTION])
    gguf.metadata["general.name"] = "a\x1b[2Jb\u202ec\n" + "d" * 500
    assert model_shape(gguf).name == "a[2Jbc" + "d" * 191
