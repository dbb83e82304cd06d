"""The prompt as a ledger: it only grows, so an engine prefills each token once.

All roles on one model share one immutable prefix; a role adds its note at the end, then observations and answers
follow. Two things only grow:

* :meth:`Ledger.data`, one canonical JSON line for each part: what was written before is a byte prefix of what is
  written later.
* :meth:`Ledger.messages`. Strict chat templates want one system message and then user and assistant in turn, so
  entries of the same side that follow each other are one message, joined by a blank line. The rule that keeps the
  engine's cache: **later messages differ from earlier ones only behind the last character of the earlier ones.** All
  earlier messages but the last are equal in the later list, and the last one is the beginning of its successor. Once
  an answer stands behind it, a message never changes again. Where nothing was answered (the engine failed), only the
  template's own words that follow a message are prefilled anew.

No clocks and no random order: equal work gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from covey.core.canonical import Frozen, canonical_json
from covey.core.model import ChatMessage, Completion
from covey.core.protocols import ModelBackend
from covey.core.run import Usage
from covey.models.schema import BoundedT
from covey.models.structured import Answered

SEPARATOR = "\n\n"
"""Between entries that share a message."""

Kind = Literal["note", "observation", "answer", "failed", "repair"]
PRIORITIES: dict[Kind, int] = {"failed": 1, "repair": 1, "observation": 3, "note": 6, "answer": 6}
"""Priority of an entry when none is given: failed turns go first, then observations."""
PINNED = 9
"""Priority of entries that are never shortened."""


class Prefix(Frozen):
    """What every prompt of a run begins with. ``task`` opens the first user message; the rest is the system message."""

    charter: str = Field(min_length=1)
    tools: str = ""
    repository: str = ""
    task: str = Field(min_length=1)

    @property
    def system(self) -> str:
        """Charter, tools and repository map, those that are there."""
        return SEPARATOR.join(part for part in (self.charter, self.tools, self.repository) if part)


class Entry(Frozen):
    """One addition. ``role`` wrote it; ``priority`` is 0 to 9, the least important are shortened first.

    ``note``: what a role is asked. ``observation``: what a tool or a test said. ``answer``: what the model said.
    ``failed`` and ``repair``: an answer that did not fit, and the reason given to the model.
    """

    role: str
    kind: Kind
    text: str = Field(min_length=1)
    priority: int = Field(ge=0, le=PINNED)

    @property
    def side(self) -> Literal["user", "assistant"]:
        """Whose message it is part of."""
        return "assistant" if self.kind in ("answer", "failed") else "user"


class Spent(NamedTuple):
    """What one completion cost, and the role it was for."""

    role: str
    usage: Usage


class Ledger:
    """An append-only prompt. Not safe for two writers; :meth:`fork` gives parallel drafts one each."""

    def __init__(self, prefix: Prefix) -> None:
        self.prefix = prefix
        self._entries: list[Entry] = []
        self._spent: list[Spent] = []
        self._tokens: list[int] = []
        self._prefix_tokens = 0
        self._closed: list[ChatMessage] = []  # messages with another one behind them: they stay as they are
        self._open: tuple[int, ChatMessage | None] = (0, None)  # entries rendered so far, and the message still growing

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        return tuple(self._entries)

    @property
    def spent(self) -> tuple[Spent, ...]:
        """All completions, oldest first, in the engine's own count."""
        return tuple(self._spent)

    @property
    def tokens(self) -> tuple[int, ...]:
        """Tokens of the prefix, then of each entry, as far as :meth:`count` has counted."""
        return (self._prefix_tokens, *self._tokens)

    @property
    def usage(self) -> Usage:
        """Tokens of all completions together."""
        return sum((spent.usage for spent in self._spent), Usage())

    def usage_by_role(self) -> dict[str, Usage]:
        """Tokens by role, in the order in which the roles came."""
        totals: dict[str, Usage] = {}
        for role, usage in self._spent:
            totals[role] = totals.get(role, Usage()) + usage
        return totals

    def note(self, role: str, text: str, *, priority: int | None = None) -> None:
        """Add what ``role`` is asked next."""
        self._add(role, "note", text, priority)

    def observe(self, role: str, text: str, *, priority: int | None = None) -> None:
        """Add what a tool or a test said to ``role``."""
        self._add(role, "observation", text, priority)

    def answer(self, role: str, completion: Completion, *, priority: int | None = None) -> None:
        """Add a whole answer and what it cost."""
        self._add(role, "answer", completion.text, priority)
        self._spent.append(Spent(role, completion.usage))

    def answered(self, role: str, answered: Answered[BoundedT], *, priority: int | None = None) -> None:
        """Add the turns that a typed answer took, failed ones and the reasons given for them included."""
        last = len(answered.messages) - 1
        for index, message in enumerate(answered.messages):
            if index == last:
                self._add(role, "answer", message.content, priority)
            else:
                self._add(role, "failed" if message.role == "assistant" else "repair", message.content, None)
        self._spent += (Spent(role, completion.usage) for completion in answered.completions)

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add entries as they were recorded; their tokens were spent then."""
        self._entries += entries

    def messages(self) -> tuple[ChatMessage, ...]:
        """Return the prompt so far; see the rule at the top of this module.

        Only what was added since the last time is rendered: a long run asks often.
        """
        done, last = self._open
        if last is None:
            system, last = render(self.prefix, ())
            self._closed = [system]
        for entry in self._entries[done:]:
            if entry.side == last.role:
                last = ChatMessage(role=last.role, content=f"{last.content}{SEPARATOR}{entry.text}")
            else:
                self._closed.append(last)
                last = ChatMessage(role=entry.side, content=entry.text)
        self._open = (len(self._entries), last)
        return (*self._closed, last)

    def data(self) -> bytes:
        """Return everything that was added, one JSON line each: what :meth:`messages` follows from, nothing else."""
        parts = [(name, getattr(self.prefix, name)) for name in Prefix.model_fields]
        lines = [canonical_json({"kind": name, "text": text}) for name, text in parts]
        lines += [canonical_json(entry.model_dump()) for entry in self._entries]
        return "".join(line + "\n" for line in lines).encode("ascii")

    async def count(self, backend: ModelBackend) -> int:
        """Count the prompt with the engine's tokenizer, and with it each entry added since the last time.

        An entry's tokens are those by which it lengthens the prompt, the template's words included.
        """
        if not self._prefix_tokens:
            self._prefix_tokens = await backend.count(render(self.prefix, ()))
        total = sum(self.tokens)
        for index in range(len(self._tokens), len(self._entries)):
            now = await backend.count(render(self.prefix, self._entries[: index + 1]))
            self._tokens.append(now - total)
            total = now
        return total

    def fork(self) -> Ledger:
        """Return a ledger that begins with this one and grows on its own; completions so far are counted here only."""
        other = Ledger(self.prefix)
        other._entries = list(self._entries)
        other._tokens = list(self._tokens)
        other._prefix_tokens = self._prefix_tokens
        return other

    def _add(self, role: str, kind: Kind, text: str, priority: int | None) -> None:
        chosen = PRIORITIES[kind] if priority is None else priority
        self._entries.append(Entry(role=role, kind=kind, text=text, priority=chosen))


def render(prefix: Prefix, entries: Iterable[Entry]) -> tuple[ChatMessage, ...]:
    """Write prefix and entries as messages: system, then user and assistant in turn."""
    turns: list[tuple[Literal["user", "assistant"], list[str]]] = [("user", [prefix.task])]
    for entry in entries:
        if turns[-1][0] == entry.side:
            turns[-1][1].append(entry.text)
        else:
            turns.append((entry.side, [entry.text]))
    return (
        ChatMessage(role="system", content=prefix.system),
        *(ChatMessage(role=side, content=SEPARATOR.join(texts)) for side, texts in turns),
    )


def grows(earlier: Sequence[ChatMessage], later: Sequence[ChatMessage]) -> bool:
    """Tell whether ``later`` keeps the rule at the top of this module towards ``earlier``."""
    if not earlier or len(later) < len(earlier):
        return not earlier
    last, successor = earlier[-1], later[len(earlier) - 1]
    return (
        list(earlier[:-1]) == list(later[: len(earlier) - 1])
        and last.role == successor.role
        and successor.content.startswith(last.content)
    )
