"""Attacks by what a model writes and by what a repository holds. Each works without the tools; none may with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.tools.install import KNOWN
from covey.models.edits import edit_grammar
from support_roles import ScriptedRunner, passed, report_of
from support_tools import HOSTED, ask, edit, session_over

SECRET = "the owner's secret"
MINUS, PLUS = "        result -= value", "        result += value"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "secret.txt"
    path.parent.mkdir()
    path.write_text(SECRET)
    return path


async def test_a_link_in_the_repository_leads_nowhere(tmp_path: Path, secret: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "notes.txt").symlink_to(secret)
    (repository / "folder").symlink_to(secret.parent)
    session = await session_over(tmp_path)
    base = Path(session.bench.ground.snapshot.base)
    assert (base / "notes.txt").read_text() == SECRET  # whoever follows it gets there
    for path in ("notes.txt", "folder/secret.txt", "folder"):
        said = await ask(session, "read_file", path=path, first=1, last=9)
        assert not said.ok
        assert SECRET not in said.text
    assert SECRET not in (await ask(session, "search_docs", query="owner secret")).text
    assert "secret.txt" not in (await ask(session, "analyze_codebase", path="")).text


async def test_dots_and_absolute_paths_lead_nowhere(tmp_path: Path, secret: Path) -> None:
    session = await session_over(tmp_path)
    base = Path(session.bench.ground.snapshot.base)
    dots = "../../../home/secret.txt"
    assert (base / dots).resolve() == secret.resolve()
    for path in (dots, f"shop/../{dots}", str(secret), f"//{secret}", f"shop/{dots}", "/proc/self/environ"):
        read = await ask(session, "read_file", path=path, first=1, last=9)
        listed = await ask(session, "analyze_codebase", path=path)
        assert (read.ok, listed.ok) == (False, False)
        assert SECRET not in read.text + listed.text


@pytest.mark.parametrize("swap", ["file", "folder"])
async def test_a_file_that_becomes_a_link_after_the_snapshot_is_not_followed(
    tmp_path: Path, secret: Path, swap: str
) -> None:
    session = await session_over(tmp_path, {"data/notes.txt": "words\n"})
    base = Path(session.bench.ground.snapshot.base)
    path = base / "data" / "notes.txt"
    if swap == "file":
        path.unlink()
        path.symlink_to(secret)
    else:
        path.rename(base / "elsewhere.txt")
        (base / "data").rmdir()
        secret.rename(secret.with_name("notes.txt"))
        (base / "data").symlink_to(secret.parent)
    assert path.read_text() == SECRET
    said = await ask(session, "read_file", path="data/notes.txt", first=1, last=9)
    assert not said.ok
    assert SECRET not in said.text


async def test_edits_live_in_memory_and_in_layers_only(tmp_path: Path) -> None:
    runner = ScriptedRunner(report_of(passed("t")))
    session = await session_over(tmp_path, runner=runner)
    owned = tmp_path / "repository" / "shop" / "cart.py"
    base = Path(session.bench.ground.snapshot.base) / "shop" / "cart.py"
    before = owned.read_bytes()
    assert (await edit(session, MINUS, PLUS)).ok
    await ask(session, "run_tests", which="failing")
    assert owned.read_bytes() == base.read_bytes() == before
    assert PLUS in (await ask(session, "git_diff")).text


async def test_no_test_and_no_configuration_is_in_the_schema_of_edits(tmp_path: Path) -> None:
    files = {"conftest.py": "x = 1\n", "pytest.ini": "[pytest]\n", ".github/run.py": "x = 1\n", "setup.py": "x = 1\n"}
    session = await session_over(tmp_path, files)
    for path in (*files, "tests/test_cart.py", "shop/cart.py"):
        assert (await ask(session, "read_file", path=path, first=1, last=9)).ok
    editable = session.editable()
    assert [file.path for file in editable] == ["shop/cart.py"]
    shape = str(edit_grammar(editable, HOSTED).schema)
    assert not any(path in shape for path in (*files, "tests/test_cart.py"))


@pytest.mark.parametrize(
    "module",
    ["requets", "python-dateutil2", "pip", "os; import evil", "git+https://example.org/x", "-r /etc/passwd", "x==1"],
)
async def test_no_invented_or_misspelt_dependency_is_ever_proposed(tmp_path: Path, module: str) -> None:
    session = await session_over(tmp_path, {"requirements.txt": "requests>=2\n"})
    assert not (await ask(session, "install", module=module)).ok
    assert session.proposals == {}
    assert (await ask(session, "install", module="requests")).ok


async def test_a_repository_cannot_declare_where_a_dependency_comes_from(tmp_path: Path) -> None:
    lines = "evil @ https://example.org/evil.whl\n--index-url https://example.org/simple\nother>=1\n"
    session = await session_over(tmp_path, {"requirements.txt": lines})
    assert not (await ask(session, "install", module="evil")).ok
    assert (await ask(session, "install", module="other")).ok
    assert session.proposals == {"other": "other>=1"}


def test_known_modules_belong_to_plain_distribution_names() -> None:
    assert all(name.replace("-", "").isalnum() for name in KNOWN.values())


async def test_hidden_characters_of_a_file_are_shown_as_what_they_are(tmp_path: Path) -> None:
    sneaky = "# \u202e}def evil\u2066\nx = 1  # \u200b\x1b[2J\n"
    session = await session_over(tmp_path, {"shop/sneaky.py": sneaky})
    read = await ask(session, "read_file", path="shop/sneaky.py", first=1, last=9)
    found = await ask(session, "find_references", symbol="evil")
    assert not set(read.text + found.text) & set("\u202e\u2066\u200b\x1b")
