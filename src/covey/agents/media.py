"""Attachments: a recording, or a file of text, becomes words of the problem.

Recordings are read by whisper.cpp (the extra ``audio``) in a process of its own: it is native code, and neither a
strange model file nor a strange recording may end the run. Nothing is downloaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

from covey.agents.preprocessor import FOR_RULES, clean
from covey.core.errors import UnusableInput, UnusableModel

BYTES = 100 << 20
"""Largest file that is read."""
MINUTES = 30
"""Longest recording."""
PATIENCE_S = 600.0
"""Seconds that a recording may take to be read."""
_MODEL_MAGIC = b"lmgg"  # "ggml", as whisper.cpp's converter writes it: a little-endian number
_IMAGES = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF"}
_SOUND = {b"ID3": "MP3", b"\xff\xfb": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC", b"FORM": "AIFF", b"\x1aE\xdf\xa3": "WebM"}
_CHANNELS, _WIDTHS = 8, (1, 2, 3, 4)


@dataclass(frozen=True)
class Attachment:
    """A file and what it is: ``text``, ``recording`` or ``image``."""

    path: Path
    kind: str


def look_at(path: Path) -> Attachment:
    """Find out what a file is by its content, whatever its name says. Raises UnusableInput with what to do."""
    try:
        if not path.is_file():
            raise UnusableInput(f"{path} is not a file. Give --attach the path of a recording (WAV) or of a text file.")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4_096)
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror}.") from None
    if size > BYTES:
        raise UnusableInput(
            f"{path} has {size / 1e6:.0f} MB; at most {BYTES >> 20} MiB are read. Attach the part that matters."
        )
    if not size:
        raise UnusableInput(f"{path} is empty. Attach a file with something in it.")
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Attachment(path, "recording")
    if any(head.startswith(magic) for magic in _IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return Attachment(path, "image")
    sound = next((name for magic, name in _SOUND.items() if head.startswith(magic)), "")
    if sound or head[4:8] == b"ftyp":
        raise UnusableInput(
            f"{path} is {sound or 'MP4'}; only WAV is read. Convert it: ffmpeg -i {path.name} -ar 16000 -ac 1 out.wav"
        )
    if b"\0" in head:
        raise UnusableInput(f"{path} is neither text nor a WAV recording. Attach one of these.")
    return Attachment(path, "text")


def read_text(path: Path) -> str:
    """The clean text of a file. Raises UnusableInput when it is not UTF-8."""
    try:
        return clean(path.read_bytes().decode("utf-8-sig"), FOR_RULES)
    except UnicodeDecodeError:
        raise UnusableInput(
            f"{path} is not text in UTF-8. Convert it, or paste what matters into the problem."
        ) from None
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror}.") from None


async def read_recording(path: Path, model: Path | None, *, threads: int = 0, patience_s: float = PATIENCE_S) -> str:
    """The words of a WAV recording, by whisper.cpp with the model file ``model``.

    ``threads``: 0 for as many as whisper.cpp chooses. Raises UnusableInput for a recording and UnusableModel for a
    model that cannot be used.
    """
    check_recording(path)
    model = check_model(model)
    argv = [sys.executable, "-P", "-m", "covey.agents.media_transcribe", str(model), str(path), str(threads)]
    child = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(patience_s):
            out, err = await child.communicate()
    except TimeoutError:
        raise UnusableInput(
            f"{path} was not read within {patience_s:g} seconds. Attach a shorter recording, or use a smaller model."
        ) from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    return _words(path, model, child.returncode, out, err)


def _words(path: Path, model: Path, code: int | None, out: bytes, err: bytes) -> str:
    said = err.decode("utf-8", "replace").strip()[-2_000:]
    try:
        answer = json.loads(out) if code == 0 else {}
        text = clean(str(answer["text"]), FOR_RULES)
    except (ValueError, KeyError, TypeError):
        raise UnusableModel(
            f"{path} could not be read with {model}: whisper.cpp ended with code {code}. Try another model file.",
            detail=said,
        ) from None
    if not text:
        raise UnusableInput(f"No words were heard in {path}. Say in words what the problem is.")
    return text


def check_recording(path: Path) -> None:
    """Raise UnusableInput unless ``path`` holds uncompressed sound of a length that can be read."""
    try:
        with wave.open(str(path), "rb") as sound:
            rate, frames = sound.getframerate(), sound.getnframes()
            fits = (
                0 < sound.getnchannels() <= _CHANNELS and sound.getsampwidth() in _WIDTHS and 1_000 <= rate <= 400_000
            )
    except (wave.Error, EOFError, OSError, RuntimeError) as error:
        raise UnusableInput(
            f"{path} is not a WAV recording that can be read ({str(error)[:100] or 'it ends too early'}). "
            f"Convert it: ffmpeg -i {path.name} -ar 16000 -ac 1 out.wav"
        ) from None
    if not fits or not frames:
        raise UnusableInput(f"{path} holds no sound that can be read. Record it again, as 16-bit WAV.")
    if frames / rate > MINUTES * 60:
        raise UnusableInput(f"{path} is longer than {MINUTES} minutes. Attach the part that matters.")


def check_model(model: Path | None) -> Path:
    """The model file, looked at. Raises UnusableModel with what to do."""
    how = "Give a whisper.cpp model file (ggml-*.bin) with COVEY_AUDIO_MODEL."
    if model is None:
        raise UnusableModel(f"There is no model that reads recordings. {how}")
    if importlib.util.find_spec("pywhispercpp") is None:
        raise UnusableModel("Recordings need a package that is not installed: pip install 'covey[audio]'.")
    try:
        with model.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UnusableModel(f"{model} cannot be read: {error.strerror}. {how}") from None
    if magic != _MODEL_MAGIC:
        raise UnusableModel(f"{model} is no model of whisper.cpp. {how}")
    return model
