"""Light guesses of types, good enough to keep nonsense out. The empty string means "not known"."""

from __future__ import annotations

import ast
from collections.abc import Callable

Lookup = Callable[[str], str]


def words(text: str) -> list[str]:
    """Split a table written as one text."""
    return text.split()


STR_METHODS = frozenset(
    [
        "capitalize",
        "casefold",
        "center",
        "encode",
        "endswith",
        "format",
        "isalnum",
        "isalpha",
        "isdigit",
        "islower",
        "isspace",
        "istitle",
        "isupper",
        "join",
        "ljust",
        "lower",
        "lstrip",
        "partition",
        "rjust",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
        "zfill",
        "removeprefix",
        "removesuffix",
        "expandtabs",
        "isnumeric",
        "isdecimal",
        "isidentifier",
    ]
)
LIST_METHODS = frozenset(["append", "extend", "insert", "sort", "reverse"])
DICT_METHODS = frozenset(["keys", "values", "items", "setdefault", "get"])
SET_METHODS = frozenset(
    [
        "add",
        "discard",
        "union",
        "intersection",
        "difference",
        "issubset",
        "issuperset",
        "symmetric_difference",
        "isdisjoint",
    ]
)

_CALLS = {
    "len": "int", "int": "int", "ord": "int", "sum": "int", "hash": "int", "id": "int", "float": "float",
    "round": "int", "str": "str", "repr": "str", "chr": "str", "input": "str", "format": "str", "hex": "str",
    "bytes": "bytes", "bool": "bool", "isinstance": "bool", "issubclass": "bool", "hasattr": "bool", "any": "bool",
    "all": "bool", "callable": "bool", "list": "list", "sorted": "list", "dict": "dict", "set": "set",
    "frozenset": "set", "tuple": "tuple", "defaultdict": "dict", "Counter": "dict", "OrderedDict": "dict",
    "deque": "list", "range": "iter", "zip": "iter", "map": "iter", "filter": "iter", "enumerate": "iter",
    "reversed": "iter", "iter": "iter",
}  # fmt: skip
_METHODS = {
    **dict.fromkeys(words("split rsplit splitlines"), "list"),
    **dict.fromkeys(words("strip lstrip rstrip lower upper title join replace format capitalize zfill center"), "str"),
    **dict.fromkeys(words("ljust rjust decode hexdigest casefold swapcase removeprefix removesuffix"), "str"),
    **dict.fromkeys(words("startswith endswith isdigit isalpha isalnum isspace isupper islower issubset"), "bool"),
    **dict.fromkeys(["find", "rfind", "index", "rindex", "count", "bit_length"], "int"),
    **dict.fromkeys(words("keys values items"), "iter"),
    **dict.fromkeys(["union", "intersection", "difference", "symmetric_difference"], "set"),
    "encode": "bytes",
}
_ARGUMENT = {
    **dict.fromkeys(words("len sum sorted list tuple set max any all enumerate reversed"), "iter"),
    **dict.fromkeys(words("range chr abs hex bin"), "int"),
}
_NODES: dict[type[ast.AST], str] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.Tuple: "tuple",
    ast.GeneratorExp: "iter",
    ast.JoinedStr: "str",
    ast.Compare: "bool",
    ast.Lambda: "func",
}
_ANNOTATIONS = {
    "int": "int", "float": "float", "str": "str", "bytes": "bytes", "bool": "bool", "list": "list", "List": "list",
    "Sequence": "list", "dict": "dict", "Dict": "dict", "Mapping": "dict", "MutableMapping": "dict", "set": "set",
    "Set": "set", "frozenset": "set", "FrozenSet": "set", "tuple": "tuple", "Tuple": "tuple", "Callable": "func",
    "Iterable": "iter", "Iterator": "iter", "Generator": "iter", "None": "none",
}  # fmt: skip
_NUMBERS = frozenset({"int", "float", "bool"})
_CONTAINERS = frozenset({"list", "tuple", "set", "dict", "iter", "str", "bytes"})


def callee_name(call: ast.Call) -> str:
    """Last identifier of what is called, or nothing."""
    func = call.func
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def constant_kind(value: object) -> str:
    """Kind of a literal's value."""
    return "none" if value is None else type(value).__name__


