"""What is imported before it is used: nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "covey"
HEAVY = {
    "xllamacpp", "openai", "torch", "transformers", "numpy", "gguf", "httpx2", "jinja2", "tree_sitter", "pywhispercpp",
    "pynvml", "rich",
}  # fmt: skip


def imported_by(*modules: str) -> set[str]:
    code = f"import sys, json\nfor name in {modules!r}: __import__(name)\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def modules_of(*folders: str) -> list[str]:
    return [
        ".".join(("covey", *path.relative_to(SOURCE).with_suffix("").parts))
        for folder in folders
        for path in sorted((SOURCE / folder).rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py", "worker.py")
    ]


@pytest.mark.parametrize(
    "modules",
    [["covey"], ["covey.cli.main"], ["covey.app.run", "covey.app.system"], modules_of("models")],
    ids=["the package", "the command", "a run", "every engine and all around it"],
)
def test_nothing_heavy_is_imported_before_it_is_used(modules: list[str]) -> None:
    assert not imported_by(*modules) & HEAVY


def test_the_check_can_fail() -> None:
    assert imported_by("covey", "httpx2") & HEAVY == {"httpx2"}
