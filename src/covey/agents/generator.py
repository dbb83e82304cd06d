"""Generate code: a model writes edits, and cannot write one that does not apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from covey.agents.desk import PROMPTS, Question
from covey.agents.excerpts import excerpts, shown
from covey.agents.slots import Attempt, Drafts, ProposeRequest
from covey.agents.workbench import Workbench
from covey.core.canonical import scrub
from covey.core.errors import AgentFeedback, EditError
from covey.core.model import Capabilities
from covey.core.patch import Candidate
from covey.core.repair import Suspect
from covey.core.testing import Failure
from covey.models.context import clip
from covey.models.edits import EditGrammar, EditLimits, edit_grammar
from covey.models.lineedits import EditFile, LineEdit, byte_edits
from covey.models.prompts import render
from covey.repair.sources import parse_tolerant
from covey.workspace.edits import changes_of

LINES = 160
"""Lines of code that a model sees; twice as many where its window has room for twice as much."""
LIMITS = EditLimits(edits=3, lines=16, characters=140)
"""A draft may change so much: repairs are small, and the longest answer decides how long a rambling model can take."""
ORIGIN = "model"
"""Origin of candidates that a model wrote; no template has this name."""
_FAILURES = 3
_ATTEMPTS = 4
_TRACE = 1_500
_WIDE_WINDOW = 16_000


class Generator:
    """Asks a model for drafts at the most suspicious places, or, once drafts were tried, for better ones."""

    name = "generator"

    async def run(self, request: ProposeRequest, tools: Workbench) -> Drafts:
        """Fill the slot. Raises what a model can do wrong: see :data:`covey.agents.desk.Trouble`."""

        def note(files: Sequence[EditFile], style: str) -> str:
            return retry(request.attempts, tools.sources) if request.attempts else task_note(request, files, style)

        return Drafts(candidates=await drafted(self.name, request, tools, note), exhausted=True)


async def drafted(
    role: str,
    request: ProposeRequest,
    tools: Workbench,
    note: Callable[[Sequence[EditFile], str], str],
    *,
    number: int = 0,
) -> tuple[Candidate, ...]:
    """Ask the model of ``role`` for drafts; empty when it only repeats what was tried.

    ``note`` writes the question from the files that may be edited and the name of the edit grammar; ``number`` is that
    of the first draft. Raises what a model can do wrong: see :data:`covey.agents.desk.Trouble`.
    """
    desk = tools.desk
    files, found = await readable(role, request.suspects, tools)
    grammar = edit_grammar(files, found, LIMITS)
    asked = Question(
        note=note(files, grammar.name),
        answer=grammar.answer,
        schema=grammar.schema,
        check=lambda answer: check(grammar.decode(answer), tools.sources),
        number=number,
    )
    answers = await desk.drafts(role, asked, request.count)
    return unique(answers, grammar, tools.sources, request.attempts)


async def readable(role: str, suspects: Sequence[Suspect], tools: Workbench) -> tuple[list[EditFile], Capabilities]:
    """The code around the suspects that the model of ``role`` has room for, and what its engine can do.

    Raises AgentFeedback when there is none, EngineError, UnusableModel.
    """
    found = await tools.desk.capabilities(role)
    files = excerpts(tools.sources, suspects, lines=LINES * (2 if found.context > _WIDE_WINDOW else 1))
    if not files:
        raise AgentFeedback("No suspicious line lies in a file that a model could edit.")
    return files, found


class NoDrafts:
    """Floor: without a model there are only the templates' drafts, which have a slot of their own."""

    name = "generator"

    async def run(self, request: ProposeRequest, tools: Workbench) -> Drafts:  # noqa: ARG002 - the interface of a role
        """Fill the slot with nothing."""
        return Drafts(exhausted=True)


def task_note(request: ProposeRequest, files: Sequence[EditFile], style: str) -> str:
    """What a model is told before its first draft."""
    return render(
        PROMPTS,
        "generator.jinja",
        failures=told(request.targets, request.failures),
        excerpts=[shown(file) for file in files],
        style=style,
    )


def told(targets: Sequence[str], failures: Sequence[Failure]) -> list[dict[str, str]]:
    """How the first few targets fail, for a template."""
    found = [
        {"test": test, "what": f"{failure.type}: {clip(failure.message)}", "text": trace(failure)}
        for test, failure in zip(targets, failures, strict=True)
    ]
    return found[:_FAILURES]


def trace(failure: Failure) -> str:
    """The framework's own words, without what differs from run to run."""
    return scrub(clip(failure.text, head=_TRACE // 3, tail=_TRACE)).strip()


def retry(attempts: Sequence[Attempt], sources: Mapping[str, bytes]) -> str:
    """What a model is told after drafts that did not solve it: the newest of them, and what the tests said."""
    return render(PROMPTS, "retry.jinja", attempts=retold(attempts, sources))


def retold(attempts: Sequence[Attempt], sources: Mapping[str, bytes]) -> list[dict[str, str]]:
    """The newest drafts and what the tests said, for a template."""
    return [{"diff": small_diff(one.candidate, sources), "said": said(one)} for one in attempts[-_ATTEMPTS:]]


def said(attempt: Attempt) -> str:
    """The verdict on a draft in one line."""
    verdict = attempt.verdict
    where = f" at {verdict.stopped_at}" if verdict.stopped_at else ""
    why = f": {verdict.failure_type} {verdict.failure_message}".rstrip() if verdict.failure_type else ""
    return clip(f"{verdict.standing}{where}{why}")


def small_diff(candidate: Candidate, sources: Mapping[str, bytes]) -> str:
    """Removed and added text of each edit of a draft."""
    parts = []
    for edit in candidate.edits:
        old = sources[edit.path][edit.start : edit.end].decode(edit.encoding, "replace")
        parts += [f"{edit.path}:", *(f"-{line}" for line in old.splitlines())]
        parts += [f"+{line}" for line in edit.text.splitlines()]
    return clip("\n".join(parts), head=1_000, tail=400)


def check(edits: Sequence[LineEdit], sources: Mapping[str, bytes]) -> None:
    """Raise AgentFeedback for edits that change nothing or leave a Python file that cannot be parsed."""
    changed = changes_of(sources, byte_edits(edits, sources))
    if not changed:
        raise AgentFeedback("That edit changes nothing.")
    for path, data in changed.items():
        if path.endswith(".py") and parse_tolerant(data.decode("utf-8", "replace")) is None:
            raise AgentFeedback(f"With that edit {path} is no longer valid Python; mind indentation and brackets.")


def unique(
    answers: Sequence[object], grammar: EditGrammar[Any], sources: Mapping[str, bytes], attempts: Sequence[Attempt]
) -> tuple[Candidate, ...]:
    """Turn answers into candidates; equal ones, and those that were tried, count once."""
    found: dict[str, Candidate] = {}
    tried = {attempt.candidate.id for attempt in attempts}
    for answer in answers:
        lines = grammar.decode(answer)
        try:
            edits = byte_edits(lines, sources)
            changes_of(sources, edits)
        except EditError:  # the file's encoding cannot hold what was written
            continue
        made = Candidate.make_id(edits)
        if made not in tried and made not in found:
            first = lines[0]
            found[made] = Candidate(
                id=made,
                edits=edits,
                origin=ORIGIN,
                path=first.path,
                line=first.first,
                score=1.0,
                explanation=f"A model rewrote {first.path} from line {first.first} on.",
            )
    return tuple(found.values())
