"""The parts of building an environment, each alone."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
from pathlib import Path

import pytest

from covey.core.budget import Deadline
from covey.core.errors import EnvironmentBuildError
from covey.core.execution import Environment
from covey.execution.environments.cache import Slot, held, remove, take_back
from covey.execution.environments.installers import (
    Pip,
    Uv,
    build_requirements,
    index_settings,
    local_mounts,
    looks_offline,
    without_secrets,
)
from covey.execution.environments.inventory import (
    Inventory,
    import_path,
    missing,
    own_requirements,
    take_inventory,
)
from covey.execution.environments.plan import cache_key, choose_interpreters, rungs, tries
from covey.execution.environments.vcsversion import highest_tag, version_settings
from covey.execution.interpreters import Interpreter
from covey.execution.projectfacts import ProjectFacts
from covey.execution.tools import git_version, last_lines, node_version, run_tool, tool_version, uv_version
from support_environments import write

MACHINE = tuple(Interpreter(Path(f"/py/3.{minor}"), (3, minor, 1)) for minor in range(14, 5, -1))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ProjectFacts(), [11, 10, 9, 8]),
        (ProjectFacts(requires_python=">=3.9,<4"), [11, 10, 9, 12]),
        (ProjectFacts(requires_python="<3.9"), [8, 7, 6]),
        (ProjectFacts(requires_python=">=3.13"), [13, 14]),
        (ProjectFacts(requires_python="not understood"), [11, 10, 9, 8]),
        (ProjectFacts(pinned=(3, 7)), [7, 6, 8, 9]),
        (ProjectFacts(tested=((3, 6), (3, 8))), [8, 7, 6, 9]),
        (ProjectFacts(tested=((3, 12), (3, 13), (3, 14))), [12, 11, 10, 9]),
        (ProjectFacts(tested=((2, 7),)), [11, 10, 9, 8]),
    ],
)
def test_the_interpreter_is_chosen_by_what_the_project_says(facts: ProjectFacts, expected: list[int]) -> None:
    assert [one.version[1] for one in tries(choose_interpreters(facts, MACHINE))] == expected


def test_no_interpreter_that_fits_is_an_error() -> None:
    with pytest.raises(EnvironmentBuildError, match=r"Install a version that fits"):
        choose_interpreters(ProjectFacts(requires_python=">=4"), MACHINE)


def test_requirements_are_tried_from_the_fullest_set_down() -> None:
    facts = ProjectFacts(dependencies=("a",), test_dependencies=("b", "pytest>=7"), plugins=("pytest-cov",))
    assert [rung.requirements for rung in rungs(facts, needs_pytest=True)] == [
        ("a", "b", "pytest>=7", "pytest-cov"),
        ("a", "pytest", "pytest-cov"),
        ("a", "pytest"),
    ]
    assert [rung.requirements for rung in rungs(ProjectFacts(), needs_pytest=False)] == [()]
    assert rungs(ProjectFacts(dependencies=("a @ https://x/y.zip",)), needs_pytest=False)[0].has_links


def test_everything_that_decides_is_in_the_key() -> None:
    def key(facts: ProjectFacts, *, installer: str = "uv 1", root: str = "/r", needs_pytest: bool = True) -> str:
        return cache_key(facts, MACHINE, installer=installer, root=root, needs_pytest=needs_pytest)

    base = ProjectFacts(fingerprint="1")
    others = [
        key(ProjectFacts(fingerprint="2")), key(base, installer="pip"), key(base, root="/s"),
        key(base, needs_pytest=False), cache_key(base, MACHINE[1:], installer="uv 1", root="/r", needs_pytest=True),
    ]  # fmt: skip
    assert len({key(base), *others}) == 6
    assert key(base) == key(ProjectFacts(fingerprint="1"))


def site(folder: Path) -> Path:
    return write(
        folder,
        {
            "Some_Package-1.2.dist-info/METADATA": "Name: Some_Package\nVersion: 1.2\n\nName: x\n",
            "demo-0.dist-info/METADATA": "Name: demo\nVersion: 0\nRequires-Dist: a>=1\nRequires-Dist: b ;extra=='x'\n",
            "demo-0.dist-info/direct_url.json": '{"url": "file:///r", "dir_info": {"editable": true}}',
            "demo.pth": "import sys\n/r/src\n",
            "old.egg-link": "/elsewhere\n.\n",
            "legacy-3.egg-info/PKG-INFO": "Name: legacy\nVersion: 3\n",
            "legacy-3.egg-info/requires.txt": "c\n\n[extra]\nd\n",
            "single-4.egg-info": "Name: single\nVersion: 4\n",
            "broken-1.dist-info/METADATA": "nothing here",
            "empty-1.dist-info/RECORD": "",
        },
    )


def test_an_inventory_is_read_from_files(tmp_path: Path) -> None:
    found = take_inventory([site(tmp_path), tmp_path / "absent"])
    assert found.lock == ("demo==0", "legacy==3", "single==4", "some-package==1.2")
    assert found.linked == ("/r/src", "/elsewhere")
    assert found.editable == {"demo", "old"}
    assert not found.has_pytest
    assert own_requirements([tmp_path], "demo") == ("a>=1",)
    shutil.rmtree(tmp_path / "demo-0.dist-info")
    assert own_requirements([tmp_path], "legacy") == ("c",)
    assert own_requirements([tmp_path], "") == ()


def test_links_out_of_site_packages_are_not_read(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"METADATA": "Name: stolen\nVersion: 1\n"})
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "stolen-1.dist-info").symlink_to(outside)
    assert take_inventory([inside]).lock == ()


@pytest.mark.parametrize(
    ("requirement", "strict", "expected"),
    [
        ("some-package", True, False),
        ("Some.Package>=1", True, False),
        ("some-package>=2", True, True),
        ("some-package>=2", False, False),
        ("absent", False, True),
        ("absent; python_version < '3'", True, False),
        ("absent; extra == 'x'", True, False),
        ("!!", True, True),
    ],
)
def test_what_an_inventory_lacks(requirement: str, strict: bool, expected: bool) -> None:
    have = Inventory({"some-package": "1.2"})
    assert bool(missing([requirement], have, (3, 11, 0), any_version=not strict)) is expected


@pytest.mark.parametrize(
    ("inventory", "sources", "expected"),
    [
        (Inventory(), ("src", ""), ("@COVEY_TREE@/src", "@COVEY_TREE@")),
        (Inventory(), ("",), ("@COVEY_TREE@",)),
        (Inventory(linked=("/r/lib", "/other"), editable=frozenset({"demo"})), ("",), ("@COVEY_TREE@/lib",)),
        (Inventory(linked=("/r",), editable=frozenset({"demo"})), ("",), ("@COVEY_TREE@",)),
        (Inventory(linked=("/r2",), editable=frozenset({"demo"})), ("src", ""), ("@COVEY_TREE@/src",)),
        (Inventory(editable=frozenset({"demo"})), ("",), ()),
        (Inventory({"demo": "1"}), ("src", ""), ("@COVEY_TREE@/src", "@COVEY_TREE@")),
    ],
)
def test_the_tree_is_imported_and_not_an_installed_copy(
    inventory: Inventory, sources: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert import_path(inventory, "demo", "/r", sources) == expected


def test_settings_of_pip_serve_uv_too(tmp_path: Path) -> None:
    write(tmp_path, {".config/pip/pip.conf": "[global]\nindex-url = https://a/simple\nfind-links = /x /y\n"})
    env = index_settings({"PIP_EXTRA_INDEX_URL": "https://b", "PIP_USER": "1", "UV_PYTHON": "3"}, tmp_path)
    assert env["UV_DEFAULT_INDEX"] == "https://a/simple"
    assert env["UV_FIND_LINKS"] == "/x,/y"
    assert (env["UV_INDEX"], env["UV_INDEX_STRATEGY"]) == ("https://b", "unsafe-best-match")
    assert not env.keys() & {"PIP_USER", "UV_PYTHON"}
    for own in ("UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        kept = index_settings({own: "https://mine"}, tmp_path)
        assert kept[own] == "https://mine"
        assert kept.get("UV_DEFAULT_INDEX", "https://mine") == "https://mine"


def test_a_pip_configuration_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".pip").mkdir()
    (tmp_path / ".pip" / "pip.conf").write_bytes(b"\xff\n[x")
    index_settings({}, tmp_path)


def test_credentials_never_reach_code_of_the_repository() -> None:
    env = {
        "UV_INDEX_URL": "https://u:p@host/simple", "UV_INDEX_A_PASSWORD": "x", "UV_KEYRING_PROVIDER": "s",
        "PIP_CLIENT_CERT": "/c", "HTTPS_PROXY": "http://u@proxy", "UV_FIND_LINKS": "/links", "https_proxy": "http://p",
    }  # fmt: skip
    assert without_secrets(env) == {"UV_FIND_LINKS": "/links", "https_proxy": "http://p"}


def test_local_packages_are_shown_and_homes_are_not(tmp_path: Path) -> None:
    (tmp_path / "a b" / "simple").mkdir(parents=True)
    (tmp_path / "links").mkdir()
    env = {
        "UV_INDEX": f"file://{tmp_path}/a%20b/simple https://x", "UV_FIND_LINKS": f"{tmp_path}/links,/nowhere,/,/usr/x",
        "OTHER": pwd.getpwuid(0).pw_dir,
    }  # fmt: skip
    assert {mount.source for mount in local_mounts(env)} == {f"{tmp_path}/a b", f"{tmp_path}/links"}


def test_command_lines_of_installers() -> None:
    offline = Uv("/bin/uv", "1").wheels("/p", ["-r", "f"], target=Path("/t"), offline=True)
    assert offline[-5:] == ["--target", "/t", "--offline", "-r", "f"]
    assert "--only-binary" in offline
    for installer in (Uv("/bin/uv", "1"), Pip()):
        assert "--only-binary" not in installer.anything("/p", [])
        assert "--no-build-isolation" in installer.project("/p", "/r", isolated=False)
        assert "--no-build-isolation" not in installer.project("/p", "/r", isolated=True)
    assert Uv("/opt/uv", "1").mounts()[0].source == "/opt/uv"
    assert Uv("/usr/bin/uv", "1").mounts() == ()


def test_build_back_ends_get_what_they_ask_for_at_run_time() -> None:
    assert build_requirements(()) == ("setuptools<81", "wheel")
    assert build_requirements(("hatchling>=1",)) == ("hatchling>=1", "editables")
    assert build_requirements(("setuptools>=61",)) == ("setuptools>=61", "wheel")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("error: client error (Connect)\n cause: dns error", True),
        ("NewConnectionError('...')", True),
        ("No solution found when resolving dependencies", False),
    ],
)
def test_an_unreachable_index_is_told_from_a_missing_package(output: str, expected: bool) -> None:
    assert looks_offline(output) is expected


def test_last_lines_hide_credentials() -> None:
    text = "\n".join([*(f"line {number}" for number in range(50)), "", "at https://user:pass@host/simple"])
    shown = last_lines(text, 3)
    assert shown == "line 48\nline 49\nat https://***@host/simple"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".git/packed-refs": "# x\nab refs/tags/v1.9\nab refs/tags/1.10.0\nab refs/heads/9.9\n"}, "1.10.0"),
        ({".git/packed-refs": "ab refs/tags/1.0\nab refs/tags/2.0rc1\n"}, "1.0"),
        ({".git/refs/tags/release-3.2": "", ".git/packed-refs": "ab refs/tags/junk\n"}, "3.2"),
        ({".git": "gitdir: /elsewhere"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_version_for_back_ends_comes_from_tags(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    write(tmp_path, files)
    assert highest_tag(tmp_path) == expected
    assert version_settings(tmp_path)["PBR_VERSION"] == (expected or "0.0.0")
    write(tmp_path, {"PKG-INFO": "Name: x\nVersion: 7.1\n"})
    assert version_settings(tmp_path)["PBR_VERSION"] == (expected or "7.1")


def test_what_comes_back_from_a_build_is_readable_and_harmless(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o600)
    folder = write(tmp_path / "venv", {"bin/tool": "", "closed/file": "", "data": ""})
    (folder / "bin" / "tool").chmod(0o6711)
    (folder / "data").chmod(0o666)
    (folder / "link").symlink_to(outside)
    (folder / "closed").chmod(0)
    take_back(folder)
    modes = {path.name: path.lstat().st_mode & 0o7777 for path in folder.rglob("*") if not path.is_symlink()}
    assert modes == {"bin": 0o755, "tool": 0o755, "closed": 0o755, "file": 0o644, "data": 0o644}
    assert outside.stat().st_mode & 0o777 == 0o600
    (folder / "closed").chmod(0)
    remove(folder)
    assert not folder.exists()
    assert outside.exists()


def test_a_damaged_record_counts_as_absent(tmp_path: Path) -> None:
    slot = Slot(tmp_path / "key")
    slot.clear()
    assert slot.load() is None
    write(slot.venv, {"bin/python": ""})
    environment = Environment(kind="built", python=slot.python, version=(3, 11, 0))
    slot.save(environment)
    assert slot.load() == environment
    (slot.folder / "complete.json").write_text('{"kind": "bui')
    assert slot.load() is None
    slot.save(environment)
    (slot.venv / "bin" / "python").unlink()
    assert slot.load() is None
    slot.save(environment)
    slot.clear()
    assert not slot.venv.exists()
    assert not (slot.folder / "complete.json").exists()


async def test_only_one_builds_at_a_time(tmp_path: Path) -> None:
    slot, order = Slot(tmp_path / "key"), list[str]()
    inside = asyncio.Event()

    async def first() -> None:
        async with held(slot, Deadline(10)):
            inside.set()
            with pytest.raises(EnvironmentBuildError, match="Another run"):
                async with held(slot, Deadline(0)):
                    order.append("never")
            order.append("first")

    async def second() -> None:
        await inside.wait()
        async with held(slot, Deadline(10)):
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]


async def test_a_tool_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {started}; echo said; wait"
    result = await run_tool(["/bin/sh", "-c", script], env={"PATH": os.defpath}, cwd=tmp_path, timeout_s=1.0)
    assert result.exit_code is None
    assert "said" in result.output
    assert "stopped after" in result.output
    child = Path(f"/proc/{int(started.read_text())}/stat")
    assert not child.exists() or child.read_text().split()[2] in "ZX"


async def test_a_tool_that_is_cancelled_is_stopped(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    argv = ["/bin/sh", "-c", f"exec 3>{fifo}; echo up >&3; sleep 600"]
    task = asyncio.create_task(run_tool(argv, env={"PATH": os.defpath}, cwd=tmp_path, timeout_s=60.0))
    up = asyncio.Event()
    asyncio.get_running_loop().add_reader(reader, up.set)
    await up.wait()
    asyncio.get_running_loop().remove_reader(reader)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    os.set_blocking(reader, True)
    assert os.read(reader, 100) == b"up\n"
    assert os.read(reader, 100) == b""  # the end: every writer is gone
    os.close(reader)


async def test_a_tool_gets_exactly_the_environment_it_is_given(tmp_path: Path) -> None:
    result = await run_tool(["/usr/bin/env"], env={"ONLY": "this"}, cwd=tmp_path, timeout_s=10)
    assert (result.ok, result.output) == (True, "ONLY=this\n")
    absent = await run_tool(["/nowhere/tool"], env={}, cwd=tmp_path, timeout_s=10)
    assert not absent.ok
    assert "cannot be started" in absent.output


async def test_versions_of_tools(tmp_path: Path) -> None:
    for name, text in {"node": "v20.1.0", "git": "git version 2.40.1.windows.1", "bad": "none"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho {text}\n")
        (tmp_path / name).chmod(0o755)
    path = str(tmp_path)
    assert await node_version(path) == "20.1.0"
    assert (await git_version(path) or "").startswith("2.40.1")
    assert await tool_version("bad", path) is None
    assert await node_version(str(tmp_path / "absent")) is None
    assert await uv_version(path)
