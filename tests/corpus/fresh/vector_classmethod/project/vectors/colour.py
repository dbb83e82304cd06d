from vectors.vector import Vector


class Colour(Vector):
    """Red, green and blue from 0 to 1."""

    def hex(self):
        return "#" + "".join(f"{round(255 * min(max(v, 0), 1)):02x}" for v in self.values)


def blend(colours):
    total = Colour.zero()
    for colour in colours:
        total = total + colour
    return total * (1 / len(colours))
