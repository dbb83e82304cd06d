"""Which interpreters are found, and what is asked of them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from covey.execution.interpreters import (
    ask_interpreter,
    find_interpreters,
    holds_a_home,
    needed_prefixes,
    parse_answer,
)

REAL = Path(os.path.realpath(sys.executable))


def linked(folder: Path, name: str = "python3") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(REAL)
    return folder


async def test_an_interpreter_on_the_search_path_is_found_by_its_real_path(tmp_path: Path) -> None:
    path = os.pathsep.join((str(linked(tmp_path / "a")), str(linked(tmp_path / "b", "python3.11"))))
    found = await find_interpreters(path, tmp_path)
    mine = [one for one in found if one.path == REAL]
    assert len(mine) == 1
    assert mine[0].version == sys.version_info[:3]
    assert all(REAL.is_relative_to(prefix) for prefix in mine[0].prefixes) or REAL.is_relative_to("/usr")
    assert [one.version for one in found] == sorted((one.version for one in found), reverse=True)


async def test_pyenv_and_uv_interpreters_are_found_below_the_home_folder(tmp_path: Path) -> None:
    for folder in (".pyenv/versions/3.99.0/bin", ".local/share/uv/python/cpython-3.99/bin"):
        linked(tmp_path / folder)
        found = await find_interpreters("", tmp_path)
        assert REAL in {one.path for one in found}
        (tmp_path / folder / "python3").unlink()


async def test_scripts_that_pose_as_interpreters_are_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    shim = tmp_path / "shims" / "python3"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\ntouch {ran}\n")
    shim.chmod(0o755)
    (tmp_path / "shims" / "python3.11").symlink_to("nowhere")
    found = await find_interpreters(str(shim.parent), tmp_path)
    assert not any(one.path == shim for one in found)
    assert not ran.exists()


async def test_nothing_below_an_excluded_folder_is_run(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    path = str(linked(repository / ".venv" / "bin"))
    with_it = await find_interpreters(path, tmp_path)
    without = await find_interpreters(path, tmp_path, exclude=(repository,))
    assert REAL in {one.path for one in with_it}
    assert len(without) <= len(with_it)
    only_there = REAL.is_relative_to("/usr") or REAL.is_relative_to("/bin")
    assert only_there or REAL not in {one.path for one in without}


async def test_what_is_no_interpreter_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a program")
    (tmp_path / "text").chmod(0o755)
    for path in (tmp_path / "text", tmp_path / "absent", tmp_path, Path("/bin/true")):
        assert await ask_interpreter(path) is None


async def test_a_replaced_interpreter_is_asked_again(tmp_path: Path) -> None:
    program = tmp_path / "python3"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    assert await ask_interpreter(program) is None
    program.write_text(f'#!/bin/sh\nexec {REAL} "$@"\n')
    os.utime(program, ns=(1, 1))
    answer = await ask_interpreter(program)
    assert answer is not None
    assert answer.version == sys.version_info[:3]


def test_an_answer_is_found_among_other_output() -> None:
    body = {
        "version": [3, 8, 1], "prefix": "/p", "base_prefix": "/b", "folders": ["/b"], "path": ["/x"], "pytest": True,
    }  # fmt: skip
    noise = b"\xff hello\nCOVEY-PYTHON {}\n"
    answer = parse_answer(noise + b"COVEY-PYTHON " + json.dumps(body).encode() + b"\nbye\n")
    assert answer is not None
    assert (answer.version, answer.pytest) == ((3, 8, 1), True)


@pytest.mark.parametrize(
    "output",
    [b"", b"COVEY-PYTHON", b"COVEY-PYTHON {}", b"COVEY-PYTHON [" + b"[" * 5000, b'COVEY-PYTHON {"version": "3"}'],
)
def test_a_forged_answer_is_none(output: bytes) -> None:
    assert parse_answer(output) is None


def test_what_every_sandbox_shows_needs_no_mount(tmp_path: Path) -> None:
    inner = tmp_path / "lib" / "python3.11"
    inner.mkdir(parents=True)
    places = needed_prefixes(["/usr", "/usr/lib", str(inner), str(tmp_path)], tmp_path / "python", homes=())
    assert places == (tmp_path,)


def test_a_prefix_that_holds_a_home_folder_is_never_shown_whole(tmp_path: Path) -> None:
    home = tmp_path / "home" / "somebody"
    library = home / "lib" / "python3.11"
    library.mkdir(parents=True)
    executable = home / "bin" / "python3.11"
    executable.parent.mkdir()
    executable.touch()
    for prefix in (home, tmp_path / "home"):
        shown = needed_prefixes([str(prefix), str(library)], executable, homes=[str(home)])
        assert set(shown) == {library, executable}
    assert needed_prefixes([str(home)], executable, homes=()) == (home,)
    assert holds_a_home(Path("/"))
    assert holds_a_home(tmp_path, [str(home)])
    assert not holds_a_home(library, [str(home)])
