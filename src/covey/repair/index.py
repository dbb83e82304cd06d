"""What files define and how names are used in them: the stock of donors for repairs."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from covey.repair import donors
from covey.repair.kinds import annotation_kind, callee_name, kind_of, used_kind
from covey.repair.uses import UsesOfFile
from covey.repair.view import FUNCTIONS, Function, View


@dataclass(slots=True)
class Signature:
    """Parameters of a function as a caller sees them (without ``self`` or ``cls`` for methods)."""

    name: str
    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    required: int
    open: bool  # takes *args or **kwargs

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that may be passed by keyword."""
        return self.positional + self.keyword_only


def signature(function: Function, *, method: bool) -> Signature:
    """Signature of a function or method."""
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    skip = 1 if method and names and not static else 0
    required = max(0, len(names) - len(arguments.defaults) - skip)
    wide = arguments.vararg is not None or arguments.kwarg is not None
    only = tuple(a.arg for a in arguments.kwonlyargs)
    return Signature(function.name, tuple(names[skip:]), only, required, wide)


@dataclass(slots=True)
class FunctionFacts:
    """Names of one function: where they are set, how often they are read, what they seem to hold."""

    parameters: tuple[str, ...] = ()
    stores: dict[str, list[tuple[int, ast.expr | None]]] = field(default_factory=lambda: defaultdict(list))
    loads: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ClassFacts:
    """Attributes of one class: kind by name, methods, the node."""

    node: ast.ClassDef
    attributes: dict[str, str] = field(default_factory=dict)
    methods: dict[str, Function] = field(default_factory=dict)
    bases: tuple[str, ...] = ()


