"""The log file: progress as structured events, one JSON object a line, for whoever watches from elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from covey.core.errors import ConfigError
from covey.core.progress import Observer, Progress
from covey.core.redact import redact_json

_EVERY_S = 5.0


def logging_to(path: Path, observer: Observer, clock: Callable[[], float] = time.time) -> Observer:
    """Wrap ``observer`` so that stage changes, and counters every few seconds, are also appended to ``path``.

    Raises ConfigError when the file cannot be written at the start; later trouble with it never ends a run.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise ConfigError(f"log_file {path} cannot be written: {error.strerror}.") from None
    last = ("", "", 0.0)

    def observe(progress: Progress, /) -> None:
        nonlocal last
        observer(progress)
        stage, state, now = progress.stage, progress.state, clock()
        if (stage, state) == last[:2] and now - last[2] < _EVERY_S:
            return
        last = (stage, state, now)
        facts = {"time": round(now, 3), **progress.model_dump(mode="json", exclude_defaults=True)}
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(redact_json(facts)) + "\n")
        except OSError:  # a full disk must not end the run: the run's own log is the truth
            return

    return observe
