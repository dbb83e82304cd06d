"""The log file: structured events for whoever watches from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from covey.app.logfile import logging_to
from covey.core.errors import ConfigError
from covey.core.progress import Progress

pytestmark = pytest.mark.requirement("E6")


class Watch:
    """An observer, a clock and a log file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 100.0
        self.seen: list[Progress] = []
        self.observe = logging_to(path, self.seen.append, clock=lambda: self.now)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]


def test_each_change_of_stage_is_one_json_line_with_its_time(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "deep" / "covey.log")
    for state in ("started", "done"):
        watch.observe(Progress(stage="test", state=state))
        watch.now += 0.25
    watch.observe(Progress(stage="verify", tried=3, per_second=1.5))
    assert watch.lines() == [
        {"time": 100.0, "stage": "test", "state": "started"},
        {"time": 100.25, "stage": "test", "state": "done"},
        {"time": 100.5, "stage": "verify", "tried": 3, "per_second": 1.5},
    ]


def test_counters_are_written_every_few_seconds_only_and_reach_the_screen_always(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "covey.log")
    for number in range(100):
        watch.observe(Progress(stage="verify", tried=number))
        watch.now += 0.25
    assert len(watch.seen) == 100
    assert [line.get("tried", 0) for line in watch.lines()] == [0, 20, 40, 60, 80]


def test_secrets_never_reach_the_file_and_the_lines_stay_json(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "covey.log")
    watch.observe(
        Progress(stage="prepare", message='pip said: "password": "hunter2x9Qz71aa" \\ https://u:Zq19xx83aQ@h/')
    )
    (line,) = watch.lines()
    assert "REDACTED" in line["message"]
    assert "hunter2x9Qz71aa" not in watch.path.read_text()
    assert "Zq19xx83aQ" not in watch.path.read_text()
    assert "hunter2x9Qz71aa" in watch.seen[0].message


def test_text_of_any_kind_stays_on_one_line(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "covey.log")
    message = "two\nlines\r\u2028\x1b[31m é \udc80"
    watch.observe(Progress(stage="prepare", message=message))
    assert [line["message"] for line in watch.lines()] == [message]


def test_an_existing_log_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "covey.log"
    path.write_text('{"stage": "earlier"}\n')
    watch = Watch(path)
    watch.observe(Progress(stage="test"))
    assert [line["stage"] for line in watch.lines()] == ["earlier", "test"]


def test_a_file_that_cannot_be_written_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path, tmp_path / "file" / "covey.log"):
        with pytest.raises(ConfigError, match="log_file"):
            logging_to(path, lambda _: None)


def test_a_full_disk_does_not_end_the_run() -> None:
    watch = Watch(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left"):
        watch.path.write_text("really full")
    watch.observe(Progress(stage="test", state="started"))
    watch.observe(Progress(stage="test", state="done"))
    assert [progress.state for progress in watch.seen] == ["started", "done"]
