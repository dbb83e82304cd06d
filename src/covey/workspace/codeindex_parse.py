"""What one source file defines, names and imports, read from its syntax tree.

Runs in a child process (:mod:`covey.workspace.codeindex_worker`) and imports nothing of Covey, so that a child starts
at once. Syntax errors are tolerated: tree-sitter recovers, and what it could make out is reported.
"""

from __future__ import annotations

import inspect
import json
import re
import zlib
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

LANGUAGES = {
    ".py": "python",
    ".pyi": "python",
    ".js": "javascript",
    ".jsx": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
}
"""Languages by the end of a file's name."""

MAX_SYMBOLS = 5_000
MAX_NAMES = 20_000
MAX_LINES = 200
"""Bounds of one file: definitions, distinct names used, and lines remembered for one name."""
MAX_NAME = 120
MAX_SIGNATURE = 200
MAX_DOC = 1_500
"""Characters of a name, a signature and a docstring."""

_QUERIES = {
    "python": """
(function_definition) @function
(class_definition) @class
(module (expression_statement (assignment left: (identifier)) @variable))
(class_definition body: (block (expression_statement (assignment left: (identifier)) @variable)))
(import_statement) @import
(import_from_statement) @import
(identifier) @name
""",
    "javascript": """
(function_declaration) @function
(generator_function_declaration) @function
(class_declaration) @class
(method_definition) @function
(program (lexical_declaration (variable_declarator name: (identifier)) @variable))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier)) @variable)))
(import_statement source: (string) @import)
(export_statement source: (string) @import)
(call_expression function: (identifier) @_require arguments: (arguments . (string) @import .)
  (#eq? @_require "require"))
[(identifier) (property_identifier) (shorthand_property_identifier)] @name
""",
}
_QUERIES["typescript"] = (
    _QUERIES["javascript"].replace("[(identifier)", "[(identifier) (type_identifier)")
    + """
(abstract_class_declaration) @class
(interface_declaration) @class
(enum_declaration) @class
(type_alias_declaration) @variable
"""
)
_QUERIES["tsx"] = _QUERIES["typescript"]
_SPACE = re.compile(r"\s+")


@cache
def _grammar(language: str) -> Language:
    from tree_sitter import Language

    if language == "python":
        import tree_sitter_python

        return Language(tree_sitter_python.language())
    if language == "javascript":
        import tree_sitter_javascript

        return Language(tree_sitter_javascript.language())
    import tree_sitter_typescript

    if language == "tsx":
        return Language(tree_sitter_typescript.language_tsx())
    return Language(tree_sitter_typescript.language_typescript())


@cache
def _query(language: str) -> Query:
    from tree_sitter import Query

    return Query(_grammar(language), _QUERIES[language])


def packed(value: object) -> bytes:
    """Pack for the cache: compressed JSON, whose checksum tells a damaged row."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"), 1)


def unpacked(data: bytes) -> Any:  # noqa: ANN401 - JSON
    """Undo :func:`packed`. Raises ValueError for damaged data."""
    try:
        return json.loads(zlib.decompress(data))
    except zlib.error as error:
        raise ValueError(str(error)) from None


def nothing(problem: str) -> tuple[bytes, bytes, bytes]:
    """Return the facts of a file that cannot be read, with the reason."""
    return packed([problem, [], [], ""]), packed({}), packed([])


def extract(language: str, data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return three packed columns: facts, uses and docstrings.

    Facts are ``[problem, [[qualified name, kind, line, last line, signature]…], imports, names]`` with the names used
    in one string, one a line; uses are ``{name: [line…]}``; docstrings ``[[qualified name, line, text]…]``.
    """
    if b"\0" in data:
        return nothing("binary")
    captures = _captures(language, data.removeprefix(b"\xef\xbb\xbf"))
    symbols, docs, defined = _symbols(captures)
    if language == "python" and (module := captures.get("root")):
        docs = [*_docstring("", module[0]), *docs]
    uses = _uses(captures.get("name", ()), defined)
    imports = sorted({name for node in captures.get("import", ()) for name in _imports(language, node)})
    facts = ["", symbols, imports[:MAX_NAMES], "\n".join(sorted(uses))]
    return packed(facts), packed(uses), packed(docs)


def _captures(language: str, data: bytes) -> dict[str, list[Node]]:
    from tree_sitter import Parser, QueryCursor

    root = Parser(_grammar(language)).parse(data).root_node
    captures: dict[str, list[Node]] = QueryCursor(_query(language)).captures(root)
    captures["root"] = [root]
    return captures


