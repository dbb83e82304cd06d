"""Django's test runner with results on Covey's channel: ``manage.py test --testrunner covey_django.Runner``.

Wraps whatever runner the project's own settings name.
"""

import sys

from covey_unittest import Recorder, ReportingMixin, announce, keep_import_errors, kept, start, status_of
from django.conf import settings
from django.utils.module_loading import import_string

# Set when this process is part of a fork server.
_fork = sys.modules.get("covey_forkdjango")
_Base = import_string(settings.TEST_RUNNER)


class Runner(_Base):
    """The project's runner, in one process, reporting each test."""

    def __init__(self, *args, **options):
        options["parallel"] = 0 if "parallel" not in options else min(int(options["parallel"] or 0), 1)
        options["failfast"] = False
        super(Runner, self).__init__(*args, **options)
        self.covey_request = start()
        keep_import_errors()

    def build_suite(self, test_labels=None, *args, **options):
        if _fork is not None:
            test_labels = _fork.wanted_labels(test_labels)
        suite = super(Runner, self).build_suite(test_labels, *args, **options)
        tests = kept(suite, self.covey_request)
        Recorder.suite = tests
        announce(tests)
        made = type(suite)() if type(suite).__name__ != "ParallelTestSuite" else suite
        made._tests = tests
        return made

    def get_resultclass(self):
        base = super(Runner, self).get_resultclass()
        if base is None:
            from unittest import TextTestResult as base
        return type("Result", (ReportingMixin, base), {})

    def run_suite(self, suite, **options):
        if _fork is not None:
            _fork.serve_suite(suite)
        result = super(Runner, self).run_suite(suite, **options)
        self.covey_result = result
        return result

    def run_tests(self, *args, **options):
        failures = super(Runner, self).run_tests(*args, **options)
        status = 1 if failures else 0
        if status_of(self.covey_result) == 1:
            status = 1
        Recorder.emit({"e": "end", "status": status, "totals": Recorder.totals})
        return failures
