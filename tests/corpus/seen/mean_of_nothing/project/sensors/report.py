def summary_line(series):
    mean = series.mean()
    if mean is None:
        return f"{series.name}: no data"
    low, high = series.extremes()
    return f"{series.name}: {mean:.1f}{series.unit} ({low}..{high})"


def report(all_series):
    return "\n".join(summary_line(series) for series in sorted(all_series, key=lambda s: s.name))
