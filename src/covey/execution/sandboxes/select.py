"""Choosing a sandbox: by trying, and never silently none."""

from __future__ import annotations

from pathlib import Path

from covey.core.errors import NoSandbox
from covey.core.execution import Applied
from covey.core.protocols import Sandbox
from covey.execution.sandboxes.bare import BareSandbox
from covey.execution.sandboxes.bubblewrap import BubblewrapSandbox
from covey.execution.sandboxes.landlock import LandlockSandbox

CONTAINING = (BubblewrapSandbox, LandlockSandbox)
"""Sandboxes that contain untrusted code, best first."""


async def choose(kind: str, scratch: Path) -> Sandbox:
    """Return a sandbox that has shown here that it works.

    ``kind``: ``auto`` (the best that works), ``bubblewrap``, ``landlock``, or ``none``, which contains nothing and is
    only ever chosen by name. Raises NoSandbox with the reason for each one tried and what would mend it.
    """
    if kind == "none":
        return BareSandbox(scratch)
    makers = [maker for maker in CONTAINING if kind in ("auto", maker.name)]
    if not makers:
        raise NoSandbox(f"There is no sandbox called {kind!r}: use auto, bubblewrap, landlock or none.")
    reasons = []
    for maker in makers:
        sandbox: Sandbox = maker(scratch)
        try:
            await sandbox.probe()
        except NoSandbox as error:
            reasons.append(f"- {sandbox.name}: {error}")
        else:
            return sandbox
    raise NoSandbox("\n".join(["Nothing here can contain untrusted code, so nothing is run.", *reasons]))


async def survey(scratch: Path) -> list[tuple[str, Applied | str]]:
    """Try every containing sandbox: what it applies here, or why it cannot work."""
    found: list[tuple[str, Applied | str]] = []
    for maker in CONTAINING:
        sandbox: Sandbox = maker(scratch)
        try:
            found.append((sandbox.name, await sandbox.probe()))
        except NoSandbox as error:
            found.append((sandbox.name, str(error)))
    return found
