"""The figures of the comparison, from what both sides said."""

from __future__ import annotations

import ast
from pathlib import Path

from covey.bench.localise_repository import write_repository
from covey.bench.mutation import Speed
from covey.bench.validator_package import Beside, Sides, figures, others_beside
from covey.core.repair import Standing, Verdict


def verdict(name: str, standing: Standing) -> Verdict:
    return Verdict(candidate=name, standing=standing, mode="hotswap")


def test_a_verdict_agrees_when_a_fresh_process_is_green_exactly_for_plausible_ones() -> None:
    verdicts = [verdict("a", Standing.plausible), verdict("b", Standing.regressed), verdict("c", Standing.timeout)]
    said = figures(Sides(verdicts, 1.0, [True, False, None], 12.0, workers=2))
    assert (said["agree"], said["disagree"]) == ("3 of 3", [])
    assert (said["validator_per_s"], said["pytest_per_s"], said["ratio"]) == (3.0, 0.25, 12.0)
    # Without the ten seconds of the stopped one on one of two workers: two in seven seconds.
    assert said["ratio_without_endless"] == 10.5
    said = figures(Sides(verdicts, 1.0, [False, True, None], 12.0))
    assert (said["agree"], said["disagree"]) == ("1 of 3", ["a", "b"])


def test_a_tool_that_cannot_be_had_is_said_to_be_absent() -> None:
    said = others_beside({"mutmut": Beside(Speed(4.0, 100), 60.0), "cosmic_ray": "cosmic-ray cannot start."})
    assert (said["mutmut_ratio"], said["cosmic_ray"]) == (15.0, "cosmic-ray cannot start.")
    assert "cosmic_ray_ratio" not in said


def test_the_large_repository_is_the_same_each_time_and_holds_one_fault(tmp_path: Path) -> None:
    lines, faulty = write_repository(tmp_path / "one", 4)
    assert (lines, faulty) == write_repository(tmp_path / "other", 4)
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.py"))
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
        ast.parse((tmp_path / "one" / name).read_text())
    assert faulty == "ledger/m0002.py"
    assert [str(name) for name in names if "item >= 1:" in (tmp_path / "one" / name).read_text()] == [faulty]
    assert lines == sum((tmp_path / "one" / name).read_text().count("\n") for name in names) - 1
