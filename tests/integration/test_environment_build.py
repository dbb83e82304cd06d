"""Environments on a real sandbox, with real installers and packages made here: no index is ever asked."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import venv as standard_venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from covey.core.errors import ConfigError, EnvironmentBuildError
from covey.core.execution import TREE_TOKEN, Environment, ExecResult, ExecSpec, Tree
from covey.core.progress import Progress
from covey.core.protocols import Sandbox
from covey.execution.environments import installers as installers_module
from covey.execution.environments import prepare_environment
from covey.execution.sandboxes.select import choose
from support_environments import PROJECT, backend, make_sdist, make_wheel, search_path, write


@dataclass
class Bench:
    """A repository, its snapshot and a folder of packages."""

    folder: Path
    sandbox: Sandbox
    said: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "repo"

    @property
    def base(self) -> Path:
        return self.folder / "snapshot"

    @property
    def links(self) -> Path:
        return self.folder / "links"

    def project(self, files: dict[str, str]) -> None:
        self.root.mkdir(exist_ok=True)
        write(self.base, files)
        owner = self.sandbox.owner
        for path in [self.base, *self.base.rglob("*")] if owner is not None else []:
            os.chown(path, owner or 0, owner or 0)

    def observe(self, progress: Progress, /) -> None:
        self.said.append(progress.message)

    async def prepare(
        self,
        *,
        python: str | None = None,
        active: str | None = None,
        needs_pytest: bool = False,
        timeout_s: float = 120.0,
        install_env: dict[str, str] | None = None,
    ) -> Environment:
        self.links.mkdir(exist_ok=True)
        links = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(self.links), "PIP_NO_INDEX": "1"}
        return await prepare_environment(
            self.base,
            str(self.root),
            sandbox=self.sandbox,
            cache=self.folder / "cache",
            python=python,
            search_path=search_path(),
            home=self.folder / "home",
            active_virtualenv=active,
            install_env={**links, "PIP_FIND_LINKS": str(self.links), **(install_env or {})},
            needs_pytest=needs_pytest,
            timeout_s=timeout_s,
            observer=self.observe,
        )

    async def run(self, environment: Environment, *argv: str) -> ExecResult:
        tree = Tree(base=str(self.base), root=str(self.root))
        argv = (environment.python, *argv)
        return await self.sandbox.exec(ExecSpec(argv=argv, tree=tree, env=environment.env, mounts=environment.mounts))

    async def evaluate(self, environment: Environment, code: str) -> str:
        result = await self.run(environment, "-c", code)
        assert result.exit_code == 0, result.stderr.decode()
        return result.stdout.decode().strip()

    def make_venv(self, folder: Path, *wheels: str) -> Path:
        standard_venv.create(folder, symlinks=True, with_pip=False)
        site = next(folder.glob("lib/python3*/site-packages"))
        for name in wheels:
            subprocess.run([sys.executable, "-m", "zipfile", "-e", make_wheel(self.links, name), site], check=True)
        return folder


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, await choose("auto", tmp_path / "scratch"))


def run_on_host(*argv: str) -> None:
    subprocess.run(argv, check=True)


def demo(dependencies: Sequence[str] = (), **more: str) -> dict[str, str]:
    """A project in src layout whose back end needs nothing."""
    listed = ", ".join(f'"{name}"' for name in dependencies)
    return {
        "pyproject.toml": f"{PROJECT}dependencies = [{listed}]\n",
        "backend.py": backend("demo"),
        "src/demo/__init__.py": "",
        **more,
    }


async def test_a_project_is_installed_editable_beside_its_dependencies(bench: Bench) -> None:
    make_wheel(bench.links, "dep")
    bench.project(demo(["dep"]))
    environment = await bench.prepare()
    assert (environment.kind, environment.lock, environment.notes) == ("built", ("demo==1.0", "dep==1.0"), ())
    assert environment.env["PYTHONPATH"] == f"{TREE_TOKEN}/src"
    assert environment.version == await _version(bench, environment)
    where = await bench.evaluate(environment, "import demo, dep; print(demo.__file__, dep.VALUE)")
    assert where == f"{bench.root}/src/demo/__init__.py from wheel"


async def _version(bench: Bench, environment: Environment) -> tuple[int, ...]:
    said = await bench.evaluate(environment, "import sys; print(*sys.version_info[:3])")
    return tuple(map(int, said.split()))


async def test_the_environment_cannot_be_written_by_tests(bench: Bench) -> None:
    bench.project(demo())
    environment = await bench.prepare()
    target = Path(environment.python).parent / "planted"
    result = await bench.run(environment, "-c", f"open({str(target)!r}, 'w')")
    assert result.exit_code == 1
    assert not target.exists()


async def test_a_built_environment_is_kept_and_a_change_makes_another(bench: Bench) -> None:
    wheel = make_wheel(bench.links, "dep")
    bench.project(demo(["dep"]))
    first = await bench.prepare()
    wheel.unlink()
    assert await bench.prepare() == first
    write(bench.base, {"requirements-test.txt": "other\n"})
    make_wheel(bench.links, "dep")
    make_wheel(bench.links, "other")
    changed = await bench.prepare()
    assert changed.python != first.python
    assert "other==1.0" in changed.lock


async def test_a_half_built_environment_is_built_again(bench: Bench) -> None:
    make_wheel(bench.links, "dep")
    bench.project(demo(["dep"]))
    first = await bench.prepare()
    folder = Path(first.python).parents[2]
    (folder / "complete.json").unlink()
    for module in folder.glob("venv/lib/python3*/site-packages/dep.py"):
        module.unlink()
    second = await bench.prepare()
    assert second == first
    assert await bench.evaluate(second, "import dep; print(dep.VALUE)") == "from wheel"


async def test_two_runs_share_one_build(bench: Bench) -> None:
    bench.project(demo())
    first, second = await asyncio.gather(bench.prepare(), bench.prepare())
    assert first == second
    assert len([said for said in bench.said if said.startswith("installing 0 requirements")]) == 1


async def test_sources_are_built_inside_the_sandbox_only(bench: Bench, tmp_path: Path) -> None:
    escaped = tmp_path / "escaped"
    action = f"try: open({str(escaped)!r}, 'w')\nexcept OSError: pass"
    make_sdist(bench.links, "fromsource", action=action)
    bench.project({"requirements.txt": "fromsource\n", "app.py": ""})
    environment = await bench.prepare()
    assert await bench.evaluate(environment, "import fromsource; print(fromsource.VALUE)") == "from source"
    assert not escaped.exists()
    exec(action)  # the control: it would have worked outside
    assert escaped.exists()


async def test_code_in_a_wheel_does_not_run_on_the_host(bench: Bench, tmp_path: Path) -> None:
    escaped = tmp_path / "escaped"
    line = f"import os; os.path.isdir({str(tmp_path)!r}) and open({str(escaped)!r}, 'w')\n"
    make_wheel(bench.links, "hostile", {"hostile.pth": line, "hostile.py": ""})
    bench.project(demo(["hostile"]))
    environment = await bench.prepare()
    assert environment.lock == ("demo==1.0", "hostile==1.0")
    assert not escaped.exists()
    run_on_host(environment.python, "-c", "")  # the control: any start of it runs the line
    assert escaped.exists()


async def test_what_a_build_leaves_behind_is_not_writable(bench: Bench) -> None:
    action = (
        "import sys, os; p = os.path.join(os.environ['VIRTUAL_ENV'], 'bin', 'planted'); open(p, 'w').close(); "
        "os.chmod(p, 0o777)"
    )
    bench.project({**demo(), "backend.py": backend("demo", action=action)})
    environment = await bench.prepare()
    planted = (Path(environment.python).parent / "planted").stat()
    assert planted.st_uid == os.geteuid()
    assert planted.st_mode & 0o7777 == 0o755


async def test_a_project_that_cannot_be_installed_is_imported_from_its_sources(bench: Bench) -> None:
    make_wheel(bench.links, "dep")
    bench.project({**demo(["dep"]), "backend.py": "raise SystemExit('this back end is broken')\n"})
    environment = await bench.prepare()
    assert environment.lock == ("dep==1.0",)
    assert environment.env["PYTHONPATH"] == f"{TREE_TOKEN}/src:{TREE_TOKEN}"
    assert any("could not be installed" in note for note in environment.notes)
    assert await bench.evaluate(environment, "import demo, dep; print('ok')") == "ok"


async def test_dependencies_that_only_the_build_knows_are_learnt_from_it(bench: Bench) -> None:
    make_wheel(bench.links, "dep")
    make_wheel(bench.links, "extra")
    bench.project(
        {
            **demo(),
            "pyproject.toml": f'{PROJECT}dynamic = ["dependencies"]\n',
            "backend.py": backend("demo", requires=["dep>=1", "absent; extra == 'x'", "old; python_version < '3'"]),
        }
    )
    environment = await bench.prepare()
    assert environment.lock == ("demo==1.0", "dep==1.0")


async def test_tests_declarations_that_cannot_be_had_are_left_out_with_a_note(bench: Bench) -> None:
    make_wheel(bench.links, "dep")
    extra = '[dependency-groups]\ntest = ["cannot-be-had"]\n'
    files = demo(["dep"])
    bench.project({**files, "pyproject.toml": files["pyproject.toml"] + extra})
    environment = await bench.prepare()
    assert environment.lock == ("demo==1.0", "dep==1.0")
    assert any("left out" in note for note in environment.notes)


async def test_an_environment_that_cannot_be_built_shows_the_installers_last_lines(bench: Bench) -> None:
    bench.project(demo(["cannot-be-had"]))
    with pytest.raises(EnvironmentBuildError) as caught:
        await bench.prepare()
    assert "cannot-be-had" in caught.value.detail


async def test_credentials_of_an_index_are_not_shown(bench: Bench) -> None:
    bench.project(demo(["cannot-be-had"]))
    odd = "file://somebody:hunter2@localhost/simple"  # uv refuses it at once, and quotes it
    with pytest.raises(EnvironmentBuildError) as caught:
        await bench.prepare(install_env={"UV_EXTRA_INDEX_URL": odd})
    assert "localhost" in caught.value.detail
    assert "hunter2" not in caught.value.detail + str(caught.value)


async def test_the_time_for_building_is_bounded(bench: Bench) -> None:
    bench.project(demo(["cannot-be-had"]))
    with pytest.raises(EnvironmentBuildError, match="time"):
        await bench.prepare(timeout_s=0.0)


async def test_the_repositorys_own_environment_is_used(bench: Bench) -> None:
    bench.project(demo(["dep"]))
    bench.make_venv(bench.root / ".venv", "dep", "pytest")
    environment = await bench.prepare(needs_pytest=True)
    assert (environment.kind, environment.has_pytest) == ("repository", True)
    assert environment.lock == ("dep==1.0", "pytest==1.0")
    assert environment.python == f"{bench.root}/.venv/bin/python"
    assert environment.env["PYTHONPATH"] == f"{TREE_TOKEN}/src:{TREE_TOKEN}"
    said = await bench.evaluate(environment, "import demo, dep; print(demo.__file__, dep.VALUE)")
    assert said == f"{bench.root}/src/demo/__init__.py from wheel"


async def test_an_own_environment_that_lacks_something_is_passed_over_with_a_note(bench: Bench) -> None:
    bench.project(demo())
    bench.make_venv(bench.root / "env")
    make_wheel(bench.links, "pytest")
    environment = await bench.prepare(needs_pytest=True)
    assert (environment.kind, environment.has_pytest) == ("built", True)
    assert any("lacks pytest" in note for note in environment.notes)


async def test_a_hostile_environment_in_the_repository_runs_nothing_on_the_host(bench: Bench, tmp_path: Path) -> None:
    escaped = tmp_path / "escaped"
    bench.project(demo())
    hostile = bench.make_venv(bench.root / ".venv")
    program = hostile / "bin" / "python"
    program.unlink()
    program.write_text(f"#!/bin/sh\ntouch {escaped}\n")
    program.chmod(0o755)
    environment = await bench.prepare()
    assert environment.kind == "built"
    assert not escaped.exists()
    run_on_host(str(program))  # the control
    assert escaped.exists()


async def test_an_environment_in_the_repository_cannot_ask_for_secrets_to_be_shown(
    bench: Bench, tmp_path: Path
) -> None:
    secrets = write(tmp_path / "secrets", {"bin/python3": "key", "pyvenv.cfg": "home = /"})
    bench.project(demo())
    linked = bench.make_venv(bench.root / "linked")
    (linked / "bin" / "python").unlink()
    (linked / "bin" / "python").symlink_to(secrets / "bin" / "python3")
    (linked / "pyvenv.cfg").write_text(f"home = {secrets}/bin\n")
    (bench.root / "whole").symlink_to(secrets)
    environment = await bench.prepare()
    assert environment.kind == "built"
    assert not [mount for mount in environment.mounts if str(secrets) in mount.source]
    assert len(environment.notes) == 2


async def test_the_active_environment_is_used_when_it_holds_everything(bench: Bench, tmp_path: Path) -> None:
    bench.project(demo(["dep"]))
    active = bench.make_venv(tmp_path / "active", "dep")
    environment = await bench.prepare(active=str(active))
    assert (environment.kind, environment.python) == ("active", f"{active}/bin/python")
    assert await bench.evaluate(environment, "import demo, dep; print('ok')") == "ok"


async def test_the_active_environment_takes_the_place_of_one_that_cannot_be_built(bench: Bench, tmp_path: Path) -> None:
    bench.project({**demo(["dep"]), "requirements-test.txt": "dep>=2\n"})
    active = bench.make_venv(tmp_path / "active", "dep")
    (bench.links / "dep-1.0-py3-none-any.whl").unlink()
    environment = await bench.prepare(active=str(active))
    assert environment.kind == "active"
    assert any("No environment could be built" in note for note in environment.notes)


async def test_a_bare_interpreter_serves_where_nothing_is_declared(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.project({"app.py": ""})
    monkeypatch.setattr(installers_module.Uv, "create", lambda *_: ["/nowhere/uv"])
    environment = await bench.prepare()
    assert environment.kind == "interpreter"
    assert await bench.evaluate(environment, "import app; print('ok')") == "ok"


async def test_a_given_environment_is_used_as_it_is(bench: Bench, tmp_path: Path) -> None:
    bench.project(demo(["dep"]))
    given = bench.make_venv(tmp_path / "given")
    for name in (given, given / "bin" / "python"):
        environment = await bench.prepare(python=str(name))
        assert (environment.kind, environment.python) == ("given", f"{given}/bin/python")
        assert "lacks dep" in environment.notes[0]


async def test_a_given_environment_without_pytest_is_the_users_to_mend(bench: Bench, tmp_path: Path) -> None:
    bench.project(demo())
    given = bench.make_venv(tmp_path / "given")
    with pytest.raises(ConfigError, match="has no pytest"):
        await bench.prepare(python=str(given), needs_pytest=True)


async def test_a_given_version_that_lacks_something_builds_with_that_version(bench: Bench) -> None:
    bench.project(demo(["dep"]))
    make_wheel(bench.links, "dep")
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    environment = await bench.prepare(python=wanted)
    assert environment.kind == "built"
    assert environment.version[:2] == sys.version_info[:2]
    assert any("an environment was built with it" in note for note in environment.notes)


@pytest.mark.parametrize("given", ["/nowhere/python", "2.4", "no-such-python", "/etc/passwd", "/etc"])
async def test_a_given_interpreter_that_does_not_run_is_the_users_to_mend(bench: Bench, given: str) -> None:
    bench.project(demo())
    with pytest.raises(ConfigError, match="--python"):
        await bench.prepare(python=given)


async def test_no_fitting_interpreter_says_what_is_there(bench: Bench) -> None:
    files = demo()
    bench.project({**files, "pyproject.toml": files["pyproject.toml"] + 'requires-python = "<3"\n'})
    with pytest.raises(EnvironmentBuildError, match=r"needs Python <3; found: 3\."):
        await bench.prepare()


@pytest.mark.slow
async def test_pip_takes_the_place_of_uv(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(bench.links, "dep")
    bench.project(demo(["dep"]))

    async def no_uv(search_path: str) -> str | None:
        return None

    monkeypatch.setattr(installers_module, "uv_version", no_uv)
    environment = await bench.prepare(python=os.path.realpath(sys.executable))
    assert {"demo==1.0", "dep==1.0"} <= set(environment.lock)
    assert await bench.evaluate(environment, "import demo, dep; print(dep.VALUE)") == "from wheel"
