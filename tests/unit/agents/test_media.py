"""What is attached is known by its content; what cannot be used is refused with what to do."""

from __future__ import annotations

import json
import math
import struct
import wave
from pathlib import Path

import pytest

from covey.agents.media import look_at, read_recording, read_text
from covey.app.attachments import with_attachments
from covey.core.errors import UnusableInput, UnusableModel
from covey.settings import load_settings

pytestmark = pytest.mark.requirement("D2")

WHISPER = """
import os, sys
import json


class Segment:
    def __init__(self, text):
        self.text = text


class Model:
    def __init__(self, model, print_progress=True, print_realtime=True, **options):
        print("native chatter")
        os.write(1, b"more of it")
        if "broken" in model:
            os.abort()
        self.endless = "endless" in model

    def transcribe(self, samples):
        while self.endless:
            pass
        loudest = round(float(max(samples)), 1)
        return [Segment(f" {len(samples)} samples of {samples.dtype},"), Segment(f"the loudest {loudest}.\\x1b[2J ")]
"""
"""Stands for the package, with the two calls that Covey makes."""


@pytest.fixture
def whisper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of model files, with the package in reach of this process and its children."""
    package = tmp_path / "packages" / "pywhispercpp"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text(WHISPER)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.syspath_prepend(str(package.parent))
    for name in ("good", "broken", "endless"):
        (tmp_path / f"{name}.bin").write_bytes(b"lmgg" + bytes(16))
    (tmp_path / "odd.bin").write_bytes(b"GGUF" + bytes(16))
    return tmp_path


def record(path: Path, *, rate: int = 8_000, width: int = 2, channels: int = 1, seconds: float = 1.0) -> Path:
    """A tone of half the full loudness."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        data = bytearray()
        for at in range(int(rate * seconds)):
            value = int(math.sin(at / 5) * (1 << (8 * width - 2)))
            one = bytes([value + 128]) if width == 1 else struct.pack("<i", value)[:width]
            data += one * channels
        sound.writeframes(bytes(data))
    return path


@pytest.mark.parametrize(("rate", "width", "channels"), [(8_000, 2, 1), (44_100, 3, 2), (16_000, 1, 1), (48_000, 4, 2)])
async def test_a_recording_becomes_words(whisper: Path, rate: int, width: int, channels: int) -> None:
    path = record(whisper / "said.wav", rate=rate, width=width, channels=channels)
    text = await read_recording(path, whisper / "good.bin")
    assert text.startswith("16000 samples of float32, the loudest 0.5")
    assert "\x1b" not in text


async def test_a_model_that_crashes_or_never_ends_ends_in_an_error(whisper: Path) -> None:
    path = record(whisper / "said.wav")
    with pytest.raises(UnusableModel, match="another model file"):
        await read_recording(path, whisper / "broken.bin")
    with pytest.raises(UnusableInput, match="shorter recording"):
        await read_recording(path, whisper / "endless.bin", patience_s=2.0)


async def test_a_model_that_cannot_be_used_is_refused_with_what_to_give(whisper: Path) -> None:
    path = record(whisper / "said.wav")
    for model in (None, whisper / "odd.bin", whisper / "missing.bin"):
        with pytest.raises(UnusableModel, match="COVEY_AUDIO_MODEL"):
            await read_recording(path, model)


async def test_without_the_package_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(UnusableModel, match=r"covey\[audio\]"):
        await read_recording(record(tmp_path / "said.wav"), tmp_path / "model.bin")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"ID3\x03\0\0", "is MP3; only WAV is read"),
        (b"\0\0\0\x20ftypM4A \0", "is MP4; only WAV"),
        (b"\x7fELF\x02\0\0", "neither text nor"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_to_do(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with pytest.raises(UnusableInput, match=why):
        look_at(path)


@pytest.mark.parametrize("cut", [20, 44])
async def test_a_recording_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    path = record(tmp_path / "said.wav")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises((UnusableInput, UnusableModel)) as caught:
        await read_recording(path, None)
    assert caught.type is UnusableInput or cut == 44


def test_what_is_no_file_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="is not a file"):
        look_at(tmp_path / "missing.wav")
    with pytest.raises(UnusableInput, match="is not a file"):
        look_at(tmp_path)
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(101 << 20)
    with pytest.raises(UnusableInput, match="at most 100 MiB"):
        look_at(large)


async def test_a_recording_of_hours_is_refused(tmp_path: Path) -> None:
    path = record(tmp_path / "long.wav", rate=1_000, width=1, seconds=1_801)
    with pytest.raises(UnusableInput, match="30 minutes"):
        await read_recording(path, None)


async def test_texts_are_appended_under_their_names(tmp_path: Path) -> None:
    (tmp_path / "crash.log").write_bytes(b"\xef\xbb\xbfValueError: no money\x1b[31m\n")
    (tmp_path / "more.txt").write_text("It happens on Mondays.")
    settings = load_settings(home=tmp_path / "home")
    found = await with_attachments("Paying fails.", [tmp_path / "crash.log", tmp_path / "more.txt"], settings)
    assert found.startswith("Paying fails.\n\nAttached crash.log:\nValueError: no money")
    assert found.endswith("Attached more.txt:\nIt happens on Mondays.")
    assert "\x1b" not in found
    assert await with_attachments("  ", [], settings) == ""


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes("Größe".encode("latin-1"))
    with pytest.raises(UnusableInput, match="UTF-8"):
        read_text(path)


@pytest.mark.parametrize("head", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBPVP8 "])
async def test_an_image_is_known_and_refused_because_no_engine_takes_one(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "screen.txt"
    path.write_bytes(head + bytes(100))
    with pytest.raises(UnusableModel, match="Say in words what it shows"):
        await with_attachments("", [path], load_settings(home=tmp_path / "home"))


def test_settings_take_the_model_of_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVEY_AUDIO_MODEL", str(tmp_path / "ggml-base.bin"))
    assert load_settings().audio_model == tmp_path / "ggml-base.bin"
    assert json.loads(load_settings().model_dump_json())["audio_model"] == str(tmp_path / "ggml-base.bin")
