"""Ten thousand paths that a model might write: none leads out, none raises anything but feedback."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback
from covey.repair.sources import parse_tolerant
from covey.workspace.edits import changes_of
from support_tools import ask, session_over

EXAMPLES, PATHS = 100, 100
UNREADABLE = ("big.txt", "image.png")
OUTSIDE = "what only lies outside"
_PARTS = st.sampled_from(
    [
        "shop", "cart.py", "tests", "..", ".", "", "/", "//", "~", "out", "outfolder", "secret.txt", "held",
        "held/x.py", ".git", ".GIT", ".g\u200cit", "config", "image.png", "big.txt", "etc", "passwd", "/etc/passwd",
        "dev", "/dev/zero", "proc", "self", "environ", "\0", "\n", "\\", "..\\..", "C:", "%2e%2e", "a" * 300, "\ud800",
        "\u202e", "loop", "cart.py/..", "shop/../..", "file:///etc/passwd",
    ]
)  # fmt: skip
_PATHS = st.lists(_PARTS, max_size=6).map("/".join) | st.text(max_size=30) | st.binary(max_size=30).map(
    lambda raw: raw.decode("utf-8", "surrogateescape")
)  # fmt: skip


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("paths")
    outside = folder / "secret.txt"
    outside.write_text(OUTSIDE)
    repository = folder / "repository"
    repository.mkdir()
    (repository / "out").symlink_to(outside)
    (repository / "outfolder").symlink_to(folder)
    (repository / "loop").symlink_to("loop")
    files: dict[str, str | bytes] = {
        "held/x.py": OUTSIDE, "image.png": b"\0\1", "big.txt": "x" * (2 << 20), "caf\u00e9.py": "x = 1\n",
    }  # fmt: skip
    return asyncio.run(session_over(folder, files, holdout=("held",)))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_PATHS, min_size=PATHS, max_size=PATHS))
def test_no_path_leads_out_and_none_raises_anything_but_feedback(session: Session, paths: list[str]) -> None:
    known = {path for path in session.bench.sources if not path.startswith("held")}
    for path in paths:
        try:
            name, data = session.view.read(path)
        except AgentFeedback:
            assert path not in known or path in UNREADABLE
        else:
            assert name in known
            assert data == session.bench.sources[name]
            assert OUTSIDE.encode() not in data
        with suppress(AgentFeedback):
            assert set(session.view.below(path)[1]) <= known


async def test_paths_that_are_right_are_read(session: Session) -> None:
    """The property is not kept by refusing everything."""
    for path in ("shop/cart.py", "./shop/cart.py", "shop//cart.py", "caf\u00e9.py"):
        assert session.view.read(path)[1]
    assert (await ask(session, "read_file", path="shop/cart.py", first=1, last=2)).ok


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(_PATHS.map(lambda path: path[:100].encode("utf-8", "replace").decode()))
def test_every_tool_answers_whatever_it_is_given(session: Session, text: str) -> None:
    session.turns = 0

    async def all_of_them() -> list[str]:
        return [
            (await ask(session, "read_file", path=text, first=1, last=3)).text,
            (await ask(session, "analyze_codebase", path=text)).text,
            (await ask(session, "find_references", symbol=text)).text,
            (await ask(session, "search_docs", query=text)).text,
            (await ask(session, "install", module=text)).text,
        ]

    for said in asyncio.run(all_of_them()):
        assert said
        assert OUTSIDE not in said


_LINES = st.sampled_from(
    [
        "        result += value", "    return result", "import os", "", "x" * 200, "\u202e", "def (", "a\nb", "\0",
        "\r\n",
    ]
)  # fmt: skip
_PLACES = st.sampled_from(
    [
        "def total(values):", "    result = 0", "    for value in values:", "        result -= value",
        "    return result", "?",
    ]
)  # fmt: skip
_EDITS = st.fixed_dictionaries(
    {"path": st.sampled_from(["shop/cart.py", "tests/test_cart.py", "../x"]), "search": _PLACES, "replacement": _LINES}
)
_ACTIONS = st.one_of(
    st.fixed_dictionaries({"tool": st.just("apply_edit"), "edits": st.lists(_EDITS, min_size=1, max_size=3)}),
    st.fixed_dictionaries(
        {
            "tool": st.just("read_file"),
            "path": st.sampled_from(["shop/cart.py", "tests/test_cart.py", "out"]),
            "first": st.integers(1, 9),
            "last": st.integers(1, 9),
        }
    ),
    st.just({"tool": "git_diff"}),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_ACTIONS, max_size=12))
def test_whatever_is_done_in_whatever_order_the_candidate_applies_and_touches_no_test(
    session: Session, actions: list[dict[str, Any]]
) -> None:
    fresh = Session(session.bench, "soloist", session.plan)

    async def act() -> None:
        for action in actions:
            arguments = {name: value for name, value in action.items() if name != "tool"}
            assert (await ask(fresh, action["tool"], **arguments)).text

    asyncio.run(act())
    base = session.bench.sources
    for candidate, _ in fresh.tried.values():
        changed = changes_of(base, candidate.edits)
        assert set(changed) == {"shop/cart.py"}
        assert parse_tolerant(changed["shop/cart.py"].decode()) is not None
    assert fresh.view.changes == (changes_of(base, fresh.candidate.edits) if fresh.candidate else {})
