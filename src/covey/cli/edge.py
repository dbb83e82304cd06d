"""The synchronous edge: signals, exit codes, and errors as words instead of tracebacks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine

from covey.core.errors import ConfigError, CoveyError
from covey.core.redact import redact, visible

INTERRUPTED = 130


def run_to_exit_code(work: Callable[[], Coroutine[None, None, int]], *, as_json: bool) -> int:
    """Run ``work``; the first Ctrl-C or SIGTERM cancels it (it records a checkpoint), the second ends at once."""
    try:
        return asyncio.run(_guarded(work))
    except (asyncio.CancelledError, KeyboardInterrupt):
        _say("Interrupted. What was done so far is recorded.", "", as_json=as_json, code=INTERRUPTED)
        return INTERRUPTED
    except CoveyError as error:
        code = 2 if isinstance(error, ConfigError) else 3
        _say(str(error), error.detail, as_json=as_json, code=code)
        return code
    except BrokenPipeError:
        raise  # the reader of stdout has gone; see covey.cli.main.main
    except Exception as error:  # noqa: BLE001 - the outermost edge: a fault in Covey must still end in words
        _say(f"This is a fault in Covey, not yours: {error!r}", traceback.format_exc(), as_json=as_json, code=3)
        return 3


async def _guarded(work: Callable[[], Coroutine[None, None, int]]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    seen = 0

    def interrupt() -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            os._exit(INTERRUPTED)  # children die with their parent: every sandbox sees to that
        sys.stderr.write("\nInterrupted: ending in good order, what was done is kept (once more to end at once).\n")
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    return await work()


def _say(message: str, detail: str, *, as_json: bool, code: int) -> None:
    text = visible(redact(message))
    if detail:
        text += "\n" + visible(redact(detail.rstrip()))
    sys.stderr.write(f"covey: {text}\n")
    if as_json:
        status = "interrupted" if code == INTERRUPTED else "error"
        sys.stdout.write(json.dumps({"status": status, "exit_code": code, "error": text}) + "\n")