def _text(node: Node | None) -> str:
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def _symbols(captures: dict[str, list[Node]]) -> tuple[list[list[object]], list[list[object]], set[int]]:
    """Return symbols in the order of lines, their docstrings, and where the names of definitions start."""
    nodes = sorted(
        (node.start_byte, -node.end_byte, kind, node)
        for kind in ("function", "class", "variable")
        for node in captures.get(kind, ())
    )
    found: list[list[object]] = []
    docs: list[list[object]] = []
    defined: set[int] = set()
    around: list[tuple[int, str, str]] = []  # end, qualified name, kind
    seen: set[str] = set()
    for start, end, kind, node in nodes[: MAX_SYMBOLS * 2]:
        name_node = node.child_by_field_name("name") or node.child_by_field_name("left")
        name = _text(name_node)
        if name_node is None or not name or len(name) > MAX_NAME or "\n" in name or len(found) >= MAX_SYMBOLS:
            continue
        while around and around[-1][0] <= start:
            around.pop()
        defined.add(name_node.start_byte)
        qualified = f"{around[-1][1]}.{name}" if around else name
        if len(qualified) > MAX_NAME * 3 or (kind == "variable" and qualified in seen):
            continue
        seen.add(qualified)
        what = "method" if kind == "function" and around and around[-1][2] == "class" else kind
        if kind != "variable":
            around.append((-end, qualified, kind))
            docs += _docstring(qualified, node.child_by_field_name("body"))
        found.append([qualified, what, node.start_point.row + 1, node.end_point.row + 1, _signature(node)])
    return found, docs, defined


def _signature(node: Node) -> str:
    """Return the words before the body, or the beginning of a variable's line, as one line."""
    data = (node.text or b"")[: MAX_SIGNATURE * 8]
    if body := node.child_by_field_name("body"):
        before = [child for child in node.children if child.start_byte < body.start_byte]
        end = next((child for child in before if child.type == ":"), body)  # a comment may follow the colon
        data = data[: end.start_byte - node.start_byte]
    text = _SPACE.sub(" ", data.decode("utf-8", "replace")).strip().removesuffix("{").rstrip()
    return text if len(text) <= MAX_SIGNATURE else text[: MAX_SIGNATURE - 1] + "…"


def _docstring(name: str, body: Node | None) -> list[list[object]]:
    if body is None:
        return []
    first = next((child for child in body.children[:20] if child.is_named and child.type != "comment"), None)
    if first is None or first.type != "expression_statement" or not first.children:
        return []
    if first.children[0].type != "string":
        return []
    content = next((part for part in first.children[0].children[:4] if part.type == "string_content"), None)
    text = inspect.cleandoc(_text(content)[: MAX_DOC * 2])[:MAX_DOC]
    return [[name, first.start_point.row + 1, text]] if text else []


def _uses(nodes: Iterable[Node], defined: set[int]) -> dict[str, list[int]]:
    uses: dict[bytes, list[int]] = {}
    for node in nodes:
        name = node.text
        if not name or len(name) > MAX_NAME or node.start_byte in defined:
            continue
        lines = uses.get(name)
        if lines is None:
            if len(uses) >= MAX_NAMES:
                continue
            lines = uses[name] = []
        row = node.start_point.row + 1
        if len(lines) < MAX_LINES and (not lines or lines[-1] != row):
            lines.append(row)
    found: dict[str, list[int]] = {}
    for name, lines in sorted(uses.items()):
        text = name.decode("utf-8", "replace")
        if not any(char.isspace() for char in text):
            found[text] = sorted({*found.get(text, ()), *lines})
    return found


def _imports(language: str, node: Node) -> list[str]:
    """Return modules as written: ``a.b``, ``.a`` or, for ``from .a import b``, both ``.a`` and ``.a.b``."""
    if language != "python":
        return [_text(node)[1:-1][:MAX_NAME]]
    names = [
        _text(part.child_by_field_name("name") if part.type == "aliased_import" else part)[:MAX_NAME]
        for part in node.children_by_field_name("name")[:1_000]
    ]
    if node.type == "import_statement":
        return names
    module = _text(node.child_by_field_name("module_name"))[:MAX_NAME]
    separator = "" if module.endswith(".") else "."
    return [module, *(f"{module}{separator}{name}" for name in names)]
