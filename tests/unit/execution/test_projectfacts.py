"""What project files say, odd ones included."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from covey.execution.boundedfiles import MAX_BYTES, read_bytes, read_text
from covey.execution.declared import expand_self, poetry_version
from covey.execution.projectfacts import ProjectFacts, environment_facts, source_folders


def facts(base: Path, files: dict[str, str]) -> ProjectFacts:
    for name, text in files.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return environment_facts(base)


def test_a_modern_pyproject_says_everything(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        {
            "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "Demo.Project"
requires-python = ">=3.9"
dependencies = ["click>=8", "tomli; python_version < '3.11'"]
classifiers = ["Programming Language :: Python :: 3.9", "Programming Language :: Python :: 3.12"]
[project.optional-dependencies]
Test = ["hypothesis"]
async = ["asgiref"]
docs = ["sphinx"]
[dependency-groups]
tests = ["pytest-mock", {include-group = "base"}]
base = ["six", {include-group = "tests"}]
dev = ["ruff"]
[tool.pytest.ini_options]
addopts = "--cov=demo -n auto"
asyncio_mode = "auto"
"""
        },
    )
    assert found.name == "Demo.Project"
    assert found.dependencies == ("click>=8", "tomli; python_version < '3.11'")
    assert set(found.test_dependencies) == {"hypothesis", "pytest-mock", "six"}
    assert found.plugins == ("pytest-cov", "pytest-asyncio", "pytest-xdist")
    assert found.build_requires == ("hatchling",)
    assert found.installable
    assert not found.dynamic
    assert found.tested == ((3, 9), (3, 12))
    assert "3.8.1" not in found.python_range
    assert found.notes == ()


def test_extras_that_name_the_project_itself_are_followed(tmp_path: Path) -> None:
    text = '[project]\nname="demo"\n[project.optional-dependencies]\ntest=["demo[a]", "x"]\n'
    text += 'a=["demo[a,b]", "y"]\nb=["z"]\n'
    assert set(facts(tmp_path, {"pyproject.toml": text}).test_dependencies) == {"x", "y", "z"}
    assert expand_self("", ["demo[a]"], {}) == ("demo[a]",)


