"""Models that need no engine: scripted answers, and answers recorded earlier."""

from __future__ import annotations

from covey.models.backends.recorded import RecordedBackend
from covey.models.backends.scripted import ScriptedBackend
from covey.models.calls import RecordedCall, record

__all__ = ["RecordedBackend", "RecordedCall", "ScriptedBackend", "record"]
