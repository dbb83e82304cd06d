"""The process that turns a recording into words: ``python -m covey.agents.media_transcribe MODEL WAV THREADS``.

Writes one JSON object, ``{"text": …}``, to stdout; whatever native code prints goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import wave
from pathlib import Path
from typing import Any

RATE = 16_000
"""Samples a second that whisper.cpp wants."""


def samples(path: Path) -> Any:  # noqa: ANN401 - an array of numpy, which comes with the extra ``audio``
    """The sound of a WAV file: one channel, 32-bit floats from -1 to 1, :data:`RATE` a second."""
    import numpy as np

    with wave.open(str(path), "rb") as sound:
        width, channels, rate = sound.getsampwidth(), sound.getnchannels(), sound.getframerate()
        raw = sound.readframes(sound.getnframes())
    raw = raw[: len(raw) - len(raw) % (width * channels)]
    if width == 1:  # the only unsigned one
        values = (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
    else:
        parts = np.frombuffer(raw, np.uint8).reshape(-1, width)
        whole = np.zeros((len(parts), 4), np.uint8)
        whole[:, 4 - width :] = parts  # the sample as the upper bytes of a 32-bit number
        values = whole.view("<i4").reshape(-1).astype(np.float32) / 2**31
    mono = values.reshape(-1, channels).mean(axis=1)
    count = int(len(mono) * RATE / rate)
    return np.interp(np.arange(count) * (rate / RATE), np.arange(len(mono)), mono).astype(np.float32)


def main(model: str, recording: str, threads: str) -> int:
    """Transcribe and print."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    whispers: Any = importlib.import_module("pywhispercpp.model")
    options = {"n_threads": int(threads)} if int(threads) else {}
    whisper = whispers.Model(model, print_progress=False, print_realtime=False, **options)
    segments = whisper.transcribe(samples(Path(recording)))
    with answer:
        json.dump({"text": " ".join(segment.text.strip() for segment in segments)}, answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
