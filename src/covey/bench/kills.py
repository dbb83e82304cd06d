"""Kill runs and see that nothing is lost: ``python -m covey.bench.kills``.

Real runs of ``covey run`` on an example with uncommitted work are killed by SIGKILL at random moments and resumed,
again and again, until ``--count`` kills are done; then one run is ended at every single write to the store (before
and after each recorded step, and after each write of its end). Every run must come to the same head hash as one that
nobody disturbed, with no step twice, a sound store, the user's folder identical byte for byte, no process left, and
nothing left behind by the runs once one came to its end. Exit codes: 0 all of it holds, 1 something does not.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from covey.bench.kills_child import ENDED
from covey.bench.kills_ground import RUN_S, Ground, wait_for_orphans
from covey.core.errors import CoveyError, RunError

_MOST_KILLS = 12
"""Kills of one run at most; then it is left alone."""
_MOST_WRITES = 1000


@dataclass
class Tally:
    """What was done and what did not hold."""

    kills: int = 0
    runs: int = 0
    resumed: int = 0
    points: int = 0
    faults: list[str] = field(default_factory=list)


class Harness:
    """Kills runs on one ground and compares them with a run that nobody disturbed."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self._ground = ground
        self._chance = random.Random(seed)  # noqa: S311 - moments, not secrets
        self._head = ""
        self._steps: tuple[str, ...] = ()
        self.calm_s = 0.0
        self.tally = Tally()

    def calm(self) -> None:
        """Make the run to compare with. Raises RunError when even that does not work."""
        home = self._ground.home("calm")
        started = time.monotonic()
        process = self._ground.start(home, "covey", "run", "--repo", str(self._ground.repo), "--json", "--quiet")
        if process.wait(RUN_S) != 0:
            raise RunError(f"The undisturbed run ended with {process.returncode}.", detail=self._ground.said)
        self.calm_s = time.monotonic() - started
        told = self._ground.read(home)
        assert told is not None
        self._head, self._steps = told.head, told.steps
        self._check(home, "undisturbed run")

    def kill_at_random(self, count: int) -> None:
        """Kill runs until ``count`` kills are done."""
        home = self._ground.home("rough")
        while self.tally.kills < count:
            self._one_run(home, min(count - self.tally.kills, self._chance.randint(1, _MOST_KILLS)))

    def kill_at_every_write(self) -> None:
        """End one run before and after each step it records, then, in its end, after each write."""
        home = self._ground.home("points")
        for position in range(len(self._steps)):
            for where in ("before", "after"):
                if self._child(home, where, 1) != ENDED:
                    self._fault(f"step {position}: the run did not end {where} its record: {self._ground.said}")
                told = self._ground.read(home)
                recorded = () if told is None else told.steps
                if recorded != self._steps[: position + (where == "after")]:
                    self._fault(f"ended {where} the record of step {position}: {recorded} are recorded")
        for number in range(1, _MOST_WRITES):
            if (code := self._child(home, "write", number)) != ENDED:
                break
        if code != 0:
            self._fault(f"the run ended at every write came to exit code {code}: {self._ground.said}")
        self._check(home, "run ended at every write")

    def _child(self, home: Path, where: str, number: int) -> int:
        words = (str(self._ground.repo), where, str(number))
        code = self._ground.start(home, "covey.bench.kills_child", *words).wait(RUN_S)
        self.tally.points += code == ENDED
        self._no_process_left(f"ended {where} {number}")
        return code

    def _one_run(self, home: Path, kills: int) -> None:
        open_run: str | None = None
        for left in range(kills, -1, -1):
            words = ("runs", "resume", open_run) if open_run else ("run", "--repo", str(self._ground.repo))
            process = self._ground.start(home, "covey", *words, "--json", "--quiet")
            self.tally.resumed += open_run is not None
            try:
                process.wait(self._chance.uniform(0, 0.8 * self.calm_s) if left else RUN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.tally.kills += 1
                self._no_process_left("killed")
            told = self._ground.read(home)
            if told is not None and told.faults:
                self._fault(f"the store after a kill: {'; '.join(told.faults)}")
            if process.returncode not in (0, -9):
                self._fault(f"{words[0]} ended with {process.returncode}: {self._ground.said}")
            if told is not None and told.final and (process.returncode == 0 or open_run == told.run_id):
                break
            open_run = None if told is None or told.final else told.run_id
        self.tally.runs += 1
        self._check(home, f"run {self.tally.runs}", settled=process.returncode == 0)

    def _check(self, home: Path, name: str, *, settled: bool = True) -> None:
        """Compare a run at its end; ``settled``: it also had the time to clear up."""
        told = self._ground.read(home)
        if told is None or not told.final:
            self._fault(f"{name}: it did not come to its end")
            return
        if told.head != self._head:
            self._fault(f"{name}: its head is {told.head[:12]}, undisturbed {self._head[:12]}; steps {told.steps}")
        if len(set(told.steps)) != len(told.steps):
            self._fault(f"{name}: a step is recorded twice: {told.steps}")
        self.tally.faults += [f"{name}: {fault}" for fault in told.faults]
        if self._ground.changed:
            self._fault(f"{name}: the user's folder was changed")
        if settled:
            self.tally.faults += [f"{name} left {thing}" for thing in self._ground.leftovers(home)]

    def _no_process_left(self, when: str) -> None:
        self.tally.faults += [f"{when}: {left}" for left in wait_for_orphans()]

    def _fault(self, words: str) -> None:
        self.tally.faults.append(words)


def measure(root: Path, example: Path, count: int, seed: int) -> dict[str, object]:
    """Do everything below the empty folder ``root`` and return the counts. Raises RunError."""
    harness = Harness(Ground(root, example), seed)
    harness.calm()
    harness.kill_at_random(count)
    harness.kill_at_every_write()
    tally = harness.tally
    return {
        "random_kills": tally.kills,
        "runs": tally.runs,
        "resumed": tally.resumed,
        "write_points": tally.points,
        "undisturbed_s": round(harness.calm_s, 1),
        "seed": seed,
        "faults": tally.faults,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, kill, print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m covey.bench.kills", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="random kills (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    parser.add_argument("--example", type=Path, default=_example(), metavar="DIR", help="project with a failing test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result to a file")
    given = parser.parse_args(argv)
    root = Path(tempfile.mkdtemp(prefix="covey-kills-"))
    try:
        result = measure(root, given.example.resolve(), given.count, given.seed)
    except CoveyError as error:
        sys.stderr.write(f"{error}\n{error.detail}\n")
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    text = json.dumps(result, indent=2) + "\n"
    sys.stdout.write(text)
    if given.json is not None:
        given.json.write_text(text, encoding="utf-8")
    return 1 if result["faults"] else 0


def _example() -> Path:
    """An example of this source checkout that takes a few seconds."""
    return Path(__file__).resolve().parents[3] / "examples" / "02_unittest_project"


if __name__ == "__main__":
    sys.exit(main())
