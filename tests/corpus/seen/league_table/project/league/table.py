def ranked(pairs, reverse=False):
    """Return (rank, name, points), best first unless told otherwise; equal points share a rank."""
    ordered = sorted(sorted(pairs), key=lambda pair: pair[1], reverse=reverse)
    result = []
    for position, (name, points) in enumerate(ordered, start=1):
        rank = position
        if result and result[-1][2] == points:
            rank = result[-1][0]
        result.append((rank, name, points))
    return result


def rank_table(scores, **options):
    rows = ranked(scores.items(), **options)
    width = max((len(name) for _, name, _ in rows), default=0)
    return "\n".join(f"{rank}. {name:<{width}} {points:>4}" for rank, name, points in rows)
