"""Requirements files and tox settings of a tree that nobody trusts, as plain requirements (PEP 508)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from covey.execution.boundedfiles import read_text
from covey.execution.declared import plain
from covey.execution.setupfiles import read_ini

_MAX_FILES = 40
_COMMENT = re.compile(r"(^|\s)#.*$")
_HASH = re.compile(r"\s--(hash|config-settings|global-option|install-option)[=\s]\S+")
_SELF = re.compile(r"\.(?:\[([\w\s,.-]+)\])?")
_FACTOR = re.compile(r"^[\w.,{}!-]+:\s")
_TEST = re.compile(r"(^|[-_./])(unit)?(test|tests|testing|pytest|check)($|[-_./])", re.IGNORECASE)
_DEV = re.compile(r"(^|[-_./])(dev|devel|develop|development|all|ci)($|[-_./])", re.IGNORECASE)
_MAIN = frozenset({"requirements", "base", "main", "prod", "production", "common", "install", "runtime", "core"})


@dataclass(slots=True)
class RequirementList:
    """The requirements of one file with those it includes. ``extras`` are the project's own that it asks for."""

    items: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()


def testing_name(name: str) -> bool:
    """True for the name of an extra, group or file that holds what tests need."""
    return bool(_TEST.search(name)) or canonicalize_name(name) == "tests-require"


def development_name(name: str) -> bool:
    """True for the name of an extra, group or file that holds what developers need."""
    return bool(_DEV.search(name))


def requirement_files(base: Path) -> dict[str, tuple[str, ...]]:
    """Paths of requirements files by purpose: ``main``, ``test`` and ``dev``."""
    patterns = ("*requirements*.txt", "requirements/*.txt", "requirements/*/*.txt", "test*/*requirements*.txt")
    found = sorted({path.relative_to(base).as_posix() for pattern in patterns for path in base.glob(pattern)})
    if not found:
        inputs = ("*requirements*.in", "requirements/*.in")
        found = sorted({path.relative_to(base).as_posix() for pattern in inputs for path in base.glob(pattern)})
    out: dict[str, list[str]] = {"main": [], "test": [], "dev": []}
    for name in found[:_MAX_FILES]:
        stem = posixpath.splitext(name)[0]
        if testing_name(stem):
            out["test"].append(name)
        elif development_name(stem):
            out["dev"].append(name)
        elif posixpath.basename(stem).lower() in _MAIN:
            out["main"].append(name)
    return {purpose: tuple(names) for purpose, names in out.items()}


def read_requirements(base: Path, names: Sequence[str], notes: list[str]) -> RequirementList:
    """Read requirements files with those they include by ``-r`` and ``-c``, never outside ``base``.

    Options about package indexes are not followed: the repository does not choose where packages come from.
    """
    items: dict[str, None] = {}
    constraints: dict[str, None] = {}
    extras: dict[str, None] = {}
    pending = [(posixpath.normpath(name), False) for name in names]
    seen: set[str] = set()
    while pending and len(seen) < _MAX_FILES:
        name, constrains = pending.pop(0)
        text = read_text(base, name) if name not in seen else ""
        seen.add(name)
        if text is None:
            notes.append(f"{name} cannot be read and was left out.")
            continue
        folder = posixpath.dirname(name)
        for line in requirement_lines(text):
            if option := re.match(r"(-r|-c|--requirement|--constraint)[=\s]*(\S+)", line):
                target = posixpath.normpath(posixpath.join(folder, option[2]))
                pending.append((target, constrains or option[1] in ("-c", "--constraint")))
            elif own := _SELF.fullmatch(re.sub(r"^(-e|--editable)[=\s]*", "", line).removeprefix("file:")):
                extras |= dict.fromkeys(part.strip() for part in (own[1] or "").split(",") if part.strip())
            elif line.startswith("-"):
                notes.append(f"{name}: the option {line.split()[0].split('=')[0]} was not followed.")
            else:
                kept = plain([_with_name(line)], name, notes)
                (constraints if constrains else items).update(dict.fromkeys(kept))
    return RequirementList(tuple(items), tuple(constraints), tuple(extras))


def requirement_lines(text: str) -> list[str]:
    """Split a requirements file into logical lines without comments, continuations and hashes."""
    joined = re.sub(r"\\\r?\n", " ", text)
    lines = [_HASH.sub("", _COMMENT.sub("", line)).strip() for line in joined.splitlines()]
    return [line for line in lines if line]


def _with_name(line: str) -> str:
    """Give a bare link with ``#egg=name`` its name, as PEP 508 wants it."""
    found = re.fullmatch(r"((?:git\+)?https?://[^#\s]+)#(?:.*&)?egg=([\w.-]+).*", line)
    return f"{found[2]} @ {found[1]}" if found else line


def read_tox(base: Path, notes: list[str]) -> tuple[RequirementList, tuple[str, ...]]:
    """Read ``deps`` and ``extras`` of tox's ``[testenv]`` and its list of environments.

    Lines that hold for some environments only (``py36: name``) are left out.
    """
    parser = read_ini(base, "tox.ini", notes)
    if not parser.has_section("testenv"):
        return RequirementList(), _environments(parser.get("tox", "envlist", fallback="") or "")
    own: list[str] = []
    files: list[str] = []
    for line in requirement_lines(parser.get("testenv", "deps", fallback="") or ""):
        text = line.replace("{toxinidir}/", "").replace("{tox_root}/", "")
        if include := re.match(r"-r\s*(\S+)", text):
            files.append(include[1])
        elif not _FACTOR.match(text) and "{" not in text and not text.startswith("-"):
            own += plain([text], "tox.ini", notes)
    listed = read_requirements(base, files, notes)
    extras = [part.strip() for part in re.split(r"[,\n]", parser.get("testenv", "extras", fallback="") or "")]
    names = _environments(parser.get("tox", "envlist", fallback="") or parser.get("tox", "env_list", fallback="") or "")
    wanted = tuple(part for part in extras if part and "{" not in part and ":" not in part)
    return RequirementList((*own, *listed.items), listed.constraints, (*wanted, *listed.extras)), names


def _environments(text: str) -> tuple[str, ...]:
    """Python versions named in tox's list, for instance ``3.8`` for ``py38`` and each of ``py3{8,9}``."""
    numbers: list[str] = []
    for start, several in re.findall(r"py(3?)\{([\d,\s]+)\}", text):
        numbers += [start + part.strip() for part in several.split(",") if part.strip()]
    numbers += re.findall(r"py(3\d+)", text)
    return tuple(dict.fromkeys(f"3.{number[1:]}" for number in numbers if number.startswith("3") and len(number) > 1))


def named(requirements: Sequence[str]) -> frozenset[str]:
    """Canonical names of valid requirements."""
    names: set[str] = set()
    for text in requirements:
        try:
            names.add(canonicalize_name(Requirement(text).name))
        except InvalidRequirement:
            continue
    return frozenset(names)
