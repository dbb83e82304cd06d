"""Lead: choose the places where another shall work, and say what to do there."""

from __future__ import annotations

from pydantic import Field

from covey.agents.desk import PROMPTS, Question
from covey.agents.excerpts import shown
from covey.agents.generator import readable, retold, told
from covey.agents.planner import choosable
from covey.agents.team_slots import Lead, Place, PlanRequest
from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback
from covey.core.redact import visible
from covey.core.repair import Suspect
from covey.models.edits import Choice, choice_schema
from covey.models.prompts import render
from covey.models.schema import Bounded, plain

PLACES = 3
"""Places at most: what does not fit into them is too much for one draft."""
_SYMBOLS = 12


class LeadAnswer(Bounded):
    """What a leading model writes."""

    choices: tuple[Choice, ...] = Field(min_length=1, max_length=PLACES)
    instruction: str = Field(max_length=300)


class Leader:
    """Asks a model where to work, out of the suspicious functions, and what to do."""

    name = "leader"

    async def run(self, request: PlanRequest, tools: Workbench) -> Lead:
        """Fill the slot. Raises what a model can do wrong: see :data:`covey.agents.desk.Trouble`."""
        symbols = symbols_of(request)
        known = {(path, name) for path, names in symbols.items() for name in names or [""]}
        code = [] if request.introduced else (await readable(self.name, request.suspects, tools))[0]
        note = render(
            PROMPTS,
            "leader.jinja",
            failures=() if request.introduced else told(request.targets, request.failures),
            excerpts=[shown(file) for file in code],
            places=[{"path": path, "symbol": name} for path, names in symbols.items() for name in names or [""]],
            attempts=retold(request.attempts[request.known :], tools.sources),
            issues=request.issues,
        )
        schema = choice_schema(list(symbols), symbols, PLACES)
        properties, required = schema["properties"], schema["required"]
        assert isinstance(properties, dict)
        assert isinstance(required, list)
        properties["instruction"] = {"type": "string", "maxLength": 300}
        required.append("instruction")

        def check(answer: LeadAnswer) -> None:
            if unknown := [one for one in answer.choices if (one.path, one.symbol) not in known]:
                raise AgentFeedback(
                    f"{unknown[0].path[:160]!r} with {unknown[0].symbol[:80]!r} is none of the places listed; "
                    "choose from them."
                )
            if not answer.instruction.strip():
                raise AgentFeedback("The instruction is empty; say what to do at these places.")

        asked = Question(note=note, answer=LeadAnswer, schema=schema, check=check)
        answer: LeadAnswer = await tools.desk.ask(self.name, asked)
        places = dict.fromkeys(Place(path=one.path, symbol=one.symbol) for one in answer.choices)
        return Lead(places=tuple(places), instruction=visible(answer.instruction.strip()), source="model")


class FirstPlaces:
    """Floor: the most suspicious functions, and nothing but the tests as an instruction."""

    name = "leader"

    async def run(self, request: PlanRequest, tools: Workbench) -> Lead:  # noqa: ARG002 - the interface of a role
        """Fill the slot."""
        places = dict.fromkeys(Place(path=one.path, symbol=one.symbol) for one in request.suspects)
        return Lead(places=tuple(places)[:PLACES], instruction="Make the failing tests pass.")


def symbols_of(request: PlanRequest) -> dict[str, list[str]]:
    """Suspicious functions by path, the most suspicious first. Raises AgentFeedback when there is no file."""
    found: dict[str, list[str]] = {path: [] for path in choosable(request)}
    for one in request.suspects:
        names = found.get(one.path)
        if names is not None and one.symbol and one.symbol not in names and plain(one.symbol) == one.symbol:
            names.append(one.symbol)
    return {path: names[:_SYMBOLS] for path, names in found.items()}


def within(suspects: tuple[Suspect, ...], places: tuple[Place, ...]) -> tuple[Suspect, ...]:
    """Suspects at ``places``, in the order of the places; all of them when none lies there."""
    found = [
        suspect
        for place in places
        for suspect in suspects
        if suspect.path == place.path and place.symbol in ("", suspect.symbol)
    ]
    return tuple(dict.fromkeys(found)) or suspects
