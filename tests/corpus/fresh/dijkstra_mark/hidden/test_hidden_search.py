import random
from itertools import permutations

from routes.network import Network
from routes.search import cheapest


def test_against_all_paths():
    source = random.Random(5)
    for _ in range(30):
        roads = [(a, b, source.randint(1, 20)) for a in range(5) for b in range(a) if source.random() < 0.7]
        costs = {**{(a, b): c for a, b, c in roads}, **{(b, a): c for a, b, c in roads}}
        best = None
        for length in range(0, 4):
            for middle in permutations((1, 2, 3), length):
                path = (0, *middle, 4)
                steps = list(zip(path, path[1:]))
                if all(step in costs for step in steps):
                    total = sum(costs[step] for step in steps)
                    best = total if best is None else min(best, total)
        found = cheapest(Network(*roads), 0, 4)
        assert (found and found[0]) == best
