from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.cli.render import PlainObserver, observer
from covey.core.progress import Progress, nobody

pytestmark = pytest.mark.requirement("E6")

WALK = textwrap.dedent("""
    import sys, threading
    from covey.cli.render import observer
    from covey.core.progress import Progress
    drawn = threading.Event()
    with observer(sys.stderr, quiet="--quiet" in sys.argv) as watch:
        for stage in ("prepare", "understand", "test"):
            watch(Progress(stage=stage, state="started"))
            watch(Progress(stage=stage, state="done"))
        watch(Progress(stage="draft/0", state="started", message="evil \\x1b]0;owned\\x07 text"))
        watch(Progress(stage="verify/1", tried=340, per_second=42.14, plausible=2, best="shop/cart.py:4 += [b]"))
        watch(Progress(stage="select", state="failed", message="no [markup] here"))
        if "--wait" in sys.argv:
            sys.stdin.readline()
        if "--raise" in sys.argv:
            raise KeyboardInterrupt
    print("outcome")
""")
ENVIRONMENT = {
    "PATH": os.defpath,
    "TERM": "xterm-256color",
    "COLUMNS": "120",
    "LINES": "40",
    "PYTHONIOENCODING": "utf-8",
}
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def on_terminal(*arguments: str, **environment: str) -> tuple[str, str, int]:
    """Run the walk with stderr on a real pseudo-terminal and stdout on a pipe; return stderr, stdout, exit code."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-B", "-c", WALK, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, env={**ENVIRONMENT, **environment},
        )  # fmt: skip
        os.close(theirs)
        chunks = []
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not chunk:
                break
            chunks.append(chunk)
        stdout, _ = process.communicate(timeout=60)
        return b"".join(chunks).decode(), stdout.decode(), process.returncode
    finally:
        os.close(ours)


def test_on_a_terminal_stages_have_marks_and_counters_are_live() -> None:
    stderr, stdout, code = on_terminal()
    assert (stdout, code) == ("outcome\n", 0)
    assert ESCAPE.search(stderr)
    text = ESCAPE.sub("", stderr)
    for part in (
        "✔ prepare", "✔ understand", "✔ test", "● draft", "● verify", "✘ select", "· verdict",
        "340 tried, 42.1/s, 2 plausible", "best so far: shop/cart.py:4 += [b]", "no [markup] here",
    ):  # fmt: skip
        assert part in text, part
    assert "\x1b]" not in stderr
    assert "\x07" not in stderr


def test_the_cursor_is_visible_when_the_board_ends() -> None:
    stderr, _, _ = on_terminal()
    assert stderr.rfind("\x1b[?25h") > stderr.rfind("\x1b[?25l")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_and_a_dumb_terminal_get_plain_lines(environment: dict[str, str]) -> None:
    stderr, stdout, code = on_terminal(**environment)
    assert (stdout, code) == ("outcome\n", 0)
    assert "\x1b" not in stderr
    assert "] prepare\r\n" in stderr
    assert "] draft: evil \\x1b]0;owned\\x07 text\r\n" in stderr
    assert "] select: failed: no [markup] here\r\n" in stderr


def test_a_terminal_without_utf8_gets_ascii_marks() -> None:
    stderr, _, code = on_terminal(PYTHONIOENCODING="ascii")
    assert code == 0
    assert "+ prepare" in ESCAPE.sub("", stderr)
    assert stderr.isascii()


def test_quiet_prints_nothing_at_all() -> None:
    assert on_terminal("--quiet") == ("", "outcome\n", 0)


def test_an_exception_leaves_the_board_and_goes_on_its_way() -> None:
    stderr, stdout, code = on_terminal("--raise")
    assert stdout == ""
    assert code != 0
    assert "KeyboardInterrupt" in stderr
    assert stderr.rfind("\x1b[?25h") > stderr.rfind("\x1b[?25l")


def test_a_terminal_that_goes_away_does_not_end_the_run() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", WALK, "--wait"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs, env=ENVIRONMENT,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"select" not in seen:
        seen += os.read(ours, 65536)
    os.close(ours)
    stdout, _ = process.communicate(b"\n", timeout=60)
    assert (stdout, process.returncode) == (b"outcome\n", 0)


def test_a_pipe_gets_plain_lines_without_any_escape(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", WALK], env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "outcome\n"
    assert "\x1b" not in done.stderr
    assert [line.partition("] ")[2] for line in done.stderr.splitlines()] == [
        "prepare",
        "understand",
        "test",
        "draft: evil \\x1b]0;owned\\x07 text",
        "verify",
        "select: failed: no [markup] here",
    ]


def test_the_plain_lines_of_a_whole_search() -> None:
    stream, clock = io.StringIO(), Clock()
    watch = PlainObserver(stream, every_s=5.0, clock=clock)
    watch(Progress(stage="prepare", state="started", message="snapshot"))
    clock.now += 0.25
    watch(Progress(stage="prepare", message="environment"))
    watch(Progress(stage="prepare", message="environment"))
    watch(Progress(stage="prepare", state="done"))
    clock.now += 1.0
    for batch in range(40):
        watch(Progress(stage=f"draft/{batch * 32}", state="started"))
        watch(Progress(stage=f"draft/{batch * 32}", state="done"))
        watch(Progress(stage=f"verify/{batch}", state="started"))
        for number in range(8):
            clock.now += 0.0625
            tried = batch * 8 + number + 1
            watch(
                Progress(
                    stage="verify",
                    tried=tried,
                    per_second=20.0,
                    plausible=tried // 100,
                    best="a.py:1" if tried > 99 else "",
                )
            )
        watch(Progress(stage=f"verify/{batch}", state="done"))
    watch(Progress(stage="verdict", state="started", message="operator"))
    assert stream.getvalue() == (
        "[   0.0 s] prepare: snapshot\n"
        "[   0.2 s] prepare: environment\n"
        "[   1.2 s] draft\n"
        "[   1.2 s] verify\n"
        "[   5.0 s] verify: 60 tried, 20.0/s, 0 plausible\n"
        "[  10.0 s] verify: 140 tried, 20.0/s, 1 plausible, best a.py:1\n"
        "[  15.0 s] verify: 220 tried, 20.0/s, 2 plausible, best a.py:1\n"
        "[  20.0 s] verify: 300 tried, 20.0/s, 3 plausible, best a.py:1\n"
        "[  21.2 s] verdict: operator\n"
    )


def test_a_pipe_that_nobody_reads_does_not_change_the_exit_code() -> None:
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", WALK, "--wait"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    stdout, _ = process.communicate(b"\n", timeout=60)
    assert (stdout, process.returncode) == (b"outcome\n", 0)


def test_a_reader_that_went_away_does_not_end_the_run() -> None:
    stream = io.StringIO()
    watch = PlainObserver(stream)
    watch(Progress(stage="prepare", state="started"))
    stream.close()
    watch(Progress(stage="test", state="started"))
    watch(Progress(stage="draft", state="started"))


def test_output_does_not_grow_with_a_flood_of_news() -> None:
    stream = io.StringIO()
    watch = PlainObserver(stream, clock=Clock())
    for number in range(5_000):
        watch(Progress(stage=f"stage{number}", message=f"news {number}" * 100))
        watch(Progress(stage="verify", state="failed", message=f"news {number}"))
    lines = stream.getvalue().splitlines()
    assert len(lines) < 100
    assert max(map(len, lines)) < 200


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(Progress, stage=st.text(max_size=9), state=st.text(max_size=9), message=st.text(), best=st.text())
    )
)
def test_any_progress_can_be_shown_on_any_stream(items: list[Progress]) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with observer(stream, quiet=False) as watch:
        for item in items:
            watch(item)
    assert b"\x1b" not in raw.getvalue()


def test_quiet_observes_nothing() -> None:
    with observer(io.StringIO(), quiet=True) as watch:
        assert watch is nobody
