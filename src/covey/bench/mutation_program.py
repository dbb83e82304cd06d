"""Prints the mutants that cosmic-ray's own operators make of one file, one JSON object a line.

A program for the interpreter that has cosmic-ray, run by its path: ``python mutation_program.py FILE [LIMIT SEED]``.
With LIMIT only so many are made, drawn by SEED from all occurrences of all operators. Offsets count bytes from 0.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path


def occurrences(text: str) -> Iterator[tuple[str, int]]:
    """Every operator without parameters, with the number of each of its places."""
    plugins = importlib.import_module("cosmic_ray.plugins")
    trees = importlib.import_module("cosmic_ray.ast")
    nodes = list(trees.ast_nodes(trees.get_ast(text)))
    for name in sorted(plugins.operator_names()):
        kind = plugins.get_operator(name)
        if not kind.arguments() and not name.endswith("/NoOp"):
            operator = kind()
            count = sum(1 for node in nodes for _ in operator.mutation_positions(node))
            yield from ((name, number) for number in range(count))


def span(before: bytes, after: bytes) -> tuple[int, int, bytes]:
    """The bytes of ``before`` that differ, and what ``after`` has there."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    tail = 0
    while tail < min(len(before), len(after)) - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    while start > 0 and before[start] & 0xC0 == 0x80:  # never inside a character
        start -= 1
    while tail > 0 and before[len(before) - tail] & 0xC0 == 0x80:
        tail -= 1
    return start, len(before) - tail, after[start : len(after) - tail]


def main(argv: list[str]) -> int:
    """Print the mutants."""
    plugins = importlib.import_module("cosmic_ray.plugins")
    mutating = importlib.import_module("cosmic_ray.mutating")
    data = Path(argv[0]).read_bytes()
    text = data.decode("utf-8")
    chosen = list(occurrences(text))
    if len(argv) > 1:
        # The order of draws is the same for every limit, so a longer list begins like a shorter one.
        random.Random(int(argv[2])).shuffle(chosen)  # noqa: S311 - a sample, not secrets
        chosen = chosen[: int(argv[1])]
    for name, number in chosen:
        changed = mutating.mutate_code(text, plugins.get_operator(name)(), number)
        if changed is not None and changed != text:
            start, end, new = span(data, changed.encode("utf-8"))
            item = {"operator": name, "occurrence": number, "start": start, "end": end, "text": new.decode("utf-8")}
            sys.stdout.write(json.dumps(item) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
