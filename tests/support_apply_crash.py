"""A program that is killed at every write of an application, one after another, and looks at what is left.

Each attempt is a forked child that ends with ``_exit`` right before its n-th write; then a second child recovers, also
killed at each of its own writes in turn; a last one recovers to the end. Prints one JSON line for each attempt.
Run as ``python support_apply_crash.py FOLDER apply|rollback``; this process itself has no threads.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from covey.core.patch import Patch
from covey.workspace.apply import Hook, apply_to_user_tree, recover_apply, rollback_apply
from covey.workspace.snapshot import load_snapshot

KILLED = 77


def exit_before(number: int) -> Hook:
    """Return a hook that ends the process, with nothing flushed or cleaned up, before write ``number``."""
    count = 0

    def hook(phrase: str) -> None:
        nonlocal count
        if count == number:
            os._exit(KILLED)
        count += 1

    return hook


def in_child(work: Callable[[], Coroutine[Any, Any, object]]) -> int:
    """Run a coroutine in a forked child; return the child's exit status."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(work())
        except BaseException as error:  # noqa: BLE001 - the parent must see it
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def contents(root: Path) -> dict[str, str]:
    """Every path below ``root`` with its bytes, as text."""
    return {
        str(path.relative_to(root)): path.read_bytes().hex() if path.is_file() else "folder"
        for path in sorted(root.rglob("*"))
    }


def main() -> None:
    """Kill at every write until an attempt gets through."""
    folder, what = Path(sys.argv[1]), sys.argv[2]
    root, state = folder / "r", folder / "state"
    snapshot = load_snapshot(folder / "s")
    patch = Patch.model_validate_json((folder / "patch.json").read_bytes())

    def attempt(hook: Hook) -> Callable[[], Coroutine[Any, Any, object]]:
        if what == "apply":
            return lambda: apply_to_user_tree(root, snapshot, patch, state, hook=hook)
        return lambda: rollback_apply(state, hook=hook)

    number = 0
    while True:
        if what == "rollback":
            assert in_child(lambda: apply_to_user_tree(root, snapshot, patch, state)) == 0
        status = in_child(attempt(exit_before(number)))
        left = contents(root)
        kills = 0
        while kills < 100 and in_child(lambda kills=kills: recover_apply(state, hook=exit_before(kills))) == KILLED:  # type: ignore[misc]
            kills += 1
        assert in_child(lambda: recover_apply(state)) == 0
        sys.stdout.write(
            json.dumps({"write": number, "status": status, "left": left, "kills": kills, "then": contents(root)}) + "\n"
        )
        sys.stdout.flush()
        if status != KILLED:
            return
        number += 1


if __name__ == "__main__":
    main()
