"""What it costs to start Covey: ``python -m covey.bench.startup``.

Prints one JSON object: CPU seconds (user and system, median and best of several starts) and the number of modules
imported, for ``import covey``, ``covey --help`` and ``covey run --help``, and for Python alone to compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import covey

_COUNT = (
    "import sys\n"
    "def count():\n"
    "    sys.stderr.write('\\n' + ' '.join(sorted(sys.modules)))\n"
    "import atexit\n"
    "atexit.register(count)\n"
)
_COMMAND = "import sys\nsys.argv = {words!r}\nfrom covey.cli.main import main\nmain()\n"
CASES = {
    "python": "",
    "import covey": "import covey\n",
    "covey --help": _COMMAND.format(words=["covey", "--help"]),
    "covey run --help": _COMMAND.format(words=["covey", "run", "--help"]),
}
"""Programs to start, by name."""
HEAVY = frozenset({"pydantic", "pydantic_core", "rich", "sqlite3", "asyncio", "yaml", "covey.core", "covey.app"})
"""What help must not wait for."""


def cpu_seconds(code: str) -> float:
    """Run ``code`` in a fresh interpreter; return its user and system seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"This came to exit code {process.returncode}:\n{code}")
    return used.ru_utime + used.ru_stime


def modules(code: str) -> frozenset[str]:
    """Run ``code`` in a fresh interpreter; return the names of all modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", _COUNT + code], env=_environment(), capture_output=True, text=True, check=True
    )
    return frozenset(done.stderr.rsplit("\n", 1)[-1].split())


def measure(rounds: int) -> dict[str, object]:
    """Measure every case."""
    found: dict[str, object] = {}
    for name, code in CASES.items():
        cpu_seconds(code)  # compiles what is not compiled yet
        seconds = [cpu_seconds(code) for _ in range(rounds)]
        imported = modules(code)
        found[name] = {
            "cpu_median_s": round(statistics.median(seconds), 3),
            "cpu_best_s": round(min(seconds), 3),
            "modules": len(imported),
            "heavy": sorted(HEAVY & imported),
        }
    return found


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(covey.__file__).parents[1]), "LANG": "C.UTF-8", "COLUMNS": "100"}


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m covey.bench.startup", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="starts of each (default: 5)")
    sys.stdout.write(json.dumps(measure(parser.parse_args().rounds), indent=2) + "\n")


if __name__ == "__main__":
    main()
