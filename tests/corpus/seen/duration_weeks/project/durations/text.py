from durations.units import SECONDS


def format_duration(seconds):
    if seconds == 0:
        return "0s"
    parts = []
    for unit, size in sorted(SECONDS.items(), key=lambda item: -item[1]):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts)