def _binary(node: ast.BinOp, lookup: Lookup, depth: int) -> str:
    left, right = kind_of(node.left, lookup, depth - 1), kind_of(node.right, lookup, depth - 1)
    if isinstance(node.op, ast.Div) and left not in {"", "Path"}:
        return "float"
    if isinstance(node.op, ast.Mod) and left in {"str", "bytes"}:
        return left
    if "float" in (left, right):
        return "float"
    return left or right


def kind_of(node: ast.AST | None, lookup: Lookup, depth: int = 4) -> str:
    """Guess the type of an expression; names are answered by ``lookup``."""
    if node is None or depth == 0:
        return ""
    if isinstance(node, ast.Constant):
        return constant_kind(node.value)
    if type(node) in _NODES:
        return _NODES[type(node)]
    if isinstance(node, ast.Name):
        return lookup(node.id)
    if isinstance(node, ast.Attribute):
        return lookup("self." + node.attr) if isinstance(node.value, ast.Name) and node.value.id == "self" else ""
    if isinstance(node, ast.Call):
        name = callee_name(node)
        if isinstance(node.func, ast.Attribute):
            return _METHODS.get(name, "")
        return _CALLS.get(name, "obj" if name[:1].isupper() else "")
    if isinstance(node, ast.BinOp):
        return _binary(node, lookup, depth)
    if isinstance(node, ast.UnaryOp):
        return "bool" if isinstance(node.op, ast.Not) else kind_of(node.operand, lookup, depth - 1)
    if isinstance(node, ast.IfExp):
        return kind_of(node.body, lookup, depth - 1) or kind_of(node.orelse, lookup, depth - 1)
    if isinstance(node, ast.BoolOp):
        return kind_of(node.values[-1], lookup, depth - 1)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return kind_of(node.value, lookup, depth - 1)
    return ""


def annotation_kind(node: ast.expr | None) -> str:
    """Guess a type from an annotation."""
    if isinstance(node, ast.Subscript):
        return annotation_kind(node.value)
    if isinstance(node, ast.Constant):
        return _ANNOTATIONS.get(str(node.value).split("[")[0], "none" if node.value is None else "")
    if isinstance(node, ast.BinOp):
        return annotation_kind(node.left)
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return _ANNOTATIONS.get(name, "")


def used_kind(parent: ast.AST | None, node: ast.AST) -> str:
    """Guess a type from one use of a value."""
    if isinstance(parent, ast.Attribute):
        for kind, methods in (
            ("str", STR_METHODS),
            ("list", LIST_METHODS),
            ("dict", DICT_METHODS),
            ("set", SET_METHODS),
        ):
            if parent.attr in methods:
                return kind
        return "obj"
    if isinstance(parent, ast.BinOp) and not isinstance(parent.op, (ast.Add, ast.Mult, ast.Mod, ast.BitOr, ast.BitAnd)):
        return "int"
    if isinstance(parent, ast.BinOp):
        other = parent.right if node is parent.left else parent.left
        return constant_kind(other.value) if isinstance(other, ast.Constant) else ""
    if isinstance(parent, ast.Compare):
        if len(parent.comparators) == 1 and isinstance(parent.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq)):
            other = parent.comparators[0] if node is parent.left else parent.left
            return constant_kind(other.value) if isinstance(other, ast.Constant) and other.value is not None else ""
        return ""
    if isinstance(parent, ast.Call):
        return (
            "func" if node is parent.func else _ARGUMENT.get(callee_name(parent), "") if node in parent.args[:1] else ""
        )
    if isinstance(parent, ast.Slice):
        return "int"
    if isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)) and node is parent.iter:
        return "iter"
    return ""


def compatible(wanted: str, offered: str) -> bool:
    """False when a value of kind ``offered`` is surely wrong where ``wanted`` is needed."""
    if not wanted or not offered or wanted == offered:
        return True
    if wanted in _NUMBERS and offered in _NUMBERS:
        return True
    if wanted == "iter":
        return offered in _CONTAINERS or offered == "obj"
    if offered == "iter":
        return wanted in {"list", "tuple", "set", "dict"}
    return bool({wanted, offered} <= {"list", "tuple", "set"} or {wanted, offered} <= {"func", "class", "obj"})
