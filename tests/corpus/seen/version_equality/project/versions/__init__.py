from versions.version import Version, latest, unique_versions

__all__ = ["Version", "latest", "unique_versions"]
