"""The bytes of the prompts of roles that ask a model: a change of one is seen here, and made on purpose.

After such a change delete the file concerned and run this test once: it writes it anew, and fails that one time.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.agents.documenter import Documenter
from covey.agents.narrator import Narrator
from covey.agents.once import Once
from covey.agents.pinpointer import Pinpointer
from covey.agents.reproducer import Reproducer
from covey.agents.requirements import Requirements
from covey.agents.slots import (
    Brief,
    DocumentRequest,
    Localisation,
    LocaliseRequest,
    ReproduceRequest,
    Reproduction,
    Spec,
    UnderstandRequest,
)
from covey.agents.understander import Understander
from covey.agents.witness import Witness
from covey.agents.workbench import Workbench
from covey.core.patch import Patch
from covey.core.repair import Suspect, ValidationPlan
from covey.core.testing import Failure, Outcome, TestResult
from covey.models.backends.scripted import ScriptedBackend
from covey.testing.roles import ScriptedRole
from support_asking import asking_bench, prompt_of, said
from support_roles import SHOP, ScriptedRunner, candidate_of, passed, report_of

HERE = Path(__file__).parent / "prompts_roles"
STATEMENT = (
    "Carts subtract.\n\nThe total of a cart in shop/cart.py is negative: `total([1, 2])` gives -3 instead of 3, so "
    "customers are paid for what they buy. It should raise ValueError for None\u202e.\n"
)
FILES = {**SHOP, "shop/till.py": "from shop.cart import total\n\n\ndef pay(cart):\n    return total(cart)\n"}
RED = TestResult(id="t", outcome=Outcome.failed, failure=Failure(type="AssertionError", message="-3 != 3"))
GREEN = report_of(passed("tests.test_cart.CartTest.test_empty", "tests/test_cart.py"))


DIFF = "--- a/shop/cart.py\n+++ b/shop/cart.py\n@@ -4 +4 @@\n-        result -= value\n+        result += value\n"


async def requirements(tools: Workbench) -> None:
    await Requirements(Understander()).run(UnderstandRequest(statement=STATEMENT), tools)


async def pinpointer(tools: Workbench) -> None:
    suspects = (Suspect(path="shop/cart.py", line=4, score=0.6), Suspect(path="shop/till.py", line=5, score=0.3))
    where = Localisation(suspects=suspects, plan=ValidationPlan(targets=("t",)))
    request = LocaliseRequest(brief=Brief(), baseline=report_of(RED), reproduction=Reproduction(targets=("t",)))
    await Pinpointer(ScriptedRole[LocaliseRequest, Localisation]("localiser", where)).run(request, tools)


async def witness(tools: Workbench) -> None:
    spec = Spec(expected="Values are added.", actual="Values are subtracted.", examples=("total([1, 2])",))
    await Witness(Once(Reproducer())).run(ReproduceRequest(brief=Brief(spec=spec), baseline=GREEN), tools)


async def narrator(tools: Workbench) -> None:
    candidate = candidate_of(tools, "shop/cart.py", "-=", "+=")
    patch = Patch(id="p", base="b", diff=DIFF, files=("shop/cart.py",), candidate=candidate, explanation="Adds.")
    request = DocumentRequest(
        brief=Brief(),
        reproduction=Reproduction(targets=("tests.test_cart.CartTest.test_total",)),
        localisation=Localisation(),
        patch=patch,
        review=None,
        evaluation=None,
        tried=3,
    )
    await Narrator(Documenter()).run(request, tools)


TEST = {"imports": ["from shop.cart import total"], "fails_with": "AssertionError"}
ROLES = {
    "requirements": (
        requirements,
        [said(title="t", expected="e", actual="a", files=[], symbols=["total"], examples=[0], stories=[], assumes=[])],
    ),
    "pinpointer": (pinpointer, [said(choices=[{"path": "shop/cart.py", "symbol": "total"}])]),
    "witness": (
        witness,
        [said(lines=["assert total([]) == 0"], **TEST), said(lines=["assert total([]) == 0"], **TEST)],
    ),
    "narrator": (narrator, [said(sentences=["Values were subtracted instead of added."])]),
}


@pytest.fixture(params=sorted(ROLES))
async def asked(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ScriptedBackend]:
    """A role, and the model that it asked."""
    role, script = ROLES[request.param]
    runner = ScriptedRunner(report_of(passed("w", "tests/test_covey_witness.py")))
    tools, backend = await asking_bench(tmp_path, script, statement=STATEMENT, files=FILES, runner=runner)
    await role(tools)
    return request.param, backend


def test_a_prompt_has_the_bytes_that_were_written_down(asked: tuple[str, ScriptedBackend]) -> None:
    name, backend = asked
    schema = json.dumps(backend.calls[0].sampling.max_tokens)
    text = f"{prompt_of(backend)}<at most {schema} tokens>\n"
    golden = HERE / f"{name}.txt"
    if not golden.exists():
        golden.write_bytes(text.encode())
        pytest.fail(f"{golden.name} was not there and has been written; look at it and run this again.")
    assert text.encode() == golden.read_bytes()


def test_a_first_prompt_is_short_before_any_repository_map(asked: tuple[str, ScriptedBackend]) -> None:
    """700 tokens at four bytes each, the words of the user and what the role shows of the code included."""
    _, backend = asked
    first = backend.calls[0].completion.usage
    assert first.prefilled + first.reused <= 700
