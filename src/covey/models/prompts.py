"""Role prompts: Jinja2 templates beside the roles, and files shown with line numbers.

A prompt's bytes decide what an engine can reuse, so a template gets its values as arguments and nothing else: no
clock, no environment, no files. Values from a repository are data: they are never rendered as templates themselves.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from covey.core.redact import visible
from covey.models.lineedits import EditFile

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

LINE_CHARACTERS = 400
"""Characters of a line that :func:`numbered` shows."""


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Return the one template environment: an unknown name is an error, and no value can be changed or reached into."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        newline_sequence="\n",
    )
    made.filters["visible"] = visible
    return made


def render(package: str, name: str, /, **values: object) -> str:
    """Render the template file ``name`` that lies in ``package``, without blanks around it.

    Raises jinja2.UndefinedError for a name without a value, and FileNotFoundError: both are faults of Covey itself.
    """
    return environment().from_string(_source(package, name)).render(**values).strip()


@cache
def _source(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")


def numbered(file: EditFile, first: int = 1, last: int | None = None) -> str:
    """Show lines ``first`` to ``last`` as ``number|line``, as the labels of an edit grammar name them.

    Control, bidi and other invisible characters show as escapes; a long line is cut, and says so.
    """
    stop = len(file.lines) if last is None else min(last, len(file.lines))
    return "\n".join(f"{number}|{_shown(file.lines[number - 1])}" for number in range(max(1, first), stop + 1))


def _shown(line: str) -> str:
    if len(line) <= LINE_CHARACTERS:
        return visible(line)
    return f"{visible(line[:LINE_CHARACTERS])} [{len(line) - LINE_CHARACTERS} more characters]"
