"""What is wanted, and what roles say to each other about it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, JsonValue

from covey.core.canonical import Frozen


class TaskStatus(StrEnum):
    """Where a task stands."""

    pending = "pending"
    in_progress = "in_progress"
    completed = "completed"
    failed = "failed"


class Task(Frozen):
    """What is wanted. A subtask is a Task with a ``parent`` and a ``role``.

    ``repository`` is the absolute path of the user's tree (never written), ``base`` the content id of its snapshot
    (see ``workspace``), ``test_command`` the user's own command or None to find one, ``holdout`` the tests that only
    the verdict may use.
    """

    id: str
    description: str = ""
    repository: str = ""
    base: str = ""
    test_command: str | None = None
    holdout: tuple[str, ...] = ()
    role: str | None = None
    parent: str | None = None
    status: TaskStatus = TaskStatus.pending
    context: dict[str, JsonValue] = Field(default_factory=dict)
    result: JsonValue = None


class AgentMessage(Frozen):
    """One message between roles, always part of a recorded step."""

    sender: str
    receiver: str
    content: str
    task_id: str
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class ToolCall(Frozen):
    """A role's request to use a tool, with the arguments as the tool got them."""

    id: str
    tool: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class ToolResult(Frozen):
    """What a tool answered; ``ok`` is False when the text is an error for the role."""

    call_id: str
    ok: bool
    text: str
