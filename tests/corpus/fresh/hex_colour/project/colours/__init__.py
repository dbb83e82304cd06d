from colours.convert import from_hex, to_hex

__all__ = ["from_hex", "to_hex"]
