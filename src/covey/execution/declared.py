"""What a project declares in ``pyproject.toml`` and ``Pipfile``, as plain requirements (PEP 508)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from covey.execution.boundedfiles import read_text

_CARET = re.compile(r"\^\s*(\d+(?:\.\d+)*)(\S*)")
_TILDE = re.compile(r"~\s*(\d+(?:\.\d+)*)(\S*)")
_BARE = re.compile(r"\d[\w.]*(\.\*)?")


@dataclass(slots=True)
class Declared:
    """The declarations of one file, or of several merged.

    ``dependencies`` is None where nothing says what they are; ``dynamic`` where only running code could say.
    ``extras`` and ``groups`` are kept by canonical name. ``notes`` are sentences about what was left out.
    """

    name: str = ""
    requires_python: str = ""
    classifiers: tuple[str, ...] = ()
    dependencies: tuple[str, ...] | None = None
    dynamic: bool = False
    extras: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    build_requires: tuple[str, ...] = ()
    installable: bool = False
    notes: list[str] = field(default_factory=list)

    def filled_from(self, other: Declared) -> Declared:
        """Return this with gaps filled by ``other``, which counts for less."""
        return Declared(
            name=self.name or other.name,
            requires_python=self.requires_python or other.requires_python,
            classifiers=self.classifiers or other.classifiers,
            dependencies=other.dependencies if self.dependencies is None else self.dependencies,
            dynamic=(self.dynamic or other.dynamic) and self.dependencies is None and other.dependencies is None,
            extras=other.extras | self.extras,
            groups=other.groups | self.groups,
            build_requires=self.build_requires or other.build_requires,
            installable=self.installable or other.installable,
            notes=[*self.notes, *other.notes],
        )


def plain(items: Any, where: str, notes: list[str]) -> tuple[str, ...]:  # noqa: ANN401 - parsed TOML may hold anything
    """Keep the valid requirements of a list; a note for each that is not one, or names a local path."""
    kept: list[str] = []
    for item in items if isinstance(items, Iterable) and not isinstance(items, (str, Mapping)) else ():
        text = item.strip() if isinstance(item, str) else ""
        if not text:
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            notes.append(f"{where}: {text[:120]!r} is not a valid requirement and was left out.")
            continue
        if requirement.url is not None and not requirement.url.startswith(("http://", "https://", "git+http")):
            notes.append(f"{where}: {requirement.name} comes from {requirement.url[:60]!r} and was left out.")
            continue
        kept.append(text)
    return tuple(kept)


def read_pyproject(base: Path) -> Declared:
    """Read ``pyproject.toml``: [project], dependency groups, and the tables of Poetry, PDM, Hatch, uv and Flit."""
    found = Declared()
    text = read_text(base, "pyproject.toml")
    if text is None:
        return found
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found.notes.append(f"pyproject.toml is not valid TOML ({error}) and was left out.")
        return found
    tool = _table(document, "tool")
    _read_project(_table(document, "project"), found)
    _read_groups(_table(document, "dependency-groups"), found)
    _read_poetry(_table(tool, "poetry"), found)
    _read_flit(_table(_table(tool, "flit"), "metadata"), found)
    _read_tools(tool, found)
    build = _table(document, "build-system")
    if build:
        found.build_requires = plain(build.get("requires"), "pyproject.toml build-system", found.notes)
        has_backend = isinstance(build.get("build-backend"), str)
        found.installable = bool(found.name) or (has_backend and "setuptools" not in str(build.get("build-backend")))
    elif found.name and "project" in document:
        found.installable = True
    return found


def read_pipfile(base: Path) -> Declared:
    """Read ``Pipfile``: its packages and development packages."""
    found = Declared()
    text = read_text(base, "Pipfile")
    if text is None:
        return found
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        found.notes.append("Pipfile is not valid TOML and was left out.")
        return found
    found.dependencies = _poetry_table(_table(document, "packages"), "Pipfile", found.notes)
    found.groups["dev"] = _poetry_table(_table(document, "dev-packages"), "Pipfile", found.notes)
    wanted = _table(document, "requires").get("python_version")
    found.requires_python = f"=={wanted}.*" if isinstance(wanted, str) and _BARE.fullmatch(wanted) else ""
    return found


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:  # noqa: ANN401 - parsed TOML may hold anything
    return value if isinstance(value, str) else ""


def _read_project(project: dict[str, Any], found: Declared) -> None:
    if not project:
        return
    dynamic = project.get("dynamic")
    dynamic = dynamic if isinstance(dynamic, list) else []
    found.name = _text(project.get("name"))
    found.requires_python = _text(project.get("requires-python"))
    classifiers = project.get("classifiers")
    found.classifiers = tuple(map(str, classifiers)) if isinstance(classifiers, list) else ()
    if "dependencies" in dynamic:
        found.dynamic = True
    else:
        found.dependencies = plain(project.get("dependencies"), "pyproject.toml", found.notes)
    for extra, items in _table(project, "optional-dependencies").items():
        found.extras[canonicalize_name(extra)] = plain(items, f"pyproject.toml extra {extra}", found.notes)


def _read_groups(groups: dict[str, Any], found: Declared) -> None:
    by_name: dict[str, Any] = {canonicalize_name(name): items for name, items in groups.items()}
    for name in by_name:
        items = _expand_group(name, by_name, ())
        found.groups[name] = plain(items, f"pyproject.toml dependency group {name}", found.notes)


def _expand_group(name: str, groups: Mapping[str, Any], seen: tuple[str, ...]) -> list[str]:
    """Resolve ``{include-group = ...}`` of PEP 735; a cycle includes nothing twice."""
    items = groups.get(name)
    out: list[str] = []
    for item in items if isinstance(items, list) else ():
        if isinstance(item, str):
            out.append(item)
        elif isinstance(item, dict) and isinstance(item.get("include-group"), str):
            other = canonicalize_name(item["include-group"])
            if other not in (*seen, name):
                out += _expand_group(other, groups, (*seen, name))
    return out


def _read_flit(metadata: dict[str, Any], found: Declared) -> None:
    if not metadata:
        return
    found.name = found.name or _text(metadata.get("dist-name")) or _text(metadata.get("module"))
    found.requires_python = found.requires_python or _text(metadata.get("requires-python"))
    found.dependencies = plain(metadata.get("requires"), "pyproject.toml flit", found.notes)
    for extra, items in _table(metadata, "requires-extra").items():
        found.extras[canonicalize_name(extra)] = plain(items, "pyproject.toml flit", found.notes)


def _read_tools(tool: dict[str, Any], found: Declared) -> None:
    sources: list[tuple[str, Any]] = list(_table(_table(tool, "pdm"), "dev-dependencies").items())
    sources.append(("dev", _table(tool, "uv").get("dev-dependencies")))
    for name, settings in _table(_table(tool, "hatch"), "envs").items():
        if isinstance(settings, dict):
            sources += [(name, settings.get("dependencies")), (name, settings.get("extra-dependencies"))]
    for name, items in sources:
        key = canonicalize_name("test" if name == "default" else name)
        more = plain(items, f"pyproject.toml {name}", found.notes)
        if more:
            found.groups[key] = (*found.groups.get(key, ()), *more)


def _read_poetry(poetry: dict[str, Any], found: Declared) -> None:
    if not poetry:
        return
    main = _table(poetry, "dependencies")
    found.name = found.name or _text(poetry.get("name"))
    found.requires_python = found.requires_python or poetry_version(_text(main.get("python"))) or ""
    classifiers = poetry.get("classifiers")
    found.classifiers = found.classifiers or (tuple(map(str, classifiers)) if isinstance(classifiers, list) else ())
    if not found.dependencies:
        found.dependencies = _poetry_table(main, "Poetry", found.notes)
    for extra, names in _table(poetry, "extras").items():
        wanted = {canonicalize_name(str(name)) for name in names} if isinstance(names, list) else set()
        chosen = {name: spec for name, spec in main.items() if canonicalize_name(name) in wanted}
        found.extras[canonicalize_name(extra)] = _poetry_table(chosen, "Poetry", found.notes, optional=True)
    groups = {name: _table(group, "dependencies") for name, group in _tables(_table(poetry, "group"))}
    groups.setdefault("dev", {}).update(_table(poetry, "dev-dependencies"))
    for name, table in groups.items():
        items = _poetry_table(table, f"Poetry group {name}", found.notes)
        if items:
            found.groups[canonicalize_name(name)] = items


def _tables(document: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, value) for name, value in document.items() if isinstance(value, dict)]


def _poetry_table(table: Mapping[str, Any], where: str, notes: list[str], *, optional: bool = False) -> tuple[str, ...]:
    out: list[str] = []
    for name, spec in table.items():
        if name.lower() == "python":
            continue
        for one in spec if isinstance(spec, list) else [spec]:
            text = _poetry_requirement(name, one, optional=optional)
            if text is None:
                notes.append(f"{where}: {name} has no equivalent plain requirement and was left out.")
            elif text:
                out.append(text)
    return plain(out, where, notes)


def _poetry_requirement(name: str, spec: Any, *, optional: bool) -> str | None:  # noqa: ANN401 - parsed TOML
    """Translate one entry; ``""`` for an optional one that is not wanted, None when there is no translation."""
    if isinstance(spec, str):
        version = poetry_version(spec)
        return None if version is None else f"{name}{version}"
    if not isinstance(spec, dict) or not isinstance(spec.get("version"), str):
        return None
    if spec.get("optional") is True and not optional:
        return ""
    version = poetry_version(spec["version"])
    if version is None:
        return None
    extras = spec.get("extras")
    bracket = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) and extras else ""
    marks = [f"({spec['markers']})"] if isinstance(spec.get("markers"), str) else []
    python = poetry_version(_text(spec.get("python")))
    if python is None:
        return None
    marks += [_python_marker(part) for part in python.split(",") if part]
    return f"{name}{bracket}{version}" + (f" ; {' and '.join(marks)}" if marks else "")


def _python_marker(clause: str) -> str:
    found = re.fullmatch(r"(~=|==|!=|<=|>=|<|>)\s*(\S+)", clause)
    assert found is not None
    operator, version = found.groups()
    name = "python_version" if version.count(".") <= 1 or version.endswith(".*") else "python_full_version"
    return f"{name} {operator} '{version}'"


def poetry_version(spec: str) -> str | None:
    """Translate Poetry's version constraint to a PEP 440 specifier set; None where there is no honest translation."""
    if "||" in spec or "|" in spec:
        return None
    clauses: list[str] = []
    for raw in re.split(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])", spec.strip()):
        part = raw.strip()
        if part in ("", "*"):
            continue
        if caret := _CARET.fullmatch(part):
            clauses += [f">={caret[1]}{caret[2]}", f"<{_caret_bound(caret[1])}"]
        elif tilde := None if part.startswith("~=") else _TILDE.fullmatch(part):
            numbers = tilde[1].split(".")
            bound = [*numbers[:1], str(int(numbers[1]) + 1)] if len(numbers) > 1 else [str(int(numbers[0]) + 1)]
            clauses += [f">={tilde[1]}{tilde[2]}", f"<{'.'.join(bound)}"]
        elif _BARE.fullmatch(part):
            clauses.append(f"=={part}")
        elif re.fullmatch(r"(~=|===|==|!=|<=|>=|<|>)\s*[\w.*+!-]+", part):
            clauses.append(part.replace(" ", ""))
        else:
            return None
    try:
        SpecifierSet(",".join(clauses))
    except InvalidSpecifier:
        return None
    return ",".join(clauses)


def _caret_bound(version: str) -> str:
    """Upper bound of ``^version``: the leftmost part that is not zero may not change."""
    parts = [int(part) for part in version.split(".")]
    for index, part in enumerate(parts):
        if part or index == len(parts) - 1:
            return ".".join(map(str, [*parts[:index], part + 1]))
    return "1"


def expand_self(name: str, items: Sequence[str], extras: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Replace ``name[extra]`` inside the project's own lists by what that extra lists."""
    own = canonicalize_name(name) if name else ""
    out: dict[str, None] = {}
    pending, seen = list(items), set[str]()
    while pending:
        text = pending.pop(0)
        requirement = Requirement(text)
        if own and canonicalize_name(requirement.name) == own:
            for extra in sorted(canonicalize_name(one) for one in requirement.extras):
                if extra not in seen:
                    seen.add(extra)
                    pending += extras.get(extra, ())
        else:
            out.setdefault(text)
    return tuple(out)
