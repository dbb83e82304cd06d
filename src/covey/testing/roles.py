"""Roles and validators that say what they are told to say, in order, and nothing after that."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Generic, TypeVar

from covey.core.patch import Candidate
from covey.core.repair import ProbeReport, Spectrum, Standing, ValidationPlan, Verdict

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")


class ScriptedRole(Generic[RequestT, AnswerT]):
    """Answers in order; an answer that is an exception is raised. Keeps every request in ``requests``.

    Raises AssertionError when it is asked more often than it has answers.
    """

    def __init__(self, name: str, *answers: AnswerT | Exception) -> None:
        self.name = name
        self.requests: list[RequestT] = []
        self._answers = list(answers)

    async def run(self, request: RequestT, tools: object) -> AnswerT:  # noqa: ARG002 - the interface of a role
        """Return the next answer."""
        self.requests.append(request)
        if not self._answers:
            raise AssertionError(f"{self.name} was asked {len(self.requests)} times, more often than it has answers.")
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class ScriptedValidator:
    """Gives the standing that is written for a candidate's id (else ``failed``), one fixed spectrum and probe.

    ``tried`` holds the ids in the order in which they were judged, ``traced`` the tests of every trace, ``probed`` the
    ids of every probe.
    """

    def __init__(
        self,
        verdicts: Mapping[str, Verdict] | None = None,
        spectrum: Spectrum | None = None,
        probes: ProbeReport | None = None,
    ) -> None:
        self.tried: list[str] = []
        self.traced: list[tuple[str, ...]] = []
        self.probed: list[tuple[str, ...]] = []
        self._probes = probes or ProbeReport()
        self._verdicts = dict(verdicts or {})
        self._spectrum = spectrum or Spectrum()

    async def trace(self, tests: Sequence[str], timeout_s: float) -> Spectrum:  # noqa: ARG002 - nothing is run
        """Return the fixed spectrum."""
        self.traced.append(tuple(tests))
        return self._spectrum

    async def validate(self, candidates: Sequence[Candidate], plan: ValidationPlan) -> AsyncGenerator[Verdict, None]:  # noqa: ARG002
        """Yield one verdict for each candidate, in order."""
        for candidate in candidates:
            self.tried.append(candidate.id)
            yield self._verdicts.get(candidate.id) or Verdict(candidate=candidate.id, standing=Standing.failed)

    async def probe(
        self,
        candidates: Sequence[Candidate],
        tests: Sequence[str],  # noqa: ARG002
        *,
        timeout_s: float,  # noqa: ARG002
        seed: int,  # noqa: ARG002
    ) -> ProbeReport:
        """Return the fixed probe."""
        self.probed.append(tuple(candidate.id for candidate in candidates))
        return self._probes
