"""The error tree. Each message says what happened and what to do next.

::

    CoveyError
    ├── AgentFeedback          goes back to the role that caused it; the run goes on
    │   ├── EditError          an edit cannot be applied to the file it names
    │   ├── PatchDoesNotApply  a diff does not apply cleanly to its base
    │   ├── AnswerInvalid      a model's answer does not fit its schema, even after repair
    │   └── ContextOverflow    a prompt does not fit the model's window, even after compaction
    ├── RunError               ends the run; what was recorded stays (exit code 3)
    │   ├── SandboxError       the sandbox itself failed, not the program in it
    │   ├── EnvironmentBuildError  the repository's environment cannot be built
    │   ├── EngineError        a model engine crashed, hung or answered what nobody can read
    │   │   └── EngineOutOfMemory  it had no memory for the model, or for the context asked for
    │   ├── StoreError         the run store cannot be read or written
    │   │   ├── StoreConflict  another process appended to the same run first
    │   │   ├── StoreCorrupt   the store fails its own integrity check
    │   │   └── StoreFull      no space, or a file-size limit, under the store
    │   └── ReplayDivergence   the code no longer derives what the log says
    └── ConfigError            the user must act before a run can start (exit code 2)
        ├── UnusableInput      the repository or problem given cannot be worked on
        ├── UnusableModel      a model file, name, address or key cannot be used as given
        │   └── DoesNotFit     the model needs more memory than it may have
        ├── NoSandbox          nothing on this machine can contain untrusted code
        └── StoreTooNew        the store was written by a newer Covey
"""

from __future__ import annotations


class CoveyError(Exception):
    """Base of every error that Covey raises on purpose.

    ``str(error)`` is one or more plain sentences for the person or role that must act. ``detail`` holds longer
    material, for instance the last lines that an installer printed.
    """

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class AgentFeedback(CoveyError):
    """A role's output cannot be used; the message goes back to the role."""


class EditError(AgentFeedback):
    """An edit names a file, span or encoding that cannot be edited so."""


class PatchDoesNotApply(AgentFeedback):
    """A unified diff does not apply cleanly to the base it was made for."""


class AnswerInvalid(AgentFeedback):
    """A model's answer does not fit what was asked, even after bounded repair; ``detail`` holds its beginning."""


class ContextOverflow(AgentFeedback):
    """A prompt does not fit the window. ``tokens`` of the prompt, ``context`` of the engine; 0 where not known."""

    def __init__(self, message: str, *, tokens: int = 0, context: int = 0, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.tokens = tokens
        self.context = context


class RunError(CoveyError):
    """The run cannot go on; everything recorded so far stays readable and resumable."""


class SandboxError(RunError):
    """The sandbox itself failed (not the program inside it)."""


class EnvironmentBuildError(RunError):
    """The Python environment of the repository could not be built; ``detail`` ends with the installer's words."""


class EngineError(RunError):
    """A model engine crashed, hung or answered what nobody can read; ``detail`` ends with its own words.

    Roles fall back to their procedural floor on it: an engine never costs the run.
    """


class EngineOutOfMemory(EngineError):
    """The engine had no memory for the model, or for the context asked for."""


class StoreError(RunError):
    """The run store cannot be read or written."""


class StoreConflict(StoreError):
    """Another process appended to this run first, or holds its lock."""


class StoreCorrupt(StoreError):
    """The store, or a run's hash chain, fails its integrity check."""


class StoreFull(StoreError):
    """No space, or a file-size limit, under the store; the database stays intact and the run can be resumed."""


class ReplayDivergence(RunError):
    """Walking the recorded run again asked for something other than what was recorded."""


class ConfigError(CoveyError):
    """The user must change something before a run can start."""


class UnusableInput(ConfigError):
    """The repository, test command or problem given cannot be worked on."""


class UnusableModel(ConfigError):
    """A model file, name, address or key cannot be used as given; the message says what would do."""


class DoesNotFit(UnusableModel):
    """The model needs more memory than it may have; the message has the numbers and what would fit."""


class NoSandbox(ConfigError):
    """No sandbox on this machine can contain untrusted code, so nothing is run."""


class StoreTooNew(ConfigError):
    """The store's schema is newer than this Covey understands."""
