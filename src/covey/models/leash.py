"""Keeps a child from outliving Covey: ``python -m covey.models.leash PROGRAM ARGUMENTS…`` becomes that program.

Linux only (``PR_SET_PDEATHSIG``, which survives ``exec``); elsewhere the program is started all the same.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended in between
            os._exit(1)


def main() -> None:
    """Become the program that the arguments name."""
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the user's own engine


if __name__ == "__main__":
    main()
