"""Read the header of a GGUF model file: metadata and tensor list, never weights, never more than bounded work.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. A model file comes from anywhere, so nothing in it is
believed: every count and length is checked against a limit and against the file's size before anything is allocated.
A chat template is only a string here and is never rendered.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NoReturn

from covey.core.errors import UnusableModel

MAX_KEYS = 65_536
MAX_TENSORS = 262_144
MAX_KEY = 1024
MAX_NAME = 64  # GGML_MAX_NAME: engines refuse longer ones
MAX_TEXT = 16 << 20  # bytes of all strings that are kept
MAX_ELEMENTS = 8_000_000  # strings of all arrays together; the largest vocabularies have some 300,000
MAX_FILES = 1024
KEPT = 1024  # arrays up to this length are kept: values for each layer, not vocabularies

# Values of the metadata: struct format by type number.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

# Tensor types by number: name, elements of a block, bytes of a block.
TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}
_REMOVED = {4, 5, 31, 32, 33, 36, 37, 38}  # types that engines dropped
_SPLIT = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)
_AGAIN = "Download the file again and compare its checksum with the one the maker publishes."


@dataclass(frozen=True, slots=True)
class LongArray:
    """An array that is too long to keep, for instance a vocabulary."""

    count: int


Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...] | LongArray


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor of the file. ``shape`` as the file has it: the first dimension is a row's length. Sizes in bytes."""

    name: str
    shape: tuple[int, ...]
    type: str
    nbytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class GgufFile:
    """What the header says. ``size``: bytes of all files of the model together (one, unless it is split)."""

    version: int
    metadata: dict[str, Value]
    tensors: tuple[TensorInfo, ...]
    size: int
    files: tuple[Path, ...] = ()


def read_gguf(path: Path | str) -> GgufFile:
    """Read the header of a model file; of a model in several files, given by its first, all of them.

    Blocking: some 0.1 s for a large vocabulary. Raises UnusableModel that says what is wrong and what to do.
    """
    path = Path(path)
    first = _read_one(path)
    count = first.metadata.get("split.count", 1)
    if not isinstance(count, int) or count <= 1:
        return first
    match = _SPLIT.fullmatch(path.name)
    if match is None or int(match[2]) != 1 or int(match[3]) != count or count > MAX_FILES:
        raise UnusableModel(
            f"{path} is one of {count} files of a model. Give the first one, named "
            f"NAME-00001-of-{count:05}.gguf, with the others beside it under their original names."
        )
    parts = [first]
    for number in range(2, count + 1):
        part = path.with_name(f"{match[1]}-{number:05}-of-{count:05}.gguf")
        if not part.is_file():
            raise UnusableModel(f"{path} needs {part.name} beside it: the model has {count} files. Download that too.")
        parts.append(_read_one(part))
    tensors = tuple(tensor for part in parts for tensor in part.tensors)
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise UnusableModel(f"{path} and its {count - 1} other files hold a tensor twice. {_AGAIN}")
    files = tuple(file for part in parts for file in part.files)
    return replace(first, tensors=tensors, size=sum(part.size for part in parts), files=files)


def _read_one(path: Path) -> GgufFile:
    try:
        # Not blocking: a FIFO would wait for a writer forever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=1 << 20) as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise UnusableModel(f"{path} is not a file. Give the path of a GGUF file.")
            return _Reader(path, stream, status.st_size).read()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnusableModel(f"{path} cannot be read: {reason}. Give the path of a readable GGUF file.") from None


