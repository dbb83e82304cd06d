"""Change running code: apply byte edits, and give live functions the changed code. Python 3.6 and later, alone.

PYTEST_DONT_REWRITE

A swap is right only when the edit changes nothing but bodies of functions that have not run yet. Everything else
(defaults, decorators, class bodies, constants, annotations, signatures, closures, functions that ran while the
project was imported) raises :class:`NeedsFresh`, and the candidate is tried in a process that imports it afresh.
"""

import __future__

import ast
import gc
import os
import sys
import types

CO_OPTIMIZED = 0x1
CO_HAS_DOCSTRING = 0x4000000
# A feature that this Python always has leaves no mark in what the import system compiles.
FUTURES = sum(
    feature.compiler_flag
    for feature in (getattr(__future__, name) for name in __future__.all_feature_names)
    if feature.getMandatoryRelease() is None or feature.getMandatoryRelease() > sys.version_info
)


class NeedsFresh(Exception):
    """The edit cannot be put into a running process."""


class Damaged(Exception):
    """The file is no longer what the edits were made for."""


def apply_edits(data, edits):
    """Return ``data`` with edits ``[start, end, text, encoding]`` applied, last first."""
    for start, end, text, encoding in sorted(edits, key=lambda edit: (edit[0], edit[1]), reverse=True):
        if not 0 <= start <= end <= len(data):
            raise Damaged("an edit lies outside the file")
        data = data[:start] + text.encode(encoding, "surrogateescape") + data[end:]
    return data


def outline(data):
    """Top-level statements of a source file as ``(start, end, line)`` in bytes, its future flags, imported names.

    Small, so that a server can keep it: no syntax tree is kept.
    """
    tree = ast.parse(data)
    starts = [0]
    for at, byte in enumerate(data):
        if byte == 10:
            starts.append(at + 1)
    starts.append(len(data))
    flags = 0
    lines = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= getattr(__future__, alias.name).compiler_flag
        first = min([node.lineno] + [item.lineno for item in getattr(node, "decorator_list", [])])
        lines.append((first, getattr(node, "end_lineno", None)))
    spans = []
    for index, (first, last) in enumerate(lines):
        if last is None:  # Python 3.7 and older: up to the next statement
            last = lines[index + 1][0] - 1 if index + 1 < len(lines) else len(starts) - 1
        last = max(first, last)
        if spans and starts[first - 1] < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], starts[min(last, len(starts) - 1)]), None)
            continue
        spans.append((starts[first - 1], starts[min(last, len(starts) - 1)], first))
    return spans, flags & FUTURES, imported_names(tree)


def imported_names(tree):
    """Names that a module's own code imports: since Python 3.11 methods of such a name are called in another way."""
    names = set()
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            pending.extend(ast.iter_child_nodes(node))
    return sorted(names - {"*"})


def key_of(code):
    """What names a code object in one version of the source."""
    return code.co_filename, code.co_firstlineno, code.co_name


def live_functions(wanted):
    """Map ``key_of(code)`` → functions for every function alive whose file ``wanted`` accepts.

    Also returns the keys of code that generators and coroutines alive are in the middle of.
    """
    found = {}
    busy = set()
    kept = {}
    for item in gc.get_objects():
        kind = type(item)
        if kind is types.FunctionType:
            code = item.__code__
            path = code.co_filename
            if path not in kept:
                kept[path] = wanted(path)
            if kept[path]:
                found.setdefault(key_of(code), []).append(item)
        elif kind is types.GeneratorType:
            busy.add(key_of(item.gi_code))
        elif kind is types.CoroutineType:
            busy.add(key_of(item.cr_code))
        elif kind is types.AsyncGeneratorType:
            busy.add(key_of(item.ag_code))
    return found, busy


def same_constant(a, b):
    """Equal constants of equal types, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same_constant(x, y) for x, y in zip(a, b))
    if isinstance(a, frozenset):
        return sorted(map(repr, a)) == sorted(map(repr, b))
    if isinstance(a, slice):
        return repr(a) == repr(b)
    return repr(a) == repr(b)


SHELL = (
    "co_code",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_argcount",
    "co_kwonlyargcount",
    "co_posonlyargcount",
    "co_flags",
    "co_name",
    "co_exceptiontable",
)
SIGNATURE = ("co_freevars", "co_argcount", "co_kwonlyargcount", "co_posonlyargcount", "co_flags", "co_name")


def split(code):
    """Constants of a code object without and with nested code."""
    plain = [None if isinstance(item, types.CodeType) else item for item in code.co_consts]
    nested = [item for item in code.co_consts if isinstance(item, types.CodeType)]
    return plain, nested


def same_shell(old, new):
    """Do two code objects do the same themselves, whatever the functions defined in them do?"""
    if any(getattr(old, name, None) != getattr(new, name, None) for name in SHELL):
        return False
    old_plain, old_nested = split(old)
    new_plain, new_nested = split(new)
    return (
        len(old_nested) == len(new_nested)
        and [item.co_name for item in old_nested] == [item.co_name for item in new_nested]
        and same_constant(tuple(old_plain), tuple(new_plain))
    )


def docstring(code):
    """The documentation string of a function's code, None without."""
    first = code.co_consts[0] if code.co_consts else None
    if hasattr(types.CodeType, "co_qualname") and hasattr(types.CodeType, "co_branches"):
        return first if code.co_flags & CO_HAS_DOCSTRING else None
    return first if isinstance(first, str) else None


