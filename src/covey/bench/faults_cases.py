"""Single-edit faults that an independent tool puts into real packages, and the tests that each side may see.

A fault is one mutant of cosmic-ray's own operators, drawn by a seed, with which the package's own suite turns red.
Its test functions are dealt out by the same seed: half are the search's, one that fails among them; a quarter is held
out for Covey's verdict; the rest is seen by nobody before the patch is judged.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from covey.bench.mutation import Mutant, get_mutants
from covey.bench.packages_cases import Case, is_test, suite_process
from covey.core.canonical import Frozen
from covey.core.errors import RunError, UnusableInput

_FOREIGN = frozenset({"build", "dist", "doc", "docs", "examples", "benchmarks", "scripts", "misc", "bench"})
_NOT_CODE = frozenset({"setup.py", "conftest.py", "versioneer.py", "_version.py", "noxfile.py"})
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_MUTANTS_OF_A_FILE = 60
_TRIES = 40


class Injected(Frozen):
    """One fault of a package, and the test functions (by id) that it fails."""

    package: str
    file: str
    line: int
    operator: str
    start: int
    end: int
    before: str
    after: str
    failing: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name of the fault in results."""
        return f"{self.package}:{self.file}:{self.start}-{self.end}:{self.after}"


class Deal(Frozen):
    """Who sees which test functions."""

    search: tuple[str, ...]
    verdict: tuple[str, ...]
    unseen: tuple[str, ...]


async def functions_of_suite(case: Case) -> list[str]:
    """Ids of the package's test functions, without parameters, in the suite's order. Raises UnusableInput."""
    result = await suite_process(case, case.original, ("--collect-only",))
    ids = [line.strip() for line in result.output.splitlines() if "::" in line and not line.startswith("ERROR")]
    if not result.ok or not ids:
        raise UnusableInput(f"{case.package.name}: its tests cannot be listed.\n{result.output[-2000:]}")
    return list(dict.fromkeys(name.partition("[")[0] for name in ids))


def source_files(case: Case) -> list[str]:
    """The package's own modules, relative to its source distribution."""
    root = case.original
    found = []
    for path in sorted((root / case.package.source).rglob("*.py")):
        name = path.relative_to(root)
        top = path.parent == root / case.package.source
        own = (path.parent / "__init__.py").exists() or (top and case.package.name.replace("-", "_") == path.stem)
        if own and not is_test(name) and path.name not in _NOT_CODE and not _FOREIGN & set(name.parts):
            found.append(name.as_posix())
    return found


async def failing_functions(case: Case, project: Path) -> tuple[int | None, list[str]]:
    """Exit code of the whole suite (None: it did not end), and the test functions that failed."""
    result = await suite_process(case, project, ("--tb=no", "-rfE"))
    return result.exit_code, list(dict.fromkeys(name.partition("[")[0] for name in _FAILED.findall(result.output)))


def inject(case: Case, fault: Injected, project: Path) -> None:
    """Copy the package to ``project``, afresh, with the fault in it."""
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(case.original, project, symlinks=True)
    path = project / fault.file
    data = path.read_bytes()
    path.write_bytes(data[: fault.start] + fault.after.encode() + data[fault.end :])


async def find_faults(case: Case, programs: Path, count: int, seed: int, project: Path) -> AsyncIterator[Injected]:
    """Draw mutants until ``count`` of them are faults: the suite ends, and test functions of it fail."""
    chance = random.Random(f"{seed}/{case.package.name}")  # noqa: S311 - a sample, not secrets
    drawn: list[tuple[str, Mutant]] = []
    for file in source_files(case):
        try:
            mutants = await get_mutants(programs, case.original / file, _MUTANTS_OF_A_FILE, seed)
        except RunError:  # a file that the tool cannot read has no mutants
            continue
        drawn += [(file, mutant) for mutant in mutants]
    chance.shuffle(drawn)
    found, lines = 0, set()
    for file, mutant in drawn[: _TRIES * count]:
        data = (case.original / file).read_bytes()
        line = data.count(b"\n", 0, mutant.start) + 1
        if found == count:
            return
        if (file, line) in lines:
            continue
        fault = Injected(
            package=case.package.name,
            file=file,
            line=line,
            operator=mutant.operator,
            start=mutant.start,
            end=mutant.end,
            before=data[mutant.start : mutant.end].decode(),
            after=mutant.text,
            failing=(),
        )
        inject(case, fault, project)
        code, failing = await failing_functions(case, project)
        names = [name for name in failing if "::" in name]
        if code == 1 and names and len(names) == len(failing):  # not a file that cannot even be imported
            lines.add((file, line))
            found += 1
            yield fault.model_copy(update={"failing": tuple(names)})


def deal_tests(functions: Sequence[str], fault: Injected, seed: int) -> Deal:
    """Deal the test functions out: one that fails and half of the others, a quarter, a quarter."""
    chance = random.Random(f"{seed}/{fault.key}")  # noqa: S311 - a sample, not secrets
    target = chance.choice(sorted(set(fault.failing) & set(functions) or set(fault.failing)))
    others = [name for name in functions if name != target]
    shuffled = chance.sample(others, len(others))
    half, quarter = len(shuffled) // 2, len(shuffled) // 4
    parts = ({target, *shuffled[:half]}, set(shuffled[half : half + quarter]), set(shuffled[half + quarter :]))
    search, verdict, unseen = (tuple(name for name in functions if name in part) for part in parts)
    return Deal(search=search, verdict=verdict, unseen=unseen)
