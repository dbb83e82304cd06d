"""The Python with which a repository's tests run: found, given, or built once and kept."""

from covey.execution.environments.prepare import prepare_environment

__all__ = ["prepare_environment"]