def changed(old, new, path, started, swaps, top):
    """Collect ``(old, new, must_be_alive)`` for every function whose code changes, outer before inner.

    ``top`` says that the code around it ran when the module was imported.
    """
    function = bool(old.co_flags & CO_OPTIMIZED)
    if same_shell(old, new):
        pairs = list(zip(split(old)[1], split(new)[1]))
        before = len(swaps)
        for one, other in pairs:
            changed(one, other, path, started, swaps, not function)
        if function and len(swaps) > before:
            swaps.insert(before, (old, new, top))
        return
    if not function:
        raise NeedsFresh("code that runs at import changes")
    if old.co_name.startswith("<") and old.co_name != "<lambda>" and top:
        raise NeedsFresh("a comprehension that runs at import changes")
    if any(getattr(old, name, None) != getattr(new, name, None) for name in SIGNATURE):
        raise NeedsFresh("a signature changes")
    params = old.co_argcount + old.co_kwonlyargcount + bool(old.co_flags & 4) + bool(old.co_flags & 8)
    if old.co_varnames[:params] != new.co_varnames[:params]:
        raise NeedsFresh("a signature changes")
    if docstring(old) != docstring(new):
        raise NeedsFresh("a docstring changes")
    if key_of(old) in started:
        raise NeedsFresh("a function that ran at import changes")
    swaps.append((old, new, top))


def by_statement(edits, layout):
    """Group edits of one file by the top-level statement that each lies in. Raises NeedsFresh."""
    groups = {}
    for edit in edits:
        home = [span for span in layout[0] if span[0] <= edit[0] and edit[1] <= span[1]]
        # An edit at the seam of two statements belongs to neither.
        if len(home) != 1 or home[0][2] is None or edit[0] == edit[1] == home[0][0]:
            raise NeedsFresh("an edit outside a statement")
        groups.setdefault(home[0], []).append(edit)
    return groups


def compiled(filename, data, text, span, layout):
    """Compile ``text``, which stands for a statement of ``data``, as the whole file would be."""
    _, flags, imported = layout
    try:
        tree = ast.parse(_decoded(data, text), filename)
    except SyntaxError as error:
        error.lineno = (error.lineno or 1) + span[2] - 1
        raise
    if len(tree.body) != 1:
        raise NeedsFresh("a statement becomes several, or none")
    ast.increment_lineno(tree, span[2] - 1)
    if imported:  # the compiler must see what it saw in the whole file
        names = ast.Import(names=[ast.alias(name=name, asname=None) for name in imported])
        tree.body.append(ast.fix_missing_locations(ast.copy_location(names, tree.body[0])))
    return compile(tree, filename, "exec", flags, True)


def plan_swaps(path, filename, data, edits, layout, started, kept=()):
    """Return the swaps for edits of one file, oldest code first. Raises NeedsFresh, SyntaxError, Damaged.

    ``kept`` may hold the code of unedited statements, by file name and first byte.
    """
    groups = by_statement(edits, layout)
    swaps = []
    for span in sorted(groups):
        start, end, _ = span
        text = data[start:end]
        moved = [[edit[0] - start, edit[1] - start, edit[2], edit[3]] for edit in groups[span]]
        known = (filename, start) in kept
        old = kept[filename, start] if known else compiled(filename, data, text, span, layout)
        new = compiled(filename, data, apply_edits(text, moved), span, layout)
        changed(old, new, path, started, swaps, True)
    return swaps


def _decoded(data, text):
    """Decode a part of a file as the whole says."""
    import io
    import tokenize

    encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    return text.decode("utf-8" if encoding == "utf-8-sig" else encoding).lstrip("\ufeff")


def swap(swaps, live):
    """Give live functions their new code. Raises NeedsFresh when one that must be there cannot be found."""
    work = []
    for old, new, must in swaps:
        functions = [item for item in live.get(key_of(old), ()) if item.__code__ == old]
        if must and not functions:
            raise NeedsFresh("the function %s is not there as written" % old.co_name)
        if len(functions) != len(live.get(key_of(old), ())):
            raise NeedsFresh("the function %s is not there as written" % old.co_name)
        work.extend((item, new) for item in functions)
    for item, new in work:
        item.__code__ = new


def check_syntax(path, data):
    """Raise SyntaxError unless ``data`` is a Python file that compiles."""
    compile(data, path, "exec", 0, True)


def read(path, state):
    """Read a file that must not have changed since ``state`` (size, mtime in ns)."""
    with open(path, "rb") as stream:
        data = stream.read()
        info = os.fstat(stream.fileno())
    if state is not None and state != (info.st_size, info.st_mtime_ns):
        raise Damaged("%s was changed" % path)
    return data
