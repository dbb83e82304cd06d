"""What every sandbox must show before it may run anything: found out by running, never by asking for versions."""

from __future__ import annotations

import os
from pathlib import Path

from covey.core.errors import NoSandbox
from covey.core.execution import TREE_TOKEN, ExecResult, ExecSpec, Limits, Tree

_SCRIPT = """
set -e
test -f a && test -f layered && test ! -e gone
rm -r folder && mkdir folder && mv folder other && echo changed > a
if cat /etc/shadow || echo x > "$1" || ls /root; then echo OPEN; fi 2>/dev/null
if (echo 1 > /proc/sys/kernel/panic) 2>/dev/null; then echo OPEN; fi
cat /proc/self/status
echo DONE
"""


def tree_spec(folder: Path, owner: int | None) -> ExecSpec:
    """Make a small tree in ``folder`` and return what to run on it."""
    base, layer = folder / "base", folder / "layer"
    (base / "folder").mkdir(parents=True)
    layer.mkdir()
    for path in (base / "a", base / "gone", base / "folder" / "b", layer / "layered"):
        path.write_text("pristine\n")
    if owner is not None:
        for path in (base, layer, *base.rglob("*"), *layer.rglob("*")):
            os.chown(path, owner, owner)
    (folder / "outside").mkdir(mode=0o777)
    return ExecSpec(
        argv=("/bin/sh", "-c", _SCRIPT, "sh", str(folder / "outside" / "written")),
        cwd=TREE_TOKEN,
        tree=Tree(base=str(base), layer=str(layer), root="/srv/covey-probe", removed=("gone",)),
        limits=Limits(wall_s=20.0, disk_bytes=16 << 20, memory_bytes=256 << 20),
    )


def check(result: ExecResult, folder: Path) -> None:
    """Raise NoSandbox unless the probe ran to its end and nothing that must hold was open."""
    text = result.stdout.decode(errors="replace")
    said = result.stderr.decode(errors="replace").strip()[-500:]
    if result.exit_code != 0 or not text.endswith("DONE\n"):
        raise NoSandbox(f"the probe did not run to its end ({said or result.exit_code}).")
    if "OPEN" in text or (folder / "outside" / "written").exists():
        raise NoSandbox("the host's files could be reached.")
    if (folder / "base" / "a").read_text() != "pristine\n":
        raise NoSandbox("the tree's base could be changed.")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    if int(status.get("CapEff", "0"), 16) != 0 or status.get("NoNewPrivs", "1") != "1":
        raise NoSandbox("the program had privileges.")
    if result.applied.mechanisms["seccomp"] != "none" and status.get("Seccomp") != "2":
        raise NoSandbox("the filter of system calls was not in force.")
