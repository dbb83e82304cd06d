"""How much each role may do with tools. Data: what is not listed here is not allowed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import Field

from covey.core.canonical import Frozen

_LOOK = ("read_file", "analyze_codebase", "search_docs", "search_text", "find_references")


class Allowance(Frozen):
    """The tools of a role, how many actions it may take, and how many runs of tests may be among them."""

    tools: tuple[str, ...]
    turns: int = Field(ge=0)
    test_runs: int = Field(0, ge=0)


ALLOWANCES: Mapping[str, Allowance] = MappingProxyType(
    {
        "requirements": Allowance(tools=("analyze_codebase", "search_docs"), turns=3),
        "planner": Allowance(tools=_LOOK, turns=4),
        "localiser": Allowance(tools=_LOOK, turns=6),
        "reproducer": Allowance(tools=(*_LOOK, "run_tests"), turns=6, test_runs=2),
        "coder": Allowance(tools=(*_LOOK, "apply_edit"), turns=8),
        "debugger": Allowance(tools=(*_LOOK, "git_diff", "run_tests", "apply_edit"), turns=8, test_runs=4),
        "reviewer": Allowance(tools=("read_file", "find_references", "git_diff"), turns=4),
        "installer": Allowance(tools=("install",), turns=2),
        "documenter": Allowance(tools=("git_diff",), turns=1),
        "soloist": Allowance(tools=(*_LOOK, "git_diff", "run_tests", "apply_edit", "install"), turns=16, test_runs=6),
    }
)
"""By role. A role that is not here may use no tool."""

NOTHING = Allowance(tools=(), turns=0)
