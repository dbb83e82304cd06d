"""What to build: which interpreters to try, which requirements, and under which key the result is kept. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from covey.core.canonical import canonical_json, sha256
from covey.core.errors import EnvironmentBuildError
from covey.execution.environments.cache import FORMAT
from covey.execution.interpreters import Interpreter
from covey.execution.projectfacts import ProjectFacts
from covey.execution.requirementfiles import named

_PREFERRED = ((3, 11), (3, 12), (3, 10), (3, 9), (3, 13), (3, 8), (3, 14), (3, 7), (3, 6))
_MAX_TRIES = 4


@dataclass(frozen=True, slots=True)
class Rung:
    """One set of requirements to try; ``note`` says what it leaves out."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    note: str = ""

    @property
    def has_links(self) -> bool:
        """True when some requirement is a direct link, which only a sandbox may follow."""
        return any("@" in text.split(";")[0] and "://" in text for text in self.requirements)


def choose_interpreters(facts: ProjectFacts, interpreters: Sequence[Interpreter]) -> tuple[Interpreter, ...]:
    """Return the interpreters that fit, best first.

    First the pinned version, then those that the project says it is tested with (newest of 3.12 and older first),
    then those that most packages have wheels for. Raises EnvironmentBuildError when none fits ``requires-python``.
    """
    allowed = facts.python_range
    fitting = [one for one in interpreters if allowed.contains(".".join(map(str, one.version)), prereleases=True)]
    if not fitting:
        known = ", ".join(".".join(map(str, one.version)) for one in interpreters) or "none"
        raise EnvironmentBuildError(
            f"The project needs Python {facts.requires_python or '3.6 or newer'}; found: {known}. Install a version "
            "that fits (for instance with `uv python install`), or name an interpreter with --python."
        )
    bounded = not allowed.contains("3.13", prereleases=True)  # "<4" bounds nothing
    return tuple(sorted(fitting, key=lambda one: _preference(one, facts, bounded=bounded)))


def tries(interpreters: Sequence[Interpreter]) -> tuple[Interpreter, ...]:
    """Return the interpreters to try with wheels before anything is built from source.

    The best one, then older minor versions in turn: requirements pinned long ago have wheels for those; then newer.
    """
    by_minor: dict[tuple[int, int], Interpreter] = {}
    for one in interpreters:
        by_minor.setdefault(one.minor, one)
    best = interpreters[0].minor
    older = sorted((minor for minor in by_minor if minor < best), reverse=True)
    newer = sorted(minor for minor in by_minor if minor > best)
    return tuple(by_minor[minor] for minor in (best, *older, *newer)[:_MAX_TRIES])


def _preference(one: Interpreter, facts: ProjectFacts, *, bounded: bool) -> tuple[object, ...]:
    usual = _PREFERRED.index(one.minor) if one.minor in _PREFERRED else len(_PREFERRED)
    newest = tuple(-part for part in one.version)
    if one.minor == facts.pinned:
        return (0, 0, newest)
    if facts.tested:
        fits = one.minor in facts.tested
        return (1 if fits else 2, (one.minor > (3, 12), newest) if fits else (usual,), newest)
    return (1, (0, newest) if bounded else (usual,), newest)


def rungs(facts: ProjectFacts, *, needs_pytest: bool) -> tuple[Rung, ...]:
    """Sets of requirements, the fullest first; later ones leave out what tests alone want."""
    pytest = ("pytest",) if needs_pytest else ()

    def plus(items: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
        have = named(items)
        return (*items, *(item for item in more if not named([item]) & have))

    plugins = facts.plugins if needs_pytest else ()
    full = plus((*facts.dependencies, *facts.test_dependencies), (*pytest, *plugins))
    least = plus(facts.dependencies, pytest)
    some = plus(facts.dependencies, (*pytest, *plugins))
    candidates = (
        Rung(full, facts.constraints),
        Rung(some, (), "What the project declares for its tests could not be installed and was left out."),
        Rung(least, (), "What the project declares for its tests could not be installed and was left out."),
    )
    unique: dict[tuple[str, ...], Rung] = {}
    for rung in candidates:
        unique.setdefault(rung.requirements, rung)
    return tuple(unique.values())


def cache_key(
    facts: ProjectFacts, interpreters: Sequence[Interpreter], *, installer: str, root: str, needs_pytest: bool
) -> str:
    """Hash of everything that decides what is built."""
    decides = {
        "format": FORMAT,
        "facts": asdict(facts),
        "interpreters": [[str(one.path), *one.version] for one in interpreters],
        "installer": installer,
        "root": root,
        "pytest": needs_pytest,
    }
    return sha256(canonical_json(decides))[:24]
