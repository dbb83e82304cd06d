"""What was measured of an engine, kept so that later runs use it."""

from __future__ import annotations

import json
from pathlib import Path

from covey.core.canonical import Frozen, sha256, stable
from covey.models.measure_advice import Advice
from covey.models.measure_report import EngineReport
from covey.settings import Settings


class EngineCheck(Frozen):
    """What was measured, and what follows from it for a run of ``advice.seconds``."""

    measured: EngineReport
    advice: Advice

    def to_json(self) -> str:
        """Return exactly one JSON object, on one line, ASCII only."""
        return json.dumps(stable(self), ensure_ascii=True, allow_nan=False)


def remember(settings: Settings, check: EngineCheck) -> None:
    """Keep a check for the model that the settings name."""
    path = _path(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(check.to_json() + "\n", encoding="utf-8")


def measured_context(settings: Settings) -> int | None:
    """Tokens of the window that were measured for this model; None when it never was."""
    try:
        return EngineCheck.model_validate_json(_path(settings).read_text(encoding="utf-8")).advice.context or None
    except (OSError, ValueError):  # never measured, or by another version: then the engine's own word counts
        return None


def _path(settings: Settings) -> Path:
    return settings.home / "engines" / f"{sha256(settings.model)[:16]}.json"
