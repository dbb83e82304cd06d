from measures.length import METRES
from measures.temperature import SCALES


def convert(value, source, target):
    if source in SCALES and target in SCALES:
        return SCALES[target][1](SCALES[source][0](value))
    if source in METRES and target in METRES:
        return value * METRES[source] / METRES[target]
    raise ValueError(f"cannot convert {source} to {target}")