class _Reader:
    """One pass over a header."""

    def __init__(self, path: Path, stream: BinaryIO, size: int) -> None:
        self._path = path
        self._stream = stream
        self._size = size
        self._at = 0
        self._text = MAX_TEXT
        self._elements = MAX_ELEMENTS

    def read(self) -> GgufFile:
        version = self._version()
        tensor_count, key_count = self._scalar("Q"), self._scalar("Q")
        if tensor_count > MAX_TENSORS or key_count > MAX_KEYS:
            self._fail(f"it claims {tensor_count} tensors and {key_count} metadata keys")
        metadata: dict[str, Value] = {}
        for _ in range(key_count):
            key = self._name(MAX_KEY, "metadata key")
            if key in metadata:
                self._fail(f"metadata key {key!r} appears twice")
            metadata[key] = self._value(key, self._scalar("I"))
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
            self._fail(f"its alignment is {alignment!r:.40}, not a power of two")
        tensors = [self._tensor(alignment) for _ in range(tensor_count)]
        if len({tensor.name for tensor in tensors}) != len(tensors):
            self._fail("a tensor appears twice")
        start = -(-self._at // alignment) * alignment
        for tensor in tensors:
            if start + tensor.offset + tensor.nbytes > self._size:
                self._fail(f"it ends before tensor {tensor.name!r} does: the file is not complete")
        return GgufFile(version, metadata, tuple(tensors), self._size, (self._path,))

    def _version(self) -> int:
        magic = self._stream.read(4)
        self._at = 4
        if magic != b"GGUF":
            hint = ""
            if magic == b"vers":  # the first word of a Git LFS pointer
                hint = " It is a pointer of Git LFS: fetch the file itself with 'git lfs pull'."
            elif magic[:1] == b"<":
                hint = " It looks like a web page: use the download link, not the page's address."
            raise UnusableModel(f"{self._path} is not a GGUF file.{hint or ' Give a model in GGUF format.'}")
        version = self._scalar("I")
        if version not in (2, 3):
            big_endian = version & 0xFFFF == 0
            raise UnusableModel(
                f"{self._path} is GGUF of version {version >> 24 if big_endian else version}"
                f"{' for big-endian machines' if big_endian else ''}; versions 2 and 3, little-endian, can be read. "
                "Download a current conversion of the model."
            )
        return version

    def _value(self, key: str, kind: int) -> Value:
        if kind == _STRING:
            return self._string(key)
        if kind != _ARRAY:
            return self._scalar(self._format(key, kind))
        inner, count = self._scalar("I"), self._scalar("Q")
        if inner == _ARRAY:
            self._fail(f"metadata key {key!r} holds arrays of arrays")
        if inner == _STRING:
            return self._strings(key, count)
        form = self._format(key, inner)
        self._need(count * struct.calcsize("<" + form), f"array {key!r}")
        if count > KEPT:
            self._skip(count * struct.calcsize("<" + form))
            return LongArray(count)
        return tuple(self._scalar(form) for _ in range(count))

    def _strings(self, key: str, count: int) -> Value:
        self._need(count * 8, f"array {key!r}")
        self._elements -= count
        if self._elements < 0:
            self._fail(f"it has more than {MAX_ELEMENTS} strings")
        if count <= KEPT:
            return tuple(self._string(key) for _ in range(count))
        for _ in range(count):
            self._skip(self._scalar("Q"))
        return LongArray(count)

    def _tensor(self, alignment: int) -> TensorInfo:
        name = self._name(MAX_NAME, "tensor name")
        dimensions = self._scalar("I")
        if not 1 <= dimensions <= 4:
            self._fail(f"tensor {name!r} has {dimensions} dimensions")
        shape = tuple(self._scalar("Q") for _ in range(dimensions))
        number, offset = self._scalar("I"), self._scalar("Q")
        if number not in TYPES:
            self._fail(
                f"tensor {name!r} is of type {number}, which "
                + ("engines no longer run" if number in _REMOVED else "is unknown here"),
                "Download another quantisation of the model, for instance Q4_K_M.",
            )
        kind, block, nbytes = TYPES[number]
        elements = 1
        for length in shape:
            elements *= length
        if not 0 < elements < 1 << 62 or shape[0] % block:
            self._fail(f"tensor {name!r} of type {kind} has the impossible shape {shape}")
        if offset % alignment:
            self._fail(f"tensor {name!r} does not begin at a multiple of {alignment}")
        return TensorInfo(name, shape, kind, elements // block * nbytes, offset)

    def _format(self, key: str, kind: int) -> str:
        if kind not in _SCALARS:
            self._fail(f"metadata key {key!r} has the unknown type {kind}")
        return _SCALARS[kind]

    def _scalar(self, form: str) -> int:
        """One number, in truth int, float or bool as ``form`` says; counts and lengths are what callers rely on."""
        size = struct.calcsize("<" + form)
        data = self._stream.read(size)
        if len(data) < size:
            self._fail("it ends within its header")
        self._at += size
        value: int = struct.unpack("<" + form, data)[0]
        return value

    def _string(self, key: str) -> str:
        length = self._scalar("Q")
        self._need(length, f"{key!r}")
        self._text -= length
        if self._text < 0:
            self._fail(f"its metadata has more than {MAX_TEXT >> 20} MiB of text")
        self._at += length
        return self._stream.read(length).decode("utf-8", "replace")

    def _name(self, limit: int, what: str) -> str:
        length = self._scalar("Q")
        if not 0 < length <= limit:
            self._fail(f"a {what} is {length} bytes long")
        self._need(length, what)
        self._at += length
        try:
            return self._stream.read(length).decode()
        except UnicodeDecodeError:
            self._fail(f"a {what} is not UTF-8")

    def _skip(self, length: int) -> None:
        self._need(length, "an array")
        self._at += length
        if length < 4096:  # reading on is much cheaper than moving the buffer
            self._stream.read(length)
        else:
            self._stream.seek(self._at)

    def _need(self, length: int, what: str) -> None:
        if self._at + length > self._size:
            self._fail(f"{what} of {length} bytes ends after the file")

    def _fail(self, what: str, todo: str = _AGAIN) -> NoReturn:
        raise UnusableModel(f"{self._path} is not a usable GGUF file: {what}. {todo}")
