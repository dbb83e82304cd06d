"""The GGUF reader: what it gives for whole files, what it says about others."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import pytest

from covey.core.errors import UnusableModel
from covey.models.gguf import TYPES, LongArray, read_gguf
from covey.testing.gguf import write_random
from support_gguf import gguf_bytes, string_value, tensor_entry


def _file(tmp_path: Path, data: bytes, name: str = "m.gguf") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_a_model_file_is_read_as_the_reference_reader_reads_it(tmp_path: Path) -> None:
    from gguf import GGUFReader

    path = write_random(tmp_path / "m.gguf", architecture="gemma3", sliding_window=64, weights="q8_0", vocabulary=2000)
    ours, theirs = read_gguf(path), GGUFReader(path)
    assert ours.size == path.stat().st_size
    assert ours.version == 3
    found = {(tensor.name, tuple(map(int, tensor.shape)), tensor.n_bytes) for tensor in theirs.tensors}
    assert {(tensor.name, tensor.shape, tensor.nbytes) for tensor in ours.tensors} == found
    assert ours.metadata["gemma3.attention.sliding_window"] == 64
    assert ours.metadata["gemma3.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-6)
    assert ours.metadata["tokenizer.ggml.tokens"] == LongArray(2000)
    assert ours.metadata["tokenizer.ggml.add_bos_token"] is False
    assert "im_start" in str(ours.metadata["tokenizer.chat_template"])


def test_block_sizes_are_those_of_the_reference() -> None:
    from gguf import GGML_QUANT_SIZES

    theirs = {kind.value: (kind.name, *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}
    del theirs[9]  # Q8_1 never lies in files; the reference package has an older layout
    assert {number: kind for number, kind in TYPES.items() if number != 9} == theirs


def test_short_arrays_are_kept_and_long_ones_counted(tmp_path: Path) -> None:
    keys = {
        "a.short": struct.pack("<IIQ3i", 9, 5, 3, 1, -2, 3),
        "a.long": struct.pack("<IIQ", 9, 0, 5000) + bytes(5000),
        "a.words": struct.pack("<IIQ", 9, 8, 2) + string_value("x")[4:] + string_value("ü")[4:],
        "a.many": struct.pack("<IIQ", 9, 8, 1500) + (struct.pack("<Q", 5000) + bytes(5000)) * 1500,
    }
    metadata = read_gguf(_file(tmp_path, gguf_bytes(keys))).metadata
    assert metadata["a.short"] == (1, -2, 3)
    assert metadata["a.long"] == LongArray(5000)
    assert metadata["a.words"] == ("x", "ü")
    assert metadata["a.many"] == LongArray(1500)


def test_text_that_is_not_utf8_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    keys = {"general.name": struct.pack("<IQ", 8, 3) + b"a\xffb"}
    assert read_gguf(_file(tmp_path, gguf_bytes(keys))).metadata["general.name"] == "a\ufffdb"


HUGE = 1 << 60
HOSTILE = {
    "keys without number": (gguf_bytes({}, keys_claimed=HUGE), "claims"),
    "tensors without number": (gguf_bytes({}, tensors_claimed=HUGE), "claims"),
    "an endless key": (gguf_bytes({}, keys_claimed=1) + b"\xff" * 64, "ends within|bytes long"),
    "an endless string": (gguf_bytes({"a": struct.pack("<IQ", 8, HUGE)}), "ends after the file"),
    "an endless array": (gguf_bytes({"a": struct.pack("<IIQ", 9, 10, HUGE)}), "ends after the file"),
    "an endless array of strings": (gguf_bytes({"a": struct.pack("<IIQ", 9, 8, HUGE)}), "ends after the file"),
    "nested arrays": (gguf_bytes({"a": struct.pack("<IIQ", 9, 9, 1)}), "arrays of arrays"),
    "an unknown type": (gguf_bytes({"a": struct.pack("<I", 77)}), "unknown type 77"),
    "a key twice": (gguf_bytes({"a": string_value("x")}, repeat=2), "appears twice"),
    "a key that is not text": (gguf_bytes({"\udcff": string_value("x")}), "not UTF-8"),
    "an empty key": (gguf_bytes({"": string_value("x")}), "0 bytes long"),
    "alignment 3": (gguf_bytes({"general.alignment": struct.pack("<II", 4, 3)}), "alignment"),
    "alignment 0": (gguf_bytes({"general.alignment": struct.pack("<II", 4, 0)}), "alignment"),
    "alignment of text": (gguf_bytes({"general.alignment": string_value("32")}), "alignment"),
    "a tensor twice": (gguf_bytes({}, tensor_entry("t", 8), tensor_entry("t", 8)), "twice"),
    "five dimensions": (gguf_bytes({}, tensor_entry("t", 1, 1, 1, 1, 1)), "5 dimensions"),
    "no dimensions": (gguf_bytes({}, tensor_entry("t")), "0 dimensions"),
    "an overflowing shape": (gguf_bytes({}, tensor_entry("t", 1 << 40, 1 << 40)), "impossible shape"),
    "an empty dimension": (gguf_bytes({}, tensor_entry("t", 0)), "impossible shape"),
    "half a block": (gguf_bytes({}, tensor_entry("t", 100, kind=12)), "impossible shape"),
    "an unknown quantisation": (gguf_bytes({}, tensor_entry("t", 32, kind=99)), "another quantisation"),
    "a dropped quantisation": (gguf_bytes({}, tensor_entry("t", 32, kind=31)), "no longer run"),
    "a crooked offset": (gguf_bytes({}, tensor_entry("t", 8, offset=1)), "multiple of 32"),
    "weights beyond the end": (gguf_bytes({}, tensor_entry("t", 8, offset=HUGE)), "not complete"),
    "a long tensor name": (gguf_bytes({}, tensor_entry("t" * 65, 8)), "65 bytes long"),
    "version 1": (gguf_bytes({}, version=1), "version 1;"),
    "the future": (gguf_bytes({}, version=4), "version 4;"),
    "big-endian": (gguf_bytes({}, version=3 << 24), "big-endian"),
    "nothing": (b"", "not a GGUF file"),
    "a web page": (b"<!DOCTYPE html>", "web page"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_with_what_to_do(tmp_path: Path, case: str) -> None:
    data, words = HOSTILE[case]
    with pytest.raises(UnusableModel) as refused:
        read_gguf(_file(tmp_path, data))
    assert re.search(words, str(refused.value))
    assert any(todo in str(refused.value) for todo in ("Download", "Give", "Fetch", "fetch", "use the"))


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = gguf_bytes({"general.name": string_value("x")}, tensor_entry("t", 8), data=bytes(32))
    assert read_gguf(_file(tmp_path, whole)).tensors[0].nbytes == 32
    for length in range(len(whole)):
        with pytest.raises(UnusableModel):
            read_gguf(_file(tmp_path, whole[:length]))


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "absent.gguf", tmp_path / "fifo", Path("\0")):
        with pytest.raises(UnusableModel, match="Give the path"):
            read_gguf(path)


def _split(tmp_path: Path, count: int = 3) -> list[Path]:
    keys = {"split.count": struct.pack("<IH", 2, count)}
    return [
        _file(tmp_path, gguf_bytes(keys, tensor_entry(f"t{n}", 8), data=bytes(32)), f"m-{n:05}-of-{count:05}.gguf")
        for n in range(1, count + 1)
    ]


def test_a_model_in_several_files_is_read_as_one(tmp_path: Path) -> None:
    parts = _split(tmp_path)
    model = read_gguf(parts[0])
    assert [tensor.name for tensor in model.tensors] == ["t1", "t2", "t3"]
    assert model.size == sum(part.stat().st_size for part in parts)
    assert model.files == tuple(parts)


def test_a_part_that_is_missing_or_not_the_first_is_named(tmp_path: Path) -> None:
    parts = _split(tmp_path)
    with pytest.raises(UnusableModel, match="NAME-00001-of-00003"):
        read_gguf(parts[1])
    parts[2].unlink()
    with pytest.raises(UnusableModel, match=r"needs m-00003-of-00003\.gguf beside it"):
        read_gguf(parts[0])


def test_parts_that_repeat_a_tensor_are_refused(tmp_path: Path) -> None:
    parts = _split(tmp_path)
    parts[1].write_bytes(parts[0].read_bytes())
    with pytest.raises(UnusableModel, match="a tensor twice"):
        read_gguf(parts[0])
