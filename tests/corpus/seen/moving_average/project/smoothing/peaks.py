from smoothing.averages import moving_average


def peaks(values, window=1):
    """Positions in the smoothed series that are higher than both neighbours."""
    smooth = moving_average(values, window)
    return [i for i in range(1, len(smooth) - 1) if smooth[i - 1] < smooth[i] > smooth[i + 1]]
