"""A real engine in a child process, and the bytes of small model files made by hand."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gguf
import httpx2
import numpy as np

from covey.models.gguf import GgufFile, LongArray, TensorInfo, Value

_SERVE = """
import sys
import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx, params.n_parallel, params.n_gpu_layers, params.warmup = 2048, 1, 0, False
params.cache_ram_mib = 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


class Engine:
    """A served model: chats and raw completions."""

    def __init__(self, address: str) -> None:
        self._client = httpx2.Client(base_url=address, timeout=60)

    def post(self, route: str, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.post(route, json=body).json()
        return answer

    def chat(self, *said: str, **options: Any) -> str:
        """The answer to messages of user and assistant in turn."""
        messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(said)]
        answer = self.post("/v1/chat/completions", messages=messages, **{"max_tokens": 400, **options})
        assert answer["choices"][0]["finish_reason"] == "stop", answer
        return str(answer["choices"][0]["message"]["content"])

    def close(self) -> None:
        self._client.close()


@contextmanager
def engine(model: Path) -> Iterator[Engine]:
    """Serve ``model`` from a child process until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            served = Engine(child.stdout.readline().strip())
            served.post("/tokenize", content="")  # the engine may hang when it is ended before a first request
            yield served
            served.close()
        finally:
            child.kill()


def schema_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema of an object that has exactly these properties, without blanks of the engine's own choice."""
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    pinned = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
    return json.loads(json.dumps(schema | {"x-guidance": pinned}))  # type: ignore[no-any-return]


def string_value(text: str) -> bytes:
    """A string as a metadata value: type and content."""
    return struct.pack("<IQ", 8, len(text.encode())) + text.encode()


def tensor_entry(name: str, *shape: int, kind: int = 0, offset: int = 0) -> bytes:
    """A line of the tensor list."""
    form = f"<I{len(shape)}QIQ"
    return struct.pack("<Q", len(name)) + name.encode() + struct.pack(form, len(shape), *shape, kind, offset)


def gguf_bytes(
    keys: Mapping[str, bytes],
    *tensors: bytes,
    data: bytes = b"",
    version: int = 3,
    keys_claimed: int | None = None,
    tensors_claimed: int | None = None,
    repeat: int = 1,
) -> bytes:
    """A GGUF file byte by byte, with whatever counts; ``keys`` are written ``repeat`` times."""
    content = b"".join(
        struct.pack("<Q", len(key.encode(errors="surrogateescape"))) + key.encode(errors="surrogateescape") + value
        for key, value in keys.items()
    )
    counts = (
        len(tensors) if tensors_claimed is None else tensors_claimed,
        len(keys) * repeat if keys_claimed is None else keys_claimed,
    )
    head = b"GGUF" + struct.pack("<IQQ", version, *counts) + content * repeat + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def header(architecture: str, layers: Sequence[Sequence[str]], **keys: Value) -> GgufFile:
    """A model's header as the reader would give it: names of each layer's tensors (1,000 bytes each) and metadata.

    Keys are those of the architecture; ``__`` in a name stands for a dot.
    """
    usual: dict[str, Value] = {"block_count": len(layers), "embedding_length": 512, "attention.head_count": 8}
    usual |= {"feed_forward_length": 2048, "context_length": 8192} | {k.replace("__", "."): v for k, v in keys.items()}
    metadata: dict[str, Value] = {f"{architecture}.{key}": value for key, value in usual.items()}
    metadata |= {"general.architecture": architecture, "general.name": "made", "tokenizer.ggml.tokens": LongArray(5000)}
    names = ["token_embd.weight", "output.weight"]
    names += [f"blk.{number}.{name}" for number, tensors in enumerate(layers) for name in tensors]
    tensors = tuple(TensorInfo(name, (250,), "F32", 1000, 0) for name in names)
    return GgufFile(3, metadata, tensors, 1000 * len(names))


