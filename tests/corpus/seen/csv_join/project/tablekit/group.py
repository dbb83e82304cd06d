def group_totals(rows, key, value):
    """Sum ``value`` for each ``key``, in order of first appearance."""
    totals = {}
    for row in rows:
        totals[row[key]] = totals.get(row[key], 0) + row[value]
    return totals