def test_poetry_tables_are_translated_as_far_as_that_is_honest(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        {
            "pyproject.toml": """
[tool.poetry]
name = "demo"
[tool.poetry.dependencies]
python = "^3.8"
click = "^8.1"
rich = {version = "~13.2", extras = ["jupyter"], python = "<3.12"}
maybe = {version = "*", optional = true}
local = {path = "../local"}
either = "^1 || ^2"
[tool.poetry.group.test.dependencies]
pytest = ">=7,<9"
[tool.poetry.group.docs.dependencies]
sphinx = "*"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
        },
    )
    assert found.dependencies == ("click>=8.1,<9", "rich[jupyter]>=13.2,<13.3 ; python_version < '3.12'")
    assert found.test_dependencies == ("pytest>=7,<9",)
    assert found.requires_python == ">=3.8,<4"
    assert {note.split()[1] for note in found.notes} == {"local", "either"}


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("1.2.*", "==1.2.*"),
        ("1.2", "==1.2"),
        ("*", ""),
        (">=1 <2", ">=1,<2"),
        (">= 1.0, != 1.5", ">=1.0,!=1.5"),
        ("1 || 2", None),
        ("nonsense here", None),
    ],
)
def test_constraints_of_poetry(constraint: str, expected: str | None) -> None:
    assert poetry_version(constraint) == expected


@given(st.text(alphabet="^~=<>!*.,| 0123456789abx", max_size=12))
@settings(max_examples=300)
def test_a_constraint_of_poetry_is_a_valid_specifier_or_nothing(text: str) -> None:
    translated = poetry_version(text)
    if translated is not None:
        SpecifierSet(translated)


def test_setup_py_is_read_and_never_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    text = f"""
from setuptools import setup
open({str(marker)!r}, "w")
BASE = ["six"]
setup(name="demo", install_requires=BASE + ["attrs>=20"], python_requires=">=3.6",
      extras_require={{"test": ["mock"], ":python_version<'3'": ["old"]}}, tests_require=["nose"],
      classifiers=["Programming Language :: Python :: 3.8"])
"""
    found = facts(tmp_path, {"setup.py": text})
    assert not marker.exists()
    assert (found.name, found.dependencies) == ("demo", ("six", "attrs>=20"))
    assert set(found.test_dependencies) == {"mock", "nose"}
    assert (found.tested, found.requires_python) == (((3, 8),), ">=3.6")
    assert found.installable
    assert not found.dynamic


@pytest.mark.parametrize(
    "text",
    [
        "setup(name='d', install_requires=open('r.txt').read().split())",
        "setup(**arguments)",
        "R = ['a']\nR.append('b')\nsetup(install_requires=R)",
        "R = ['a']\nif x:\n    R = ['b']\nsetup(install_requires=R)",
        "R = ['a']\nR += ['b']\nsetup(install_requires=R)",
        "setup(install_requires=setup_requires)\nsetup_requires = setup_requires",
        "print 'python 2'",
    ],
)
def test_a_computed_setup_py_is_known_to_be_unknown(tmp_path: Path, text: str) -> None:
    found = facts(tmp_path, {"setup.py": text})
    assert found.dynamic
    assert found.dependencies == ()


def test_setup_cfg_is_read_with_the_files_it_names(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        {
            "setup.py": "from setuptools import setup\nsetup()\n",
            "setup.cfg": "[metadata]\nname = demo\n[options]\ninstall_requires =\n  six\n  attrs>=20\n"
            "python_requires = >=3.7\n[options.extras_require]\ntest = file: reqs.txt\n",
            "reqs.txt": "mock # why\n",
        },
    )
    assert (found.name, found.dependencies, found.test_dependencies) == ("demo", ("six", "attrs>=20"), ("mock",))
    assert not found.dynamic


def test_requirements_files_follow_each_other_inside_the_tree_only(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (tmp_path / "outside.txt").write_text("secret-package\n")
    found = facts(
        base,
        {
            "requirements.txt": "six==1.16 --hash=sha256:00 \\\n  --hash=sha256:11\n-r requirements/more.txt\n"
            "-r ../outside.txt\n-c limits.txt\n--index-url https://evil.example/simple\n-e .[x]\nbroken==\n"
            "git+https://example.org/r.git#egg=fromgit\n-e git+https://example.org/e.git\n./local\nlink @ file:///etc\n",
            "requirements/more.txt": "attrs  # a comment\n-r ../requirements.txt\n",
            "limits.txt": "click<9\n",
            "requirements-dev.txt": "ruff\n",
            "requirements-test.txt": "mock\n",
        },
    )
    assert found.dependencies == ("six==1.16", "fromgit @ git+https://example.org/r.git", "attrs")
    assert found.constraints == ("click<9",)
    assert found.test_dependencies == ("mock",)
    assert not any("secret" in item for item in (*found.dependencies, *found.notes))
    assert any("--index-url" in note for note in found.notes)
    assert any("../outside.txt" in note for note in found.notes)


def test_tox_is_the_last_resort(tmp_path: Path) -> None:
    files = {
        "setup.py": "setup(name='d', install_requires=[])",
        "tox.ini": "[tox]\nenvlist = py{36,37}, py38, py3{9,10}, lint\n[testenv]\ndeps =\n  mock\n  py36: old\n"
        "  -r{toxinidir}/reqs.txt\n  {[other]deps}\nextras = x\n",
        "reqs.txt": "six\n",
    }
    found = facts(tmp_path, files)
    assert found.test_dependencies == ("mock", "six")
    assert found.tested == ((3, 6), (3, 7), (3, 8), (3, 9), (3, 10))
    (tmp_path / "requirements-test.txt").write_text("hypothesis\n")
    assert environment_facts(tmp_path).test_dependencies == ("hypothesis",)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".python-version": "3.9.18\n"}, (3, 9)),
        ({".python-version": "pypy3.9\n"}, None),
        ({"runtime.txt": "python-3.8.2"}, (3, 8)),
        ({}, None),
    ],
)
def test_the_pinned_version_of_python(tmp_path: Path, files: dict[str, str], expected: tuple[int, int] | None) -> None:
    assert facts(tmp_path, files).pinned == expected


def test_other_tools_tables_are_read(tmp_path: Path) -> None:
    text = """
[project]
name = "demo"
dependencies = []
[tool.pdm.dev-dependencies]
test = ["a"]
[tool.hatch.envs.default]
dependencies = ["b"]
[tool.uv]
dev-dependencies = ["c"]
"""
    assert set(facts(tmp_path, {"pyproject.toml": text}).test_dependencies) == {"a", "b"}
    pipfile = '[packages]\nsix = "*"\n[dev-packages]\nmock = "==5"\n[requires]\npython_version = "3.9"\n'
    (tmp_path / "pyproject.toml").unlink()
    found = facts(tmp_path, {"Pipfile": pipfile})
    assert (found.dependencies, found.test_dependencies, found.requires_python) == (("six",), ("mock==5",), "==3.9.*")


@pytest.mark.parametrize(
    "text",
    [
        "[project\nname=",
        "project = 3\ntool = []\nbuild-system = 'x'\n",
        "[project]\nname = 3\ndependencies = 'six'\nclassifiers = 'x'\ndynamic = 1\noptional-dependencies = 1\n",
        "[project]\ndependencies = [1, {}, '', 'not a requirement !!']\nrequires-python = 'soon'\n",
        "[dependency-groups]\ntest = 'x'\ndev = [{include-group = 'dev'}, {include-group = 'none'}, 3]\n",
        "[tool]\npoetry = 'x'\npdm = 1\n[tool.hatch.envs]\nx = 1\n",
        "[tool.poetry.dependencies]\na = 3\nb = {git = 'x'}\nc = [{version = '2', python = 'x||y'}]\n",
        "[build-system]\nrequires = 'x'\nbuild-backend = 3\n",
        "\ufeff[project]\nname = 'bom'\n",
    ],
)
def test_an_odd_pyproject_gives_notes_at_most(tmp_path: Path, text: str) -> None:
    found = facts(tmp_path, {"pyproject.toml": text})
    assert found.dependencies == ()
    assert found.python_range is not None


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_no_content_of_project_files_is_an_error(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for name in ("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "requirements.txt", "Pipfile"):
            (base / name).write_bytes(data)
        environment_facts(base)


def test_broken_files_are_named(tmp_path: Path) -> None:
    found = facts(tmp_path, {"pyproject.toml": "[x", "tox.ini": "no section\n", "setup.cfg": "[a\n=", "Pipfile": "["})
    for name in ("pyproject.toml", "tox.ini", "setup.cfg", "Pipfile"):
        assert any(note.startswith(name) for note in found.notes)


def test_files_are_read_up_to_a_bound_and_never_outside_the_tree(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (tmp_path / "outside").write_text("secret")
    (base / "link").symlink_to(tmp_path / "outside")
    (base / "loop").symlink_to("loop")
    (base / "folder").mkdir()
    os.mkfifo(base / "pipe")
    with (base / "huge").open("wb") as file:
        file.truncate(5 * MAX_BYTES)
    for name in ("link", "loop", "folder", "pipe", "absent", "../outside", "a\0b"):
        assert read_bytes(base, name) is None
    assert len(read_bytes(base, "huge") or b"") == MAX_BYTES
    (base / "latin").write_bytes(b"caf\xe9")
    assert read_text(base, "latin") == "caf\ufffd"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["src/demo/__init__.py"], ("src", "")),
        (["src/module.py"], ("src", "")),
        (["lib/demo/core.py"], ("lib", "")),
        (["src/__init__.py", "src/a.py"], ("",)),
        (["demo/__init__.py", "src/readme.md"], ("",)),
    ],
)
def test_where_sources_lie(tmp_path: Path, files: list[str], expected: tuple[str, ...]) -> None:
    facts(tmp_path, dict.fromkeys(files, ""))
    assert source_folders(tmp_path) == expected


def test_the_fingerprint_changes_with_what_decides_and_with_nothing_else(tmp_path: Path) -> None:
    first = facts(tmp_path, {"setup.py": "setup()", "a.py": "1"}).fingerprint
    assert facts(tmp_path, {"a.py": "2", "README": "x"}).fingerprint == first
    assert facts(tmp_path, {"setup.py": "setup( )"}).fingerprint != first
