from __future__ import annotations

from typing import Any

import pytest

from covey.core.errors import UnusableModel
from covey.models.backends.llama_server import LlamaServerBackend, flags
from covey.models.spec import EngineSpec
from covey.models.worker import cores, parameters

FULL = EngineSpec(
    path="/m/a.gguf",
    alias="a",
    context=1024,
    parallel=3,
    kv_type="q8_0",
    gpu_layers=7,
    cpu_experts=2,
    batch=256,
    ubatch=128,
    swa_full=True,
    cache_ram_mib=99,
    threads=5,
    mmproj="/m/p.gguf",
    slots_folder="/m/slots",
)


def _flag(found: list[str], name: str) -> str:
    return found[found.index(name) + 1]


def test_every_part_of_a_spec_reaches_the_embedded_engine() -> None:
    found: Any = parameters(FULL, "the-key")
    assert (found.model.path, found.mmproj.path, found.model_alias) == ("/m/a.gguf", "/m/p.gguf", {"a"})
    assert (found.n_ctx, found.n_parallel, found.n_batch, found.n_ubatch) == (3072, 3, 256, 128)
    assert (found.cache_type_k.name, found.cache_type_v.name) == ("GGML_TYPE_Q8_0", "GGML_TYPE_Q8_0")
    assert found.flash_attn_type.name == "LLAMA_FLASH_ATTN_TYPE_ENABLED"
    assert (found.n_gpu_layers, found.swa_full, found.cache_ram_mib) == (7, True, 99)
    assert found.tensor_buft_overrides.count("=CPU") == 2
    assert found.slot_save_path == "/m/slots/"
    assert (found.cpuparams.n_threads, found.cpuparams_batch.n_threads) == (5, 5)


def test_the_embedded_engine_is_closed_to_everybody_else() -> None:
    found: Any = parameters(EngineSpec(path="/m/a.gguf"), "the-key")
    assert (list(found.hostnames), found.port, list(found.api_keys)) == (["127.0.0.1"], 0, ["the-key"])
    assert (found.cors_origins, found.cors_credentials, found.ui) == ("", False, False)
    assert (found.ctx_shift, found.fit_params, found.tensor_buft_overrides, found.slot_save_path) == (
        False,
        False,
        "",
        "",
    )
    assert found.cpuparams.n_threads == cores() >= 1


def test_every_part_of_a_spec_reaches_the_user_s_own_binary() -> None:
    found = flags(FULL, 4711)
    expected = {
        "--host": "127.0.0.1",
        "--port": "4711",
        "--model": "/m/a.gguf",
        "--alias": "a",
        "--ctx-size": "3072",
        "--parallel": "3",
        "--cache-type-k": "q8_0",
        "--cache-type-v": "q8_0",
        "--n-gpu-layers": "7",
        "--n-cpu-moe": "2",
        "--batch-size": "256",
        "--ubatch-size": "128",
        "--flash-attn": "on",
        "--cache-ram": "99",
        "--threads": "5",
        "--mmproj": "/m/p.gguf",
        "--slot-save-path": "/m/slots",
    }
    assert {name: _flag(found, name) for name in expected} == expected
    assert "--swa-full" in found


def test_what_a_spec_does_not_ask_for_is_no_flag() -> None:
    found = flags(EngineSpec(path="/m/a.gguf", flash_attention=False), 1)
    assert not {"--mmproj", "--slot-save-path", "--n-cpu-moe", "--swa-full"} & set(found)
    assert _flag(found, "--flash-attn") == "off"
    assert _flag(flags(EngineSpec(path="/m/a.gguf"), 1), "--flash-attn") == "auto"


def test_a_binary_that_is_not_there_is_named() -> None:
    with pytest.raises(UnusableModel, match="/no/llama-server"):
        LlamaServerBackend(EngineSpec(path="/m/a.gguf"), "/no/llama-server", on_event=lambda _: None)
