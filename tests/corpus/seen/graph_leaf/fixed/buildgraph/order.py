class Cycle(ValueError):
    def __init__(self, path):
        super().__init__(" -> ".join(path))
        self.path = path


def order(graph):
    """Return the tasks so that each comes after those it depends on."""
    done = []
    finished = set()

    def visit(task, path):
        if task in finished:
            return
        if task in path:
            raise Cycle([*path[path.index(task) :], task])
        for needed in graph.get(task, ()):
            visit(needed, [*path, task])
        finished.add(task)
        done.append(task)

    for task in graph:
        visit(task, [])
    return done
