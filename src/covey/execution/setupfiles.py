"""What a project declares in ``setup.cfg`` and ``setup.py``. ``setup.py`` is read as a syntax tree, never run."""

from __future__ import annotations

import ast
import configparser
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from covey.execution.boundedfiles import read_text
from covey.execution.declared import Declared, plain


class _Unknown(Exception):
    """An expression whose value only running it could tell."""


def read_ini(base: Path, name: str, notes: list[str]) -> configparser.RawConfigParser:
    """Read an INI file; one that cannot be parsed is empty, with a note."""
    parser = configparser.RawConfigParser(strict=False)
    text = read_text(base, name)
    if text is not None:
        try:
            parser.read_string(text, name)
        except (configparser.Error, ValueError) as error:
            notes.append(f"{name} cannot be parsed ({str(error).splitlines()[0]}) and was left out.")
            return configparser.RawConfigParser(strict=False)
    return parser


def read_setup_cfg(base: Path, follow: Callable[[str], Iterable[str]]) -> Declared:
    """Read ``setup.cfg``; ``follow`` gives the requirements of a file that it names by ``file:``."""
    found = Declared()
    parser = read_ini(base, "setup.cfg", found.notes)

    def lines(section: str, option: str) -> list[str]:
        value = parser.get(section, option, fallback="") or ""
        if value.strip().startswith("file:"):
            names = value.strip().removeprefix("file:").split(",")
            return [item for name in names for item in follow(name.strip())]
        return [part.strip() for line in value.splitlines() for part in line.split(";;") if part.strip()]

    found.name = (parser.get("metadata", "name", fallback="") or "").strip()
    found.requires_python = (parser.get("options", "python_requires", fallback="") or "").strip()
    found.classifiers = tuple(lines("metadata", "classifiers")) or tuple(lines("metadata", "classifier"))
    found.installable = bool(found.name) or parser.has_section("options")
    if parser.has_option("options", "install_requires"):
        found.dependencies = plain(lines("options", "install_requires"), "setup.cfg", found.notes)
    if parser.has_section("options.extras_require"):
        for extra in parser.options("options.extras_require"):
            items = plain(lines("options.extras_require", extra), f"setup.cfg extra {extra}", found.notes)
            found.extras[canonicalize_name(extra.split(":")[0])] = items
    tests = plain(lines("options", "tests_require"), "setup.cfg tests_require", found.notes)
    if tests:
        found.extras.setdefault("tests-require", tests)
    return found


def read_setup_py(base: Path) -> Declared:
    """Read the arguments of ``setup()`` in ``setup.py`` as far as they are literals.

    ``dynamic`` is set when the dependencies are there but computed.
    """
    found = Declared()
    text = read_text(base, "setup.py")
    if text is None:
        return found
    found.installable = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        found.notes.append("setup.py cannot be parsed by this Python; its dependencies are unknown until it runs.")
        found.dynamic = True
        return found
    arguments, complete = _setup_arguments(tree)
    names = _module_names(tree)

    def value(keyword: str) -> Any:  # noqa: ANN401 - any literal
        try:
            return _evaluate(arguments[keyword], names) if keyword in arguments else None
        except (_Unknown, RecursionError):
            return None

    found.name = value("name") if isinstance(value("name"), str) else ""
    found.requires_python = value("python_requires") if isinstance(value("python_requires"), str) else ""
    classifiers = value("classifiers")
    if isinstance(classifiers, str):
        classifiers = classifiers.splitlines()
    found.classifiers = tuple(map(str, classifiers)) if isinstance(classifiers, (list, tuple)) else ()
    required = _lines(value("install_requires"))
    if required is not None:
        found.dependencies = plain(required, "setup.py", found.notes)
    elif "install_requires" in arguments or not complete:
        found.dynamic = True
    extras = value("extras_require")
    for extra, items in extras.items() if isinstance(extras, dict) else ():
        kept = plain(_lines(items) or [], f"setup.py extra {extra}", found.notes)
        found.extras[canonicalize_name(str(extra).split(":")[0])] = kept
    tests = plain(_lines(value("tests_require")) or [], "setup.py tests_require", found.notes)
    if tests:
        found.extras.setdefault("tests-require", tests)
    return found


def _lines(value: Any) -> list[str] | None:  # noqa: ANN401 - any literal
    if isinstance(value, str):
        return value.splitlines()
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else None


def _setup_arguments(tree: ast.Module) -> tuple[dict[str, ast.expr], bool]:
    """Keyword arguments of the first call of ``setup``; False when ``**arguments`` hide some."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name == "setup":
                given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
                return given, all(keyword.arg is not None for keyword in node.keywords)
    return {}, True


def _module_names(tree: ast.Module) -> dict[str, ast.expr | None]:
    """Names assigned exactly once at module level; None for those that are changed later."""
    names: dict[str, ast.expr | None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            names[name] = node.value if node in tree.body and name not in names else None
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)) and isinstance(node.target, ast.Name):
            names[node.target.id] = None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if isinstance(node.func.value, ast.Name) and node.func.attr in ("append", "extend", "update", "insert"):
                names[node.func.value.id] = None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            names[node.value.id] = None
    return names


def _evaluate(node: ast.expr, names: dict[str, ast.expr | None], depth: int = 0) -> Any:  # noqa: ANN401 - any literal
    if depth > 50:
        raise _Unknown
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple():
            return [_evaluate(item, names, depth + 1) for item in node.elts]
        case ast.Dict():
            return {
                _key(_evaluate(key, names, depth + 1)): _evaluate(value, names, depth + 1)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None
            }
        case ast.Name():
            bound = names.get(node.id)
            if bound is None:
                raise _Unknown
            return _evaluate(bound, names, depth + 1)
        case ast.BinOp(op=ast.Add()):
            left, right = _evaluate(node.left, names, depth + 1), _evaluate(node.right, names, depth + 1)
            if type(left) is type(right) and isinstance(left, (list, str)):
                return left + right
            raise _Unknown
        case _:
            raise _Unknown


def _key(value: Any) -> str:  # noqa: ANN401 - any literal
    if not isinstance(value, str):
        raise _Unknown
    return value
