"""The contract once more, as an ordinary user: other namespaces, other limits, the same promises."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support_sandbox import PYTHON

_USER = 63999
_HERE = Path(__file__).resolve()
_ROOT = _HERE.parents[2]


def test_the_contract_holds_for_an_ordinary_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    if os.geteuid() != 0:
        pytest.skip("this is an ordinary user already: the contract's own tests have just shown it")
    if (change := shutil.which("setpriv")) is None:
        pytest.skip("setpriv is not installed, so no other user's part can be played")
    home = Path(tmp_path_factory.mktemp("user"))
    temporary = Path("/tmp") / f"covey-test-{os.getpid()}"
    packages = [path for path in sys.path if path.endswith("site-packages")]
    become = [change, f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", PYTHON]
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(temporary),
        "PYTHONPATH": os.pathsep.join([str(_ROOT / "src"), *packages]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        temporary.mkdir(mode=0o700)
        os.chown(temporary, _USER, _USER)
        able = subprocess.run(
            [*become, "-c", "import covey, pydantic, psutil, pytest_asyncio"],
            env=env, cwd="/", capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if able.returncode != 0:
            pytest.skip(f"another user cannot read this checkout or its packages: {able.stderr.strip()[-300:]}")
        options = [
            "-q",
            "-x",
            f"--basetemp={temporary}/pytest",
            "-c",
            str(_ROOT / "pyproject.toml"),
            "-p",
            "no:randomly",
        ]
        options += ["-k", "not none and not private_home", str(_HERE.with_name("test_sandbox_contract.py"))]
        done = subprocess.run(
            [*become, "-m", "pytest", *options],
            env=env, cwd=_ROOT, capture_output=True, text=True, timeout=170, check=False,
        )  # fmt: skip
        (home / "log").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, done.stdout[-6000:]
        assert "passed" in done.stdout
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
