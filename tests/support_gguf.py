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

import httpx2

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
