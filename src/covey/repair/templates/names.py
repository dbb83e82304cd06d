"""Names, attributes and sibling functions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from covey.repair.kinds import compatible, used_kind
from covey.repair.near import closeness
from covey.repair.site import BUILTINS, Known, Proposal, Site
from covey.repair.templates.base import Proposals, Template
from covey.repair.templates.siblings import FUNCTIONS, METHODS

_MOST = 14


def _loaded(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _is_callee(site: Site, node: ast.AST) -> bool:
    parent = site.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _in_annotation(site: Site, node: ast.AST) -> bool:
    parent = site.parent(node)
    return isinstance(parent, ast.arg) or (isinstance(parent, ast.AnnAssign) and node is parent.annotation)


def likeness(site: Site, old: str, known: Known, wanted: str) -> float:
    """How well a visible name suits the place of ``old``."""
    fit = 0.45 + 0.5 * closeness(old, known.name)
    if wanted and known.kind == wanted:
        fit += 0.25
    elif not compatible(wanted, known.kind):
        fit *= 0.25
    if known.role in {"parameter", "local"}:
        fit += 0.15
        if known.loads == 0:
            fit += 0.7  # a value that nobody reads is the best sign of a wrong name
    elif known.role == "import":
        fit *= 0.4 if closeness(old, known.name) > 0.5 else 0.15
    if old.isupper():  # a constant by PEP 8: another constant is meant, whatever it is called
        fit = fit + 0.3 if known.name.isupper() else fit * 0.5
    if site.function is None and known.role == "global":
        fit += 0.1
    return fit


def name(site: Site, node: ast.Name) -> Proposals:
    """Another variable that is visible here."""
    if not _loaded(node) or _in_annotation(site, node) or node.id in {"self", "cls"} or site.text(node) != node.id:
        return
    callee = _is_callee(site, node)
    if callee and node.id in BUILTINS and node.id not in site.names:
        return
    used, held = used_kind(site.parent(node), node), site.lookup(node.id)
    wanted = used or held
    misused = 1.4 if not compatible(used, held) else 1.0
    options: list[tuple[float, str]] = []
    for known in site.names.values():
        if known.name in {node.id, "self", "cls"} or known.name.startswith("__"):
            continue
        if known.kind == "module" and wanted != "module":
            continue
        if callee != (known.kind in {"func", "class"} or (callee and known.role in {"parameter", "import"})):
            continue
        fit = likeness(site, node.id, known, wanted)
        if callee and closeness(node.id, known.name) < 0.4:
            fit *= 0.5
        options.append((fit, known.name))
    undefined = node.id not in site.names and node.id not in BUILTINS
    twice = 1.7 if site.repeated(node) else 1.0
    for fit, text in sorted(options, key=lambda o: (-o[0], o[1]))[:_MOST]:
        yield site.swap(
            node, text, fit * twice * misused * (1.6 if undefined or node.id in site.hints.undefined else 1.0)
        )


def bound_name(site: Site, node: ast.Name) -> Proposals:
    """Assignment to the wrong variable."""
    if not isinstance(node.ctx, ast.Store) or not isinstance(site.statement, (ast.Assign, ast.AugAssign, ast.For)):
        return
    for known in site.variables:
        if known.name != node.id and closeness(node.id, known.name) > 0.25:
            yield site.swap(node, known.name, 0.5 + 0.4 * closeness(node.id, known.name))
    for attribute in site.attributes if site.self_name else ():
        if attribute.lstrip("_") == node.id.lstrip("_"):
            yield site.swap(node, f"{site.self_name}.{attribute}", 1.3)


def through_self(site: Site, node: ast.Name) -> Proposals:
    """A plain name where an attribute of ``self`` was meant."""
    if not _loaded(node) or not site.self_name or node.id in {"self", "cls"} or _in_annotation(site, node):
        return
    callee = _is_callee(site, node)
    wanted = site.lookup(node.id)
    options: list[tuple[float, str]] = []
    for attribute, kind in site.attributes.items():
        if callee != (kind == "func") or attribute.startswith("__"):
            continue
        same = attribute.lstrip("_") == node.id.lstrip("_")
        near = closeness(node.id, attribute)
        if same or near > 0.5 or (compatible(wanted, kind) and wanted and kind):
            options.append((1.2 if same else 0.3 + 0.5 * near, attribute))
    for fit, attribute in sorted(options, key=lambda o: (-o[0], o[1]))[:6]:
        yield site.swap(node, f"{site.self_name}.{attribute}", fit)


def attribute(site: Site, node: ast.Attribute) -> Proposals:
    """Another attribute of the same object."""
    own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
    callee = _is_callee(site, node)
    missing = node.attr in site.hints.attributes
    known: dict[str, float] = {}
    if own:
        wanted = site.attributes.get(node.attr, "")
        for other, kind in site.attributes.items():
            if (callee and kind not in {"func", ""}) or (not callee and kind == "func" and not missing):
                continue
            suits = 0.25 if wanted and kind == wanted else 0.0 if compatible(wanted, kind) else -0.3
            read = site.package.files[site.view.path].attributes["self"][other]
            known[other] = 0.4 + suits + 0.6 * closeness(node.attr, other) + (0.4 if read <= 1 else 0)
    else:
        from_text = site.index.attributes[_receiver(node.value)]
        for other, count in from_text.most_common(20):
            if node.attr != other and (other in METHODS) <= callee:
                known[other] = 0.4 + 0.5 * closeness(node.attr, other) + min(count, 4) * 0.03
        for facts in _classes_with(site, node.attr):
            for other, kind in facts.items():
                if callee == (kind == "func"):
                    known.setdefault(other, 0.35 + 0.5 * closeness(node.attr, other))
        if missing:
            for facts in (site.package.attributes(owner) for owner in sorted(site.hints.owners)):
                for other in facts:
                    known[other] = max(known.get(other, 0), 0.5 + 0.6 * closeness(node.attr, other))
    known.pop(node.attr, None)
    end = site.view.span(node)[1]
    for other, fit in sorted(known.items(), key=lambda o: (-o[1], o[0]))[:_MOST]:
        if not other.startswith("__") or other[:4] == node.attr[:4]:
            boost = (1.5 if missing else 1.0) * (1.5 if site.repeated(node) else 1.0)
            yield site.splice(end - len(node.attr), end, other, fit * boost)


def _receiver(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        return _receiver(node.func)
    return (
        node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else type(node).__name__
    )


def _classes_with(site: Site, attribute: str) -> list[dict[str, str]]:
    found = [f.attributes for c in site.package.classes.values() for f in c if attribute in f.attributes]
    return found[:3]


def receiver(site: Site, node: ast.Attribute) -> Proposals:
    """The attribute of another object: through ``self``, without it, through the class."""
    base = node.value
    if not isinstance(base, ast.Name):
        if isinstance(base, ast.Attribute):
            yield site.swap(base, site.text(base.value), 0.35)
        return
    if base.id == "self" and site.self_name:
        if node.attr in site.facts.parameters or node.attr.lstrip("_") in site.facts.parameters:
            if _loaded(node):
                yield site.swap(node, node.attr.lstrip("_"), 0.9)
        elif node.attr in site.facts.stores and _loaded(node):
            yield site.swap(node, node.attr, 0.8)
        if site.method_class is not None:
            yield site.swap(base, site.method_class.name, 0.3)
            yield site.swap(base, f"type({base.id})", 0.25)
            if _is_callee(site, node):
                yield site.swap(base, "super()", 0.7)
    elif site.self_name and site.method_class is not None and base.id == site.method_class.name:
        yield site.swap(base, site.self_name, 0.9)
    for other, fit in _other_bases(site, node, base):
        yield site.swap(base, other, fit)


def _other_bases(site: Site, node: ast.Attribute, base: ast.Name) -> Iterator[tuple[str, float]]:
    """Yield variables whose attribute may have been meant."""
    twice = 3.0 if site.repeated(node) else 1.0
    if twice > 1 and base.id == site.self_name:
        yield from ((known.name, 1.6) for known in site.variables)
    for known in site.variables:
        if known.name != base.id and known.kind in {"", "obj", site.lookup(base.id)} and base.id in site.facts.kinds:
            yield known.name, (0.2 + 0.3 * closeness(base.id, known.name)) * twice
    if (
        site.self_name
        and base.id in site.facts.parameters
        and node.attr in site.attributes
        and base.id != site.self_name
    ):
        yield site.self_name, 0.7


def sibling(site: Site, node: ast.Attribute) -> Proposals:
    """A sibling of a well-known method."""
    if not _is_callee(site, node):
        return
    end = site.view.span(node)[1]
    if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls", "super"}:
        return
    for other, fit in METHODS.get(node.attr, {}).items():
        yield site.splice(end - len(node.attr), end, other, fit * (1.4 if node.attr in site.hints.attributes else 1))
    if isinstance(node.value, ast.Name) and site.lookup(node.value.id) == "module":
        for other, fit in FUNCTIONS.get(node.attr, {}).items():
            if other not in BUILTINS:
                yield site.splice(end - len(node.attr), end, other, fit * 0.8)


def sibling_function(site: Site, node: ast.Name) -> Proposals:
    """A sibling of a well-known function."""
    if not _loaded(node) or node.id not in FUNCTIONS:
        return
    known = site.names.get(node.id)
    if known is not None and known.role != "import":
        return
    called = _is_callee(site, node)
    for other, fit in FUNCTIONS[node.id].items():
        if other in BUILTINS or other in site.names or ("." in other and other.split(".")[0] in site.names):
            yield site.swap(node, other, fit * (1.0 if called else 0.8))


def deeper(site: Site, node: ast.AST) -> Proposals:
    """A value where one of its attributes or items was meant."""
    if not _loaded(node) or _is_callee(site, node) or _in_annotation(site, node):
        return
    parent = site.parent(node)
    if isinstance(parent, (ast.Attribute, ast.Delete)) or (isinstance(parent, ast.Subscript) and node is parent.value):
        return
    if isinstance(node, ast.Name) and (node.id in {"self", "cls"} or site.names.get(node.id) is None):
        return
    kind = site.kind(node)
    if isinstance(node, ast.Name) and site.names[node.id].role not in {"parameter", "local"}:
        return
    text = site.text(node)
    if kind in {"", "obj"} and isinstance(node, ast.Name):
        for other, _ in site.index.attributes[node.id].most_common(6):
            method = other in METHODS or any(other in f.methods for c in site.package.classes.values() for f in c)
            if not method:
                yield site.swap(node, f"{text}.{other}", 0.5)
    if kind in {"", "list", "tuple"} and not isinstance(parent, (ast.BinOp, ast.Compare)):
        yield site.swap(node, f"{text}[0]", 0.3)
        yield site.swap(node, f"{text}[-1]", 0.2)
        yield site.swap(node, f"{text}[1]", 0.15)


def shallower(site: Site, node: ast.AST) -> Proposals:
    """An attribute, item or call too many."""
    if not _loaded(node) or isinstance(site.parent(node), (ast.Expr, ast.Delete)):
        return
    if isinstance(node, ast.Attribute) and not _is_callee(site, node):
        if (
            not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
            and site.kind(node.value) != "module"
        ):
            yield site.swap(node, site.text(node.value), 0.5)
    elif isinstance(node, ast.Subscript) and not isinstance(site.parent(node), (ast.arg, ast.AnnAssign)):
        yield site.swap(node, site.text(node.value), 0.6)


def call_parentheses(site: Site, node: ast.AST) -> Proposals:
    """A function that was not called, or a value that was."""
    if isinstance(node, ast.Call):
        if not node.args and not node.keywords and isinstance(node.func, ast.Attribute):
            fit = 1.2 if "not callable" in site.hints.message else 0.3
            yield site.swap(node, site.text(node.func), fit)
        return
    if not _loaded(node) or _is_callee(site, node) or isinstance(site.parent(node), (ast.Attribute, ast.Delete)):
        return
    if isinstance(node, ast.Attribute):
        own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        method = (
            site.attributes.get(node.attr) == "func"
            if own
            else (node.attr in METHODS or node.attr in site.index.signatures)
        )
        if method:
            yield site.swap(node, f"{site.text(node)}()", 1.2)
    elif (
        isinstance(node, ast.Name)
        and site.lookup(node.id) == "func"
        and not isinstance(site.parent(node), (ast.Call, ast.keyword))
    ):
        signatures = site.package.signatures.get(node.id, [])
        if any(s.required == 0 for s in signatures) and not _decorates(site, node):
            yield site.swap(node, f"{node.id}()", 0.9)


def _decorates(site: Site, node: ast.AST) -> bool:
    parent = site.parent(node)
    return node in getattr(parent, "decorator_list", [])


def missing_import(site: Site, node: ast.Name) -> Proposals:
    """A standard module or a name of a sibling module that was never imported."""
    if node.id not in site.hints.undefined or node.id in site.names:
        return
    line = _import_line(site)
    start = site.view.source.line_start(line)
    if node.id in sys.stdlib_module_names:
        yield _line(start, f"import {node.id}\n", 2.0)
    for module, names in _KNOWN_IMPORTS.items():
        if node.id in names:
            yield _line(start, f"from {module} import {node.id}\n", 2.0)
    for path, index in site.package.files.items():
        if path != site.view.path and node.id in index.globals and node.id not in index.imports:
            module = path.removesuffix(".py").removesuffix("/__init__").removeprefix("src/").removeprefix("lib/")
            yield _line(start, f"from {module.replace('/', '.')} import {node.id}\n", 1.6)


_KNOWN_IMPORTS = {
    "collections": {"defaultdict", "Counter", "OrderedDict", "deque", "namedtuple", "ChainMap"},
    "functools": {"wraps", "partial", "reduce", "lru_cache", "cached_property", "total_ordering"},
    "itertools": {"chain", "product", "islice", "groupby", "zip_longest", "accumulate", "permutations", "combinations"},
    "datetime": {"datetime", "timedelta", "date", "timezone"},
    "typing": {"Any", "Optional", "Union", "List", "Dict", "Tuple", "Callable", "Iterable"},
    "contextlib": {"contextmanager", "suppress", "closing", "nullcontext"},
    "pathlib": {"Path"},
    "dataclasses": {"dataclass", "field", "replace", "asdict"},
    "copy": {"deepcopy"},
    "decimal": {"Decimal"},
    "enum": {"Enum", "IntEnum"},
    "abc": {"ABC", "abstractmethod"},
}


def _line(start: int, text: str, fit: float) -> Proposal:
    return Proposal(((start, start, text),), fit, wide=True)


def _import_line(site: Site) -> int:
    """Line before which an import may be added."""
    line = 1
    for statement in site.view.source.tree.body:
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not (docstring or future):
            return statement.lineno
        line = (statement.end_lineno or statement.lineno) + 1
    return line


TEMPLATES = (
    Template("wrong-name", 0.75, "the wrong variable was used", (ast.Name,), name),
    Template("wrong-target", 0.4, "a value was assigned to the wrong variable", (ast.Name,), bound_name),
    Template("missing-self", 0.5, "an attribute of the object was meant", (ast.Name,), through_self),
    Template("wrong-attribute", 0.65, "the wrong attribute or method was used", (ast.Attribute,), attribute),
    Template("wrong-receiver", 0.45, "the attribute of the wrong object was used", (ast.Attribute,), receiver),
    Template("sibling-method", 0.75, "a similar but different method was used", (ast.Attribute,), sibling),
    Template("sibling-function", 0.75, "a similar but different function was used", (ast.Name,), sibling_function),
    Template("missing-access", 0.3, "a part of the value was meant", (ast.Name, ast.Attribute), deeper),
    Template("extra-access", 0.35, "the whole value was meant", (ast.Attribute, ast.Subscript), shallower),
    Template("call-parentheses", 0.6, "a function was not called, or a value was",
             (ast.Name, ast.Attribute, ast.Call), call_parentheses),
    Template("missing-import", 0.9, "a name was never imported", (ast.Name,), missing_import),
)  # fmt: skip
