"""Names of runs: sortable by time, unique without a counter."""

from __future__ import annotations

import re
import secrets
import time

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
"""What :func:`new_run_id` makes."""


def new_run_id(now: float | None = None) -> str:
    """Name a run after the second it starts in (UTC) and 24 random bits, e.g. ``20261120-101502-3f9a2c``.

    Names sort by time as text. ``now`` is in seconds since the epoch; default: the clock.
    """
    moment = time.gmtime(time.time() if now is None else now)
    return f"{time.strftime('%Y%m%d-%H%M%S', moment)}-{secrets.token_hex(3)}"
