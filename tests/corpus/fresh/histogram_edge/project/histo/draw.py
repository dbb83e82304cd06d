def draw(counts, width=20, mark="*"):
    most = max(counts, default=0)
    return "\n".join(mark * round(width * count / most) if most else "" for count in counts)
