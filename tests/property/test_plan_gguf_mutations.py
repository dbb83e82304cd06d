"""Any mutation of a model file is read or refused, never anything else."""

from __future__ import annotations

import functools
import struct
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from covey.core.errors import UnusableModel
from covey.models.gguf import GgufFile, read_gguf
from covey.models.shape import model_shape
from covey.testing.gguf import write_random
from support_gguf import gguf_bytes, string_value, tensor_entry

SMALL = gguf_bytes(
    {
        "general.architecture": string_value("llama"),
        "llama.block_count": struct.pack("<II", 4, 1),
        "llama.attention.head_count": struct.pack("<IIQ2I", 9, 4, 2, 8, 8),
        "tokenizer.ggml.tokens": struct.pack("<IIQ", 9, 8, 2) + string_value("a")[4:] + string_value("b")[4:],
        "general.alignment": struct.pack("<II", 4, 32),
    },
    tensor_entry("token_embd.weight", 32, 2),
    tensor_entry("blk.0.attn_k.weight", 32, 4, kind=8, offset=256),
    data=bytes(512),
)


@functools.cache
def _real() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = write_random(Path(folder) / "m.gguf", architecture="gemma3", sliding_window=64)
        return path.read_bytes()


NUMBERS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]))
PIECES = st.one_of(st.binary(max_size=12), NUMBERS.map(lambda number: struct.pack("<Q", number)))
CUTS = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 12), PIECES), min_size=1, max_size=6)


def _read(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        file.write(data)
        file.flush()
        message = ""
        try:
            model = read_gguf(file.name)
            assert isinstance(model, GgufFile)
            model_shape(model)
        except UnusableModel as refused:
            message = str(refused)
        assert len(message) < 2000


def _mutated(whole: bytes, cuts: list[tuple[int, int, bytes]], within: int) -> bytes:
    data = bytearray(whole)
    for at, length, piece in cuts:
        start = at % within
        data[start : start + length] = piece
    return bytes(data)


@settings(max_examples=200, deadline=None)
@given(cuts=CUTS)
def test_a_mutated_small_file_is_read_or_refused(cuts: list[tuple[int, int, bytes]]) -> None:
    _read(_mutated(SMALL, cuts, len(SMALL) - 512))


@settings(max_examples=40, deadline=None)
@given(cuts=CUTS, kept=st.integers(0, 1 << 16))
def test_a_mutated_or_truncated_real_file_is_read_or_refused(cuts: list[tuple[int, int, bytes]], kept: int) -> None:
    data = _mutated(_real(), cuts, 16_000)
    _read(data)
    _read(data[:kept])


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_after_the_magic_are_read_or_refused(data: bytes) -> None:
    _read(b"GGUF\3\0\0\0" + data)
