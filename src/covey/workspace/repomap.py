"""A map of a repository for a prompt: its most important files with their most important signatures.

A file that uses a name points at the files that define it, the rarer the name the more; where the user imports some of
the definers, only at those. PageRank over these edges (Page, Brin, Motwani and Winograd, "The PageRank Citation
Ranking: Bringing Order to the Web", 1999), restarted at the files and symbols mentioned, ranks the files; a symbol is
worth what its users pass on to it. The same index and arguments give the same bytes.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from covey.core.canonical import Frozen
from covey.core.redact import visible
from covey.workspace.codeindex import CodeIndex, Symbol
from covey.workspace.paths import show

DAMPING = 0.85
ROUNDS = 20
"""0.85^20 is 4 %: more rounds do not change which files come first."""
MAX_DEFINERS = 8
"""A name that more files define says nothing about which of them is meant."""
_INNER = 0.2
"""What a use counts towards a method or attribute: its name may well mean another object's."""
MAX_SYMBOLS = 2_000
"""Signatures that a map may have, whatever the budget."""
_MENTIONED = 20.0
_PER_FILE = 30
_SIGNATURE = 120

Edges = dict[str, dict[str, float]]
_Score = dict[tuple[str, str], float]


class RepoMap(Frozen):
    """The text, its tokens as counted, and how many files and symbols it names, of how many files."""

    text: str
    tokens: int
    files: int
    symbols: int
    of_files: int


def estimate_tokens(text: str) -> int:
    """Estimate tokens as a quarter of the bytes, rounded up."""
    return math.ceil(len(text.encode("utf-8", "replace")) / 4)


async def repository_map(
    index: CodeIndex,
    budget: int,
    *,
    files: Sequence[str] = (),
    symbols: Sequence[str] = (),
    count: Callable[[str], int] = estimate_tokens,
) -> RepoMap:
    """Return a map of at most ``budget`` tokens by ``count``, seeded by mentioned ``files`` and ``symbols``.

    An empty text when not even one symbol fits.
    """
    return await asyncio.to_thread(_map, index, budget, tuple(files), tuple(symbols), count)


def _map(
    index: CodeIndex, budget: int, files: Sequence[str], symbols: Sequence[str], count: Callable[[str], int]
) -> RepoMap:
    seeds: dict[str, float] = defaultdict(float)
    for path in files:
        if path in index:
            seeds[path] += 1.0
    wanted: set[tuple[str, str]] = set()
    for name in symbols:
        definitions = index.definitions(name)
        for path, symbol in definitions:
            seeds[path] += 1.0 / len(definitions)
            wanted.add((path, symbol.name))
    edges, passed = _edges(index)
    ranks = pagerank(index.paths, edges, seeds)
    score = _symbol_scores(index, edges, passed, ranks, wanted)
    ranked = sorted(score, key=lambda key: (-score[key], key))
    ranked = _capped(ranked)[:MAX_SYMBOLS]
    order = {path: -ranks[path] for path in index.paths}

    def render(length: int) -> str:
        return _render(index, ranked[:length], order)

    low, high = 0, len(ranked)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(render(middle)) <= budget else (low, middle - 1)
    text = render(low)
    named = {path for path, _ in ranked[:low]}
    return RepoMap(text=text, tokens=count(text), files=len(named), symbols=low, of_files=len(index.paths))


def _edges(index: CodeIndex) -> tuple[Edges, dict[str, list[tuple[str, str, float]]]]:
    """Return the weight of each edge, and for each user what it passes on: file, plain name, weight."""
    definers: dict[str, dict[str, float]] = defaultdict(dict)
    for path in index.paths:
        for symbol in index.symbols(path):
            found = definers[symbol.name.rpartition(".")[2]]
            found[path] = max(found.get(path, 0.0), _INNER if symbol.depth else 1.0)
    edges: Edges = {}
    passed: dict[str, list[tuple[str, str, float]]] = {}
    for path in index.paths:
        imported = set(index.imports(path))
        out: dict[str, float] = defaultdict(float)
        given = passed[path] = []
        for name in index.facts(path).names:
            targets = definers.get(name)
            if targets is None or len(name) < 3:
                continue
            near = [target for target in targets if target in imported] if imported else []
            chosen = near or ([] if len(targets) > MAX_DEFINERS or path in targets else list(targets))
            for target in chosen:
                weight = targets[target] * (4.0 if near else 1.0) / len(targets)
                out[target] += weight
                given.append((target, name, weight))
        edges[path] = dict(out)
    return edges, passed


def pagerank(nodes: Sequence[str], edges: Edges, seeds: Mapping[str, float]) -> dict[str, float]:
    """Return the rank of each node; they sum to 1. Without ``seeds`` every node is one."""
    if not nodes:
        return {}
    total = sum(seeds.get(node, 0.0) for node in nodes)
    restart = {node: seeds.get(node, 0.0) / total if total else 1.0 / len(nodes) for node in nodes}
    flows = [
        (node, [(target, weight / whole) for target, weight in out.items()])
        for node in nodes
        if (out := edges.get(node)) and (whole := sum(out.values()))
    ]
    flowing = {node for node, _ in flows}
    ranks = dict(restart)
    for _ in range(ROUNDS):
        stuck = sum(rank for node, rank in ranks.items() if node not in flowing)
        share = 1.0 - DAMPING + DAMPING * stuck
        following = {node: share * restart[node] for node in nodes}
        for node, parts in flows:
            rank = DAMPING * ranks[node]
            for target, part in parts:
                following[target] += rank * part
        ranks = following
    return ranks


def _symbol_scores(
    index: CodeIndex,
    edges: Edges,
    passed: Mapping[str, Sequence[tuple[str, str, float]]],
    ranks: Mapping[str, float],
    wanted: set[tuple[str, str]],
) -> _Score:
    by_name: dict[tuple[str, str], float] = defaultdict(float)
    for path, given in passed.items():
        whole = sum(edges[path].values())
        for target, name, weight in given:
            by_name[target, name] += ranks[path] * weight / whole
    score: _Score = {}
    for path in index.paths:
        symbols = index.symbols(path)
        for symbol in symbols:
            value = by_name.get((path, symbol.name.rpartition(".")[2]), 0.0) + ranks[path] / (10 + len(symbols))
            value /= 1 + symbol.depth
            score[path, symbol.name] = value + (_MENTIONED if (path, symbol.name) in wanted else 0.0)
    return score


def _capped(ranked: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Keep at most so many symbols of a file, so that one large file does not fill the map."""
    taken: dict[str, int] = defaultdict(int)
    kept = []
    for path, name in ranked:
        if taken[path] < _PER_FILE:
            taken[path] += 1
            kept.append((path, name))
    return kept


def _render(index: CodeIndex, chosen: Sequence[tuple[str, str]], order: Mapping[str, float]) -> str:
    """Write files by rank and their symbols by line, each with the classes around it."""
    names: dict[str, set[str]] = defaultdict(set)
    for path, name in chosen:
        parts = name.split(".")
        names[path].update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
    blocks = []
    for path in sorted(names, key=lambda path: (order[path], path)):
        lines = [_line(symbol) for symbol in index.symbols(path) if symbol.name in names[path]]
        blocks.append("\n".join([f"{show(path)}:", *lines]))
    return "\n".join(blocks)


def _line(symbol: Symbol) -> str:
    text = symbol.signature if len(symbol.signature) <= _SIGNATURE else symbol.signature[: _SIGNATURE - 1] + "…"
    return f"{symbol.line:>5} {'  ' * symbol.depth}{visible(text)}"
