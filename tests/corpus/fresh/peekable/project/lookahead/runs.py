from lookahead.peekable import Peekable


def ascending_runs(numbers):
    """Split a sequence of numbers into rising runs."""
    source = Peekable(numbers)
    while source:
        run = [next(source)]
        while source and source.peek() > run[-1]:
            run.append(next(source))
        yield run
