from records.clean import clean, changed

__all__ = ["changed", "clean"]
