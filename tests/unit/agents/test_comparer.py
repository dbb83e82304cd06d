"""Patches by what they do to the same inputs: clusters, the plainest difference, and when nothing is compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covey.agents.comparer import Comparer, compare
from covey.agents.slots import CompareRequest, Comparison
from covey.core.budget import Deadline
from covey.core.errors import SandboxError
from covey.core.patch import Candidate, Patch
from covey.core.repair import ProbeInput, ProbeOutcome, ProbeReport, ValidationPlan
from covey.testing.roles import ScriptedValidator
from support_roles import make_bench, plain_candidate

INPUTS = (
    ProbeInput(path="a.py", call="f(1000)", recorded=True),
    ProbeInput(path="a.py", call="f(2)"),
    ProbeInput(path="a.py", call="f(33)"),
)


def patch(name: str) -> Patch:
    return Patch(id=f"patch-{name}", base="b", diff=name, files=("a.py",), candidate=plain_candidate(name))


def returns(*values: object) -> tuple[ProbeOutcome, ...]:
    return tuple(ProbeOutcome(kind="returned", digest=str(value), text=f"returns {value}") for value in values)


def raises(name: str) -> ProbeOutcome:
    return ProbeOutcome(kind="raised", digest=name, text=f"raises {name}")


def of(base: Sequence[ProbeOutcome | None], **found: Sequence[ProbeOutcome]) -> Comparison:
    outcomes = {name: tuple(one) for name, one in found.items()}
    report = ProbeReport(inputs=INPUTS[: len(base)], base=tuple(base), outcomes=outcomes)
    return compare([patch(name) for name in found], report)


def test_patches_that_do_the_same_to_every_input_are_one_cluster_in_the_order_of_the_ranking() -> None:
    compared = of(returns(0, 0, 0), x=returns(1, 2, 3), y=returns(1, 2, 4), z=returns(1, 2, 3))
    assert [cluster.patches for cluster in compared.clusters] == [("patch-x", "patch-z"), ("patch-y",)]
    assert [cluster.changed for cluster in compared.clusters] == [3, 3]
    assert compared.inputs == 3


def test_an_input_on_which_the_base_is_unknown_or_the_same_shows_no_change() -> None:
    compared = of((*returns(1), None, *returns(0)), x=returns(1, 2, 3))
    assert compared.clusters[0].changed == 1


def test_a_difference_can_be_read_from_both_sides_and_for_every_member_of_a_cluster() -> None:
    compared = of(returns(0, 0, 0), x=returns(1, 2, 3), y=returns(1, 2, 4), z=returns(1, 2, 4))
    found = compared.between("patch-z", "patch-x")
    assert found is not None
    assert (found.patch, found.other, found.call) == ("patch-z", "patch-x", "f(33)")
    assert (found.outcome, found.other_outcome) == ("returns 4", "returns 3")
    assert compared.between("patch-y", "patch-z") is None
    assert compared.between("patch-x", "unknown") is None


def test_the_plainest_difference_is_shown() -> None:
    both = of(returns(0, 0, 0), x=[raises("E"), *returns(2, 3)], y=returns(1, 2, 4))
    assert both.differences[0].call == "f(33)"  # both return, though a test makes the other call
    recorded = of(returns(0, 0, 0), x=returns(1, 2, 3), y=returns(9, 9, 9))
    assert recorded.differences[0].call == "f(1000)"
    short = of(returns(0, 0, 0), x=returns(1, 2, 3), y=returns(1, 9, 9))
    assert short.differences[0].call == "f(2)"


def test_inputs_that_say_nothing_are_not_counted() -> None:
    opaque = ProbeOutcome(kind="opaque", digest="o", text="returns <lambda>")
    compared = of(returns(0, 0, 0), x=[raises("E"), opaque, *returns(1)], y=[raises("E"), opaque, *returns(1)])
    assert (compared.inputs, len(compared.clusters)) == (1, 1)


def test_a_patch_that_could_not_be_probed_is_in_no_cluster_and_is_named() -> None:
    report = ProbeReport(
        inputs=INPUTS[:1], base=returns(0), outcomes={"x": returns(1)}, unprobed={"y": "a signature changes"}
    )
    compared = compare([patch("x"), patch("y")], report)
    assert [cluster.patches for cluster in compared.clusters] == [("patch-x",)]
    assert compared.notes == ("Patch patch-y could not be probed: a signature changes.",)


def test_without_inputs_nothing_is_said_to_be_equal() -> None:
    assert of((), x=(), y=()) == Comparison()


class Keeping(ScriptedValidator):
    """Remembers which tests a probe may run, and for how long."""

    asked: tuple[tuple[str, ...], float] = ((), 0.0)

    async def probe(self, candidates: Sequence[Candidate], tests: Sequence[str], **how: Any) -> ProbeReport:
        self.asked = (tuple(tests), how["timeout_s"])
        return await super().probe(candidates, tests, **how)


REQUEST = CompareRequest(
    patches=(patch("x"), patch("y")),
    plan=ValidationPlan(
        targets=("red",), regressions=("near", "far"), covering={"shop/cart.py": ("near",), "other.py": ("far",)}
    ),
)


async def test_the_targets_and_the_tests_that_run_the_edited_files_are_recorded(tmp_path: Path) -> None:
    validator = Keeping(probes=ProbeReport(inputs=INPUTS[:1], base=returns(0), outcomes={"x": returns(1)}))
    tools = await make_bench(tmp_path, validator=validator)
    compared = await Comparer().run(REQUEST, tools)
    assert (validator.probed, validator.asked) == ([("x", "y")], (("red", "near"), 10.0))
    assert compared.clusters


async def test_nothing_is_compared_when_the_time_is_nearly_up(tmp_path: Path) -> None:
    validator = ScriptedValidator()
    tools = await make_bench(tmp_path, validator=validator)
    tools.deadline = Deadline(tools.budget.wall_s, spent_s=0.95 * tools.budget.wall_s)
    compared = await Comparer().run(REQUEST, tools)
    assert (validator.probed, compared.clusters) == ([], ())
    assert compared.notes == ("Behaviour was not compared: less than 10 % of the time was left.",)


async def test_a_comparison_that_breaks_down_never_ends_the_run(tmp_path: Path) -> None:
    class Broken(ScriptedValidator):
        async def probe(self, *_: Any, **__: Any) -> ProbeReport:
            raise SandboxError("it is gone")

    compared = await Comparer().run(REQUEST, await make_bench(tmp_path, validator=Broken()))
    assert compared.notes == ("Behaviour could not be compared: it is gone",)
