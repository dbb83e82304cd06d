def dependants(graph, task):
    """Tasks that depend directly on ``task``."""
    return sorted(name for name, needed in graph.items() if task in needed)


def roots(graph):
    """Tasks that nobody needs."""
    needed = {name for names in graph.values() for name in names}
    return sorted(set(graph) - needed)