class FileIndex:
    """Definitions and uses of one file."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.globals: dict[str, str] = {}
        self.constants: dict[str, ast.expr] = {}
        self.imports: dict[str, str] = {}
        self.classes: dict[str, ClassFacts] = {}
        self.signatures: dict[str, list[Signature]] = defaultdict(list)
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)
        self.attributes: dict[str, Counter[str]] = defaultdict(Counter)  # receiver → attribute names
        self.strings: Counter[str] = Counter()
        self.numbers: Counter[int | float] = Counter()
        self.loads: Counter[str] = Counter()
        self._facts: dict[Function, FunctionFacts] = {}
        for statement in view.source.tree.body:
            self._global(statement)
        for node in view.parents:
            self._use(node)
        for node in view.classes:
            self.classes.setdefault(node.name, self._class(node))
        for function in view.functions:
            method = isinstance(view.parents.get(function), ast.ClassDef)
            self.signatures[function.name].append(signature(function, method=method))

    def _global(self, node: ast.stmt) -> None:
        if isinstance(node, FUNCTIONS):
            self.globals[node.name] = "func"
        elif isinstance(node, ast.ClassDef):
            self.globals[node.name] = "class"
        elif isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return  # directives, not names to use
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                self.imports[name] = alias.name
                self.globals[name] = "module" if isinstance(node, ast.Import) else ""
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    self.globals[target.id] = kind_of(node.value, lambda _: "")
                    self.constants[target.id] = node.value
        elif isinstance(node, (ast.If, ast.Try)):
            for inner in (*node.body, *node.orelse):
                self._global(inner)

    def _use(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self.calls[callee_name(node)].append(node)
        elif isinstance(node, ast.Attribute):
            self.attributes[receiver(node.value)][node.attr] += 1
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self.loads[node.id] += 1
        elif isinstance(node, ast.Constant):
            value = node.value
            if isinstance(value, str) and len(value) <= 60 and not isinstance(self.view.parents.get(node), ast.Expr):
                self.strings[value] += 1
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                self.numbers[value] += 1

    def _class(self, node: ast.ClassDef) -> ClassFacts:
        facts = ClassFacts(node, bases=tuple(b for b in map(_tail, node.bases) if b))
        for item in node.body:
            if isinstance(item, FUNCTIONS):
                facts.methods[item.name] = item
                marks = {_tail(d) for d in item.decorator_list}
                facts.attributes[item.name] = "" if marks & {"property", "cached_property"} else "func"
            elif isinstance(item, ast.Assign):
                for target in item.targets:
                    if isinstance(target, ast.Name):
                        facts.attributes[target.id] = kind_of(item.value, lambda _: "")
            elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                facts.attributes[item.target.id] = annotation_kind(item.annotation)
        for method in facts.methods.values():
            own = self.facts(method)
            for inner in ast.walk(method):
                if (
                    isinstance(inner, ast.Attribute)
                    and isinstance(inner.ctx, ast.Store)
                    and receiver(inner.value) == "self"
                ):
                    statement = self.view.parents.get(inner)
                    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
                    kind = kind_of(value, lambda name, own=own: own.kinds.get(name, ""))  # type: ignore[misc]
                    facts.attributes[inner.attr] = facts.attributes.get(inner.attr, "") or kind
        return facts

    def facts(self, function: Function) -> FunctionFacts:
        """Facts of one function, nested functions included in the counts."""
        if function not in self._facts:
            self._facts[function] = self._collect(function)
        return self._facts[function]

    def _collect(self, function: Function) -> FunctionFacts:
        a = function.args
        every = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        facts = FunctionFacts(tuple(x.arg for x in every))
        for argument in every:
            facts.kinds[argument.arg] = annotation_kind(argument.annotation)
        for argument, default in zip(reversed([*a.posonlyargs, *a.args]), reversed(a.defaults), strict=False):
            known = kind_of(default, lambda _: "")
            if not facts.kinds[argument.arg] and known != "none":
                facts.kinds[argument.arg] = known
        if a.vararg:
            facts.kinds[a.vararg.arg] = "tuple"
        if a.kwarg:
            facts.kinds[a.kwarg.arg] = "dict"
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                self._name(node, facts, function)
            elif isinstance(node, FUNCTIONS) and node is not function and self._owner(node) is function:
                facts.stores[node.name].append((node.lineno, None))
                facts.kinds[node.name] = "func"
            elif isinstance(node, ast.ExceptHandler) and node.name and self._owner(node) is function:
                facts.stores[node.name].append((node.lineno, None))
                facts.kinds[node.name] = "obj"
        return facts

    def _owner(self, node: ast.AST) -> ast.AST | None:
        """Scope in which a name bound by ``node`` lives: a function, or a comprehension."""
        current = self.view.parents.get(node)
        while current is not None and not isinstance(
            current, (*FUNCTIONS, ast.comprehension, ast.Lambda, ast.ClassDef)
        ):
            current = self.view.parents.get(current)
        return current

    def _name(self, node: ast.Name, facts: FunctionFacts, function: Function) -> None:
        parent = self.view.parents.get(node)
        if isinstance(node.ctx, ast.Load):
            facts.loads[node.id] += 1
            if not facts.kinds.get(node.id):
                facts.kinds[node.id] = used_kind(parent, node)
            return
        if self._owner(node) is not function:
            return
        value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) else None
        facts.stores[node.id].append((node.lineno, value))
        known = kind_of(value, lambda name: facts.kinds.get(name, ""))
        if known not in {"", "none"} and not facts.kinds.get(node.id):
            facts.kinds[node.id] = known
        if isinstance(parent, ast.For) and isinstance(parent.iter, ast.Call):
            facts.kinds.setdefault(node.id, "int" if callee_name(parent.iter) == "range" else "")

    @cached_property
    def statements(self) -> list[donors.Piece]:
        """Statements that may be used again."""
        return donors.statements(self.view)

    @cached_property
    def assignments(self) -> dict[str, list[ast.Assign]]:
        """Assignments by the text of their first target."""
        found: dict[str, list[ast.Assign]] = defaultdict(list)
        for node in self.view.statements:
            if isinstance(node, ast.Assign):
                found[self.view.segment(node.targets[0])].append(node)
        return found

    @cached_property
    def contexts(self) -> dict[ast.ClassDef | None, dict[str, bool]]:
        """Attributes of ``self`` that methods of a class enter by ``with``: text → whether by ``async with``."""
        found: dict[ast.ClassDef | None, dict[str, bool]] = defaultdict(dict)
        for node in self.view.statements:
            if isinstance(node, (ast.With, ast.AsyncWith)) and node.items[0].optional_vars is None:
                text = self.view.segment(node.items[0].context_expr)
                if text.startswith("self.") and len(text) < 50:
                    found[self.view.class_of(node)][text] = isinstance(node, ast.AsyncWith)
        return found

    @cached_property
    def checks(self) -> list[donors.Piece]:
        """Checks that may be made again."""
        return donors.checks(self.view)

    @cached_property
    def uses(self) -> UsesOfFile:
        """How values are used here."""
        return UsesOfFile(self.view)

    @cached_property
    def conditions(self) -> list[donors.Piece]:
        """Conditions that may be used again."""
        return donors.conditions(self.view)

    @cached_property
    def generators(self) -> frozenset[Function]:
        """Functions that yield."""
        return donors.generators(self.view)

    @cached_property
    def async_names(self) -> frozenset[str]:
        """Names of coroutine functions defined here."""
        return frozenset(f.name for f in self.view.functions if isinstance(f, ast.AsyncFunctionDef))


def receiver(node: ast.AST) -> str:
    """Short name of what an attribute is taken from: ``self.items.x`` and ``items.x`` both give ``items``."""
    return _tail(node) or type(node).__name__


def _tail(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        return _tail(node.func)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


class Package:
    """All parsed files together."""

    def __init__(self, views: Iterable[View]) -> None:
        self.files = {view.path: FileIndex(view) for view in views}
        self.classes: dict[str, list[ClassFacts]] = defaultdict(list)
        self.signatures: dict[str, list[Signature]] = defaultdict(list)
        for index in self.files.values():
            for name, facts in index.classes.items():
                self.classes[name].append(facts)
                init = facts.methods.get("__init__")
                if init is not None:
                    self.signatures[name].append(signature(init, method=True))
                elif fields := _dataclass_fields(facts):
                    self.signatures[name].append(fields)
            for name, found in index.signatures.items():
                self.signatures[name].extend(found)

    @cached_property
    def async_names(self) -> frozenset[str]:
        """Names of coroutine functions defined anywhere."""
        return frozenset().union(*(index.async_names for index in self.files.values()))

    def mro(self, name: str, depth: int = 5) -> list[ClassFacts]:
        """Class ``name`` and its visible bases, nearest first."""
        found: list[ClassFacts] = []
        queue = [name]
        while queue and depth:
            depth -= 1
            for facts in self.classes.get(queue.pop(0), [])[:1]:
                if facts not in found:
                    found.append(facts)
                    queue.extend(facts.bases)
        return found

    def attributes(self, class_name: str) -> dict[str, str]:
        """Attributes known of ``self`` in a class: kind by name, own before inherited."""
        result: dict[str, str] = {}
        for facts in self.mro(class_name):
            for name, kind in facts.attributes.items():
                result.setdefault(name, kind)
        return result


def _dataclass_fields(facts: ClassFacts) -> Signature | None:
    if not any(_tail(d) in {"dataclass", "define", "attrs"} for d in facts.node.decorator_list):
        return None
    fields = [i for i in facts.node.body if isinstance(i, ast.AnnAssign) and isinstance(i.target, ast.Name)]
    names = tuple(i.target.id for i in fields if isinstance(i.target, ast.Name))
    return Signature(facts.node.name, names, (), sum(1 for i in fields if i.value is None), open=False)
