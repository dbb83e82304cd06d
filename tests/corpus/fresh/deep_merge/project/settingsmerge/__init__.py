from settingsmerge.merge import difference, merge

__all__ = ["difference", "merge"]
