"""Tools: what they say, what they refuse and in which words, and that nobody has more of them than is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.tools.base import OUTPUT
from covey.agents.tools.limits import ALLOWANCES, Allowance
from covey.agents.tools.table import TOOLS, action_of, action_schema, use
from covey.core.errors import AgentFeedback
from covey.core.patch import Candidate
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.models.schema import schema_of, token_bound
from covey.testing.roles import ScriptedValidator
from support_roles import GREEN, RED, SHOP, ScriptedRunner, failed, passed, report_of
from support_tools import ask, edit, session_over

pytestmark = pytest.mark.requirement("C7")

MINUS, PLUS, TIMES = "        result -= value", "        result += value", "        result *= value"


# ------------------------------------------------------------------------------------------------- looking


async def test_lines_are_read_with_their_numbers_and_may_then_be_edited(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    said = await ask(session, "read_file", path="./shop//cart.py", first=2, last=3)
    assert said.text == "shop/cart.py, lines 2 to 3 of 5:\n2|    result = 0\n3|    for value in values:"
    assert [(file.path, file.spans()) for file in session.editable()] == [("shop/cart.py", ((2, 3),))]


async def test_at_most_eighty_lines_are_shown_at_a_time(tmp_path: Path) -> None:
    session = await session_over(tmp_path, {"long.py": "".join(f"a{number} = 1\n" for number in range(500))})
    said = await ask(session, "read_file", path="long.py", first=100, last=400)
    assert said.text.startswith("long.py, lines 100 to 179 of 500:\n100|a99 = 1\n")
    assert said.text.endswith("179|a178 = 1")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../shop/cart.py", "'..' is not allowed"),
        ("/etc/passwd", "relative to the root"),
        ("shop\\cart.py", "forward slashes"),
        ("sh\0op/cart.py", "control characters"),
        ("", "The path is empty"),
        (".git/config", "version control"),
        ("shop", "a folder; name a file in it"),
        ("passwords", "a symbolic link"),
        ("image.png", "is binary"),
        ("big.txt", "too large to read"),
        ("huge.bin", "too large to read"),
        ("shop/card.py", "the nearest is shop/cart.py"),
        ("lib/cart.py", "the nearest is shop/cart.py"),
        ("shop/cart.py/x", "There is no file"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_words_that_help(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "passwords").symlink_to("/etc/passwd")
    session = await session_over(
        tmp_path, {"image.png": b"\x89PNG\0", "big.txt": "x" * (2 << 20), "huge.bin": b"x" * (9 << 20)}
    )
    said = await ask(session, "read_file", path=path, first=1, last=5)
    assert not said.ok
    assert words in said.text


async def test_a_line_beyond_the_end_and_an_empty_file_are_no_trouble(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    beyond = await ask(session, "read_file", path="shop/cart.py", first=9, last=9)
    assert (beyond.ok, beyond.text) == (False, "shop/cart.py has 5 lines; ask for lines from 1 to 5.")
    assert (await ask(session, "read_file", path="shop/__init__.py", first=1, last=1)).text.endswith("is empty.")


async def test_what_a_tool_says_is_bounded_and_without_secrets_and_invisible_characters(tmp_path: Path) -> None:
    key = "AKIAIOSFODNN7EXAMPLE"
    lines = [f"password = '{key}'", "x = '\u202e'", *("y" * 300 for _ in range(70))]
    session = await session_over(tmp_path, {"odd.py": "\n".join(lines)})
    said = (await ask(session, "read_file", path="odd.py", first=1, last=80)).text
    assert key not in said
    assert "\u202e" not in said
    assert len(said) < OUTPUT + 100


async def test_a_file_is_outlined_and_a_folder_listed_with_what_it_defines(tmp_path: Path) -> None:
    code = "class Shop:\n    def open(self):\n        return 1\n\n\nasync def visit(shop):\n    return shop\n"
    session = await session_over(tmp_path, {"shop/front.py": code})
    outline = (await ask(session, "analyze_codebase", path="shop/front.py")).text
    assert "Shop" in outline
    assert "open" in outline
    assert "visit" in outline
    listed = (await ask(session, "analyze_codebase", path="")).text
    assert "shop/cart.py" in listed
    assert "total" in listed
    missing = await ask(session, "analyze_codebase", path="nowhere")
    assert not missing.ok


async def test_references_name_the_definition_and_the_uses(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    said = (await ask(session, "find_references", symbol="total")).text
    assert "shop/cart.py:1" in said
    assert "tests/test_cart.py:3" in said
    nothing = await ask(session, "find_references", symbol="no_such_name")
    assert not nothing.ok
    assert not (await ask(session, "find_references", symbol="1 +")).ok


async def test_a_text_is_found_as_it_is_written(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    assert (await ask(session, "search_text", text="result -= value")).text == "shop/cart.py:4: result -= value"
    for text in ("result += value", "result.*value", ""):
        assert not (await ask(session, "search_text", text=text)).ok
    session.bench.deadline.seconds = 0
    assert "no time" in (await ask(session, "search_text", text="result")).text


async def test_documentation_is_found_by_words(tmp_path: Path) -> None:
    text = "# Carts\n\nA cart adds the values up.\n\n# Other\n\nNothing of interest.\n"
    session = await session_over(tmp_path, {"docs/cart.md": text})
    said = (await ask(session, "search_docs", query="cart values")).text
    assert "docs/cart.md" in said
    assert "adds the values up" in said
    assert not (await ask(session, "search_docs", query="zebra")).ok
    assert not (await ask(session, "search_docs", query="?!")).ok


async def test_an_index_that_cannot_be_made_is_no_reason_to_end(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    session.bench.cache = tmp_path / "file" / "index"
    (tmp_path / "file").write_text("in the way")
    for tool, arguments in {"analyze_codebase": {"path": ""}, "find_references": {"symbol": "total"}}.items():
        said = await ask(session, tool, **arguments)
        assert not said.ok
        assert "cannot be used" in said.text
    session.bench.cache = None
    session.bench.deadline.seconds = 0
    assert "no time" in (await ask(session, "search_docs", query="cart")).text


async def test_what_one_run_indexed_another_finds_in_the_shared_cache(tmp_path: Path) -> None:
    for run in ("one", "two"):
        session = await session_over(tmp_path / run)
        session.bench.cache = tmp_path / "index"
        assert (await ask(session, "find_references", symbol="total")).ok
    assert [path.name for path in sorted((tmp_path / "index").iterdir())] == ["code.sqlite3"]


@pytest.mark.parametrize("held", ["tests/test_cart.py", "tests", "tests/test_cart.py::CartTest::test_total", RED])
async def test_what_only_the_verdict_may_see_is_nowhere(tmp_path: Path, held: str) -> None:
    session = await session_over(tmp_path, holdout=(held,))
    refused = await ask(session, "read_file", path="tests/test_cart.py", first=1, last=9)
    assert not refused.ok
    assert "only the final verdict" in refused.text
    assert "test_cart" not in (await ask(session, "analyze_codebase", path="")).text
    assert "test_cart" not in (await ask(session, "find_references", symbol="total")).text
    assert "test_cart" not in (await ask(session, "search_text", text="import")).text


async def test_a_test_that_was_written_for_this_run_can_be_read(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    session.bench.new_tests["tests/test_new.py"] = b"NEW = 1\n"
    assert "1|NEW = 1" in (await ask(session, "read_file", path="tests/test_new.py", first=1, last=1)).text


# ------------------------------------------------------------------------------------------------- editing


async def test_an_edit_is_tried_at_once_and_shown_with_new_numbers(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    said = await edit(session, MINUS, TIMES)
    assert said.ok
    assert said.text.startswith(f"The edit is made. Still red: {RED} AssertionError: with *.")
    assert f"4|{TIMES}" in said.text
    again = await edit(session, TIMES, PLUS)
    assert "The failing tests pass now" in again.text
    assert [verdict.standing for _, verdict in session.tried.values()] == [Standing.failed, Standing.plausible]


async def test_edits_add_up_and_the_candidate_is_always_written_against_the_base(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    await edit(session, "    result = 0", "    result = 0\n    count = 0")
    await edit(session, "    count = 0", "    count = 1")
    await edit(session, MINUS, PLUS)
    candidate = session.candidate
    assert candidate is not None
    assert session.content(candidate)["shop/cart.py"].decode() == (
        SHOP["shop/cart.py"].replace("= 0\n", "= 0\n    count = 1\n").replace("-=", "+=")
    )
    assert len(candidate.edits) == 2
    diff = (await ask(session, "git_diff")).text
    assert [line for line in diff.splitlines()[2:] if line[0] in "+-"] == ["+    count = 1", f"-{MINUS}", f"+{PLUS}"]


async def test_line_ends_and_encoding_of_a_file_are_kept(tmp_path: Path) -> None:
    source = "# -*- coding: latin-1 -*-\r\nword = 'caf\u00e9'\r\nother = 1\r\n"
    session = await session_over(tmp_path, {"shop/words.py": source.encode("latin-1")})
    await edit(session, "other = 1", "other = 'th\u00e9'", path="shop/words.py")
    candidate = session.candidate
    assert candidate is not None
    expected = source.replace("other = 1", "other = 'th\u00e9'").encode("latin-1")
    assert session.content(candidate)["shop/words.py"] == expected


async def test_what_is_not_python_any_more_is_not_made_and_not_even_tried(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    said = await edit(session, MINUS, "        result -= (value")
    assert not said.ok
    assert "no longer valid Python" in said.text
    assert (session.candidate, session.tried) == (None, {})


class Harm(ScriptedValidator):
    """Every candidate breaks what passed."""

    async def validate(self, candidates, plan):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG002
        for candidate in candidates:
            yield Verdict(candidate=candidate.id, standing=Standing.regressed, stopped_at=GREEN)


async def test_an_edit_that_does_harm_is_taken_back(tmp_path: Path) -> None:
    session = await session_over(tmp_path, validator=Harm())
    said = await edit(session, MINUS, TIMES)
    assert said.text == f"It breaks a test that passed: {GREEN}. The edit was taken back."
    assert session.candidate is None
    assert (await ask(session, "git_diff")).text == "Nothing has been changed so far."
    again = await edit(session, MINUS, TIMES)
    assert not again.ok
    assert "was tried before" in again.text


async def test_an_edit_that_changes_nothing_or_leads_back_is_refused(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    assert "changes nothing" in (await edit(session, MINUS, MINUS)).text
    await edit(session, MINUS, TIMES)
    assert "as they were at the start" in (await edit(session, TIMES, MINUS)).text


async def test_tests_configuration_and_what_was_not_looked_at_cannot_be_edited(tmp_path: Path) -> None:
    session = await session_over(tmp_path, {"setup.py": "x = 1\n", "data.json": "{}\n", "broken.py": "def (\n"})
    for path in ("tests/test_cart.py", "setup.py", "data.json", "broken.py"):
        said = await edit(session, "x = 1", "x = 2", path=path)
        assert not said.ok
        assert "No line that may be edited" in said.text
    await ask(session, "read_file", path="shop/cart.py", first=1, last=2)
    beyond = await ask(session, "apply_edit", edits=[{"path": "shop/cart.py", "search": MINUS, "replacement": PLUS}])
    assert "is not a line of shop/cart.py that may be edited" in beyond.text
    other = await ask(session, "apply_edit", edits=[{"file": 0, "first": 1, "last": 1, "lines": ["x"]}])
    assert "another form" in other.text


# ------------------------------------------------------------------------------------------------- tests


async def test_tests_run_over_the_candidate_and_count_against_the_budget(tmp_path: Path) -> None:
    runs = [report_of(failed(RED)), *(report_of(passed(GREEN)) for _ in range(9))]
    runner = ScriptedRunner(*runs)
    session = await session_over(tmp_path, runner=runner)
    await edit(session, MINUS, TIMES)
    said = await ask(session, "run_tests", which="failing")
    assert said.text == f"1 tests: 1 failed.\n{RED} failed:\nAssertionError:"
    layer = runner.trees[0].layer
    assert layer is not None
    assert TIMES in (Path(layer) / "shop/cart.py").read_text()
    for _ in range(5):
        assert (await ask(session, "run_tests", which="nearby")).text == "1 tests: 1 passed."
    assert runner.tests[1] == (GREEN,)
    spent = await ask(session, "run_tests", which="failing")
    assert (spent.ok, len(runner.tests)) == (False, 6)
    assert "All 6 runs of tests are used up" in spent.text


async def test_there_may_be_no_test_nearby(tmp_path: Path) -> None:
    session = await session_over(tmp_path, plan=ValidationPlan(targets=(RED,)))
    assert "There are no nearby tests" in (await ask(session, "run_tests", which="nearby")).text
    assert session.test_runs == 0


async def test_no_test_is_run_when_the_time_is_up(tmp_path: Path) -> None:
    session = await session_over(tmp_path, runner=ScriptedRunner())
    session.bench.deadline.seconds = 0
    assert "The time for tests is used up" in (await ask(session, "run_tests", which="failing")).text


# ------------------------------------------------------------------------------------------------- installing


@pytest.mark.parametrize(
    ("module", "requirement"),
    [("yaml", "PyYAML>=6"), ("requests.adapters", "requests"), ("hypo", "hypo"), ("cv2", "opencv-python-headless")],
)
async def test_declared_and_well_known_dependencies_are_proposed(tmp_path: Path, module: str, requirement: str) -> None:
    project = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["PyYAML>=6", "requests"]\n'
    session = await session_over(tmp_path, {"pyproject.toml": project, "requirements-test.txt": "hypo\n"})
    said = await ask(session, "install", module=module)
    assert said.ok, said.text
    assert session.proposals == {module: requirement}


@pytest.mark.parametrize("module", ["reqeusts", "evil; rm -rf", "https://example.org/x.whl", "--index-url", "", "a b"])
async def test_nothing_else_is_proposed(tmp_path: Path, module: str) -> None:
    session = await session_over(tmp_path)
    said = await ask(session, "install", module=module)
    assert not said.ok
    assert session.proposals == {}


async def test_what_is_installed_is_not_proposed(tmp_path: Path) -> None:
    session = await session_over(tmp_path)
    assert session.bench.prepared is not None
    environment = session.bench.prepared.environment.model_copy(update={"lock": ("pyyaml==6.0",)})
    session.bench.prepared = session.bench.prepared.model_copy(update={"environment": environment})
    assert "installed already" in (await ask(session, "install", module="yaml")).text


# ------------------------------------------------------------------------------------------------- the table


def test_what_roles_may_do_is_a_table_that_cannot_be_changed() -> None:
    for allowance in ALLOWANCES.values():
        assert set(allowance.tools) <= set(TOOLS)
        assert ("run_tests" in allowance.tools) == bool(allowance.test_runs)
    assert "apply_edit" not in {*ALLOWANCES["reviewer"].tools, *ALLOWANCES["localiser"].tools}
    with pytest.raises(TypeError):
        ALLOWANCES["reviewer"] = Allowance(tools=tuple(TOOLS), turns=99)  # type: ignore[index]


async def test_a_tool_that_is_not_in_a_roles_list_is_refused(tmp_path: Path) -> None:
    session = await session_over(tmp_path, role="reviewer")
    assert (await ask(session, "read_file", path="shop/cart.py", first=1, last=1)).ok
    for tool, arguments in {"run_tests": {"which": "failing"}, "install": {"module": "yaml"}}.items():
        said = await ask(session, tool, **arguments)
        assert not said.ok
        assert f"{tool} is not a tool of the reviewer; use read_file" in said.text
    assert session.editable()
    edited = await ask(session, "apply_edit", edits=[{"path": "shop/cart.py", "search": MINUS, "replacement": PLUS}])
    assert (edited.ok, session.candidate) == (False, None)
    nobody = await session_over(tmp_path / "other", role="stranger")
    assert not (await ask(nobody, "git_diff")).ok


async def test_a_role_has_so_many_turns_and_none_more(tmp_path: Path) -> None:
    session = await session_over(tmp_path, role="documenter")
    assert (await ask(session, "git_diff")).ok
    said = await ask(session, "git_diff")
    assert (said.ok, said.text) == (False, "All 1 turns of the documenter are used up; stop.")


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_tool_has_bounded_arguments_that_name_it(name: str) -> None:
    arguments = TOOLS[name].arguments
    assert next(iter(arguments.model_fields)) == "tool"
    schema = schema_of(arguments)
    assert token_bound(schema) > 0
    assert TOOLS[name].about.startswith(f"{name}(")


def test_an_answer_can_only_use_the_tools_of_the_role() -> None:
    answer = action_of(ALLOWANCES["reviewer"].tools)
    answer.model_validate({"thought": "", "action": {"tool": "git_diff"}})
    with pytest.raises(ValueError, match="does not match any of the expected tags"):
        answer.model_validate({"thought": "", "action": {"tool": "run_tests", "which": "failing"}})
    shape = str(action_schema(ALLOWANCES["reviewer"].tools, None))
    assert "git_diff" in shape
    assert "run_tests" not in shape


def test_without_a_line_to_edit_the_schema_offers_no_edit() -> None:
    assert "apply_edit" not in str(action_schema(ALLOWANCES["soloist"].tools, None))
    assert action_schema((), None)["properties"] == schema_of(action_of(()))["properties"]


async def test_only_trouble_that_a_model_can_mend_becomes_an_answer(tmp_path: Path) -> None:
    session = await session_over(tmp_path, runner=ScriptedRunner())
    action = TOOLS["run_tests"].arguments.model_validate({"tool": "run_tests", "which": "failing"})
    with pytest.raises(AssertionError, match="nobody expected"):
        await use(session, action, 1)


async def test_a_candidate_of_a_file_that_cannot_hold_the_text_is_feedback(tmp_path: Path) -> None:
    session = await session_over(tmp_path, {"shop/ascii.py": "# coding: ascii\nx = 1\n"})
    said = await edit(session, "x = 1", "x = '\u00e9'", path="shop/ascii.py")
    assert not said.ok
    assert "cannot be written in encoding" in said.text
    assert isinstance(session.candidate, Candidate | None)
    with pytest.raises(AgentFeedback):
        session.view.read("..")