def write_hybrid(path: Path) -> Path:
    """A model of the lfm2 kind, random weights: layers of short convolutions with one of attention between them."""
    heads: list[int] = [0, 0, 2, 0]
    keys: dict[str, int | list[int]] = {"lfm2.attention.head_count_kv": heads, "lfm2.shortconv.l_cache": 3}
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (300, 256), "token_embd_norm": (256,)}
    attention: dict[str, tuple[int, ...]] = {
        "attn_q": (256, 256),
        "attn_k": (64, 256),
        "attn_v": (64, 256),
        "attn_output": (256, 256),
    }
    attention |= {"attn_q_norm": (32,), "attn_k_norm": (32,)}
    convolution = {"shortconv.conv": (256, 3), "shortconv.in_proj": (768, 256), "shortconv.out_proj": (256, 256)}
    for layer, count in enumerate(heads):
        block = _FEED_FORWARD | (attention if count else convolution)
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    return _write_model(path, "lfm2", len(heads), keys, shapes, exact=("shortconv.conv",))


def write_latent(path: Path) -> Path:
    """A model of the deepseek2 kind, random weights: its attention caches one latent vector in place of heads."""
    keys = {f"deepseek2.attention.{name}": value for name, value in _LATENT.items()}
    keys |= {"deepseek2.rope.dimension_count": 32, "deepseek2.leading_dense_block_count": 3}
    keys |= {f"deepseek2.expert_{name}": 2 for name in ("count", "used_count", "shared_count", "feed_forward_length")}
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (300, 256), "output": (300, 256), "output_norm": (256,)}
    block = _FEED_FORWARD | {"attn_q_a": (64, 256), "attn_q_a_norm": (64,), "attn_q_b": (8 * 96, 64)}
    block |= {"attn_kv_a_mqa": (160, 256), "attn_kv_a_norm": (128,), "attn_output": (256, 8 * 64)}
    block |= {"attn_k_b": (8, 128, 64), "attn_v_b": (8, 64, 128)}
    for layer in range(3):
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    return _write_model(path, "deepseek2", 3, keys, shapes)


_FEED_FORWARD: dict[str, tuple[int, ...]] = {
    "attn_norm": (256,),
    "ffn_norm": (256,),
    "ffn_gate": (768, 256),
    "ffn_up": (768, 256),
    "ffn_down": (256, 768),
}
_LATENT = {
    "head_count_kv": 1,
    "q_lora_rank": 64,
    "kv_lora_rank": 128,
    "key_length": 160,
    "value_length": 128,
    "key_length_mla": 96,
    "value_length_mla": 64,
}


def _write_model(
    path: Path,
    architecture: str,
    layers: int,
    keys: Mapping[str, int | list[int]],
    shapes: Mapping[str, tuple[int, ...]],
    *,
    exact: tuple[str, ...] = (),
) -> Path:
    """Write random weights in f16, vectors and those named in ``exact`` in f32."""
    writer = gguf.GGUFWriter(path, architecture)
    tokens = [f"<0x{value:02X}>" for value in range(256)] + [f"<|{number}|>" for number in range(44)]
    numbers = {"block_count": layers, "context_length": 8192, "embedding_length": 256, "feed_forward_length": 768}
    for name, number in (numbers | {"attention.head_count": 8}).items():
        writer.add_uint32(f"{architecture}.{name}", number)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    for key, value in keys.items():
        if isinstance(value, list):
            writer.add_array(key, value)
        else:
            writer.add_uint32(key, value)
    writer.add_vocab_size(len(tokens))
    writer.add_expert_weights_scale(1.0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([6] * 256 + [3] * 44)
    writer.add_eos_token_id(256)
    random = np.random.default_rng(0)
    for name, shape in shapes.items():
        values = random.standard_normal(shape, dtype=np.float32) * (shape[-1] ** -0.5)
        plain = len(shape) == 1 or name.endswith(exact or "no name")
        writer.add_tensor(f"{name}.weight", values if plain else values.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
