"""Django's runner, by the interface that it has kept since 1.6 (a stand-in: Django itself is not a dependency)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from covey.core.execution import TestCommand
from covey.core.patch import Candidate, Edit
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.execution.forkserver import ForkServer
from covey.execution.runner import TestRunner
from covey.execution.sandboxes.select import choose
from support_execution import LIMITS, this_environment, write_tree

SOURCE = "RATE = 2\n\n\ndef total(price, count):\n    return price + count\n"

FILES = {
    "manage.py": """import importlib
import sys

import settings  # the project is imported first, as by django.setup()
from django.utils.module_loading import import_string

assert sys.argv[1] == "test"
name = next(word.split("=")[1] for word in sys.argv if word.startswith("--testrunner="))
runner = import_string(name)(verbosity=1, interactive=True, parallel=0)
sys.exit(bool(runner.run_tests([])))
""",
    "settings.py": "import shop.models\n",
    "shop/__init__.py": "",
    "shop/models.py": SOURCE,
    "shop/tests.py": """import unittest
from shop import models
class Shop(unittest.TestCase):
    def test_total(self):
        self.assertEqual(models.total(3, 4), 12)
    def test_nothing(self):
        self.assertEqual(models.total(0, 0), 0)
    def test_rate(self):
        self.assertEqual(models.RATE, 2)
""",
}

DJANGO = {
    "django/__init__.py": "",
    "django/conf.py": "class settings:\n    TEST_RUNNER = 'django.test.runner.DiscoverRunner'\n",
    "django/utils/__init__.py": "",
    "django/utils/module_loading.py": """import importlib
def import_string(name):
    module, _, item = name.rpartition(".")
    return getattr(importlib.import_module(module), item)
""",
    "django/test/__init__.py": "",
    "django/test/runner.py": """import unittest
class DiscoverRunner:
    def __init__(self, **options):
        self.options = options
    def build_suite(self, test_labels=None, **options):
        if test_labels:
            return unittest.defaultTestLoader.loadTestsFromNames(test_labels)
        return unittest.defaultTestLoader.loadTestsFromName("shop.tests")
    def get_resultclass(self):
        return None
    def run_suite(self, suite, **options):
        return unittest.TextTestRunner(resultclass=self.get_resultclass()).run(suite)
    def run_tests(self, test_labels):
        result = self.run_suite(self.build_suite(test_labels))
        return len(result.failures) + len(result.errors)
""",
}

COMMAND = TestCommand(framework="django", argv=(sys.executable, "manage.py", "test"))


def edit(old: str, new: str) -> Candidate:
    start = SOURCE.index(old)
    edits = (Edit(path="shop/models.py", start=start, end=start + len(old), text=new),)
    return Candidate(id=Candidate.make_id(edits), edits=edits, origin="test", path="shop/models.py", line=1)


async def test_djangos_tests_are_reported_and_served(tmp_path: Path) -> None:
    sandbox = await choose("auto", tmp_path / "scratch")
    write_tree(tmp_path / "lib", DJANGO, sandbox.owner)
    tree = write_tree(tmp_path / "tree", FILES, sandbox.owner)
    given = this_environment()
    library = given.mounts[0].model_copy(update={"source": str(tmp_path / "lib"), "target": "/covey/lib"})
    environment = given.model_copy(
        update={"mounts": (*given.mounts, library), "env": {"PYTHONPATH": "/covey/lib"}},
    )
    runner = TestRunner(sandbox, environment, COMMAND, limits=LIMITS, seed=0)
    report = await runner.run(tree, timeout_s=30)
    assert report.complete
    assert report.red == ("shop.tests.Shop.test_total",)
    assert len(report.results) == 3
    some = await runner.run(tree, tests=("shop.tests.Shop.test_rate",), timeout_s=30)
    assert some.green

    plan = ValidationPlan(
        targets=("shop.tests.Shop.test_total",),
        regressions=("shop.tests.Shop.test_nothing", "shop.tests.Shop.test_rate"),
        timeout_s=20,
    )
    edits: Sequence[Candidate] = (
        edit("price + count", "price * count"),
        edit("price + count", "12"),
        edit("return price + count", "import os; os._exit(0)"),
        edit("RATE = 2", "RATE = 3"),
        edit("RATE = 2", "RATE = nothing"),
    )
    async with ForkServer(sandbox, environment, COMMAND, tree, workers=2, limits=LIMITS, seed=0) as server:
        verdicts: list[Verdict] = [verdict async for verdict in server.validate(edits, plan)]
        spectrum = await server.trace(["shop.tests.Shop.test_total"], 10)
    assert [(verdict.standing, verdict.mode) for verdict in verdicts] == [
        (Standing.plausible, "hotswap"),
        (Standing.regressed, "hotswap"),
        (Standing.crashed, "hotswap"),
        (Standing.failed, "fresh"),
        (Standing.invalid, "fresh"),
    ]
    assert spectrum.tests[0].lines["shop/models.py"] == (5,)
