"""One suite over every sandbox: what ``exec`` and ``start`` promise, whatever contains the program."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from covey.core.errors import SandboxError, UnusableInput
from covey.core.execution import CHANNEL_ENV, TREE_ENV, TREE_TOKEN, ExecSpec, Limits, Mount, Tree
from covey.core.protocols import Sandbox
from support_sandbox import (
    KINDS,
    PYTHON,
    Beacon,
    left_behind,
    make,
    marked,
    marker,
    plant,
    python,
    shell,
    snapshot,
    text,
)

pytestmark = pytest.mark.requirement("C4")

ROOT = "/srv/project/of-a-user"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(params=KINDS)
async def sandbox(request: pytest.FixtureRequest, scratch: Path) -> Sandbox:
    return await make(request.param, scratch)


@pytest.fixture
def base(tmp_path: Path, sandbox: Sandbox) -> Path:
    files = {"a.py": "a = 1\n", "pkg/__init__.py": "", "pkg/b.py": "b = 1\n", "gone/deep.txt": "x\n"}
    return plant(tmp_path / "base", files, sandbox.owner)


# --- how a program ends


async def test_exit_code_and_both_outputs_come_back(sandbox: Sandbox) -> None:
    result = await sandbox.exec(shell("echo out; echo err >&2; exit 7"))
    assert (result.exit_code, result.signal, result.stdout, result.stderr) == (7, None, b"out\n", b"err\n")
    assert not result.timed_out
    assert not result.out_of_memory
    assert not result.truncated


async def test_a_signal_is_told_apart_from_an_exit_code(sandbox: Sandbox) -> None:
    result = await sandbox.exec(shell("kill -SEGV $$"))
    assert (result.exit_code, result.signal) == (None, signal.SIGSEGV)


async def test_a_program_that_does_not_exist_is_exit_code_127(sandbox: Sandbox) -> None:
    result = await sandbox.exec(ExecSpec(argv=("covey-no-such-program",)))
    assert result.exit_code == 127
    assert b"covey-no-such-program" in result.stderr


async def test_a_program_is_found_by_its_name(sandbox: Sandbox, tmp_path: Path) -> None:
    tools = plant(tmp_path / "tools", {"covey-tool": "#!/bin/sh\necho found\n"}, sandbox.owner)
    (tools / "covey-tool").chmod(0o755)
    assert text(await sandbox.exec(ExecSpec(argv=("echo", "word")))) == "word\n"
    mounts = (Mount(source=str(tools), target="/opt/tools"),)
    spec = ExecSpec(argv=("covey-tool",), env={"PATH": "/no/such:/opt/tools:/usr/bin"}, mounts=mounts)
    assert text(await sandbox.exec(spec)) == "found\n"


async def test_many_programs_at_once_are_kept_apart(sandbox: Sandbox) -> None:
    specs = [shell("echo $1; echo $1 >&9", str(number)) for number in range(12)]
    results = await asyncio.gather(*(sandbox.exec(spec) for spec in specs))
    assert [(r.stdout, r.channel) for r in results] == [(b"%d\n" % number,) * 2 for number in range(12)]


async def test_standard_input_is_given_and_ends(sandbox: Sandbox) -> None:
    data = os.urandom(300_000)
    result = await sandbox.exec(shell("cat").model_copy(update={"stdin": data}))
    assert len(result.stdout) > 200_000
    assert result.stdout.startswith(data[:1000])
    assert result.stdout.endswith(data[-1000:])


async def test_standard_input_is_empty_when_none_is_given(sandbox: Sandbox) -> None:
    assert (await sandbox.exec(shell("cat"))).stdout == b""


async def test_arguments_arrive_byte_for_byte(sandbox: Sandbox) -> None:
    words = ("", " ", "--", "a\nb", "$(id)", "é", os.fsdecode(b"\xff"))
    result = await sandbox.exec(shell('printf "%s|" "$@"', *words))
    assert result.stdout == b"".join(os.fsencode(word) + b"|" for word in words)


async def test_signals_that_are_ignored_here_have_their_default_action_inside(sandbox: Sandbox) -> None:
    status = "grep SigIgn /proc/self/status"
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        ignored = await sandbox.exec(shell(status))
    finally:
        signal.signal(signal.SIGTSTP, before)
    standard = (1 << 31) - 1  # 32 and 33 are the C library's own, and some programs start others with them ignored
    assert int(ignored.stdout.split()[1], 16) & standard == 0


# --- environment and places


async def test_the_environment_is_what_was_given_and_what_the_sandbox_sets(
    sandbox: Sandbox, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COVEY_TEST_SECRET", "open sesame")
    tree = Tree(base=str(base), root=ROOT)
    result = await sandbox.exec(shell("env", tree=tree, env={"GIVEN": f"at {TREE_TOKEN}/x", "HOME": "/nowhere"}))
    found = dict(line.split("=", 1) for line in text(result).splitlines())
    found.pop("PWD", None)
    found.pop("_", None)
    assert found.keys() == {"GIVEN", "HOME", "PATH", "TMPDIR", TREE_ENV, CHANNEL_ENV}
    assert found["GIVEN"] == f"at {found[TREE_ENV]}/x"
    assert found["HOME"] == "/nowhere"


async def test_the_trees_token_is_replaced_in_arguments_and_folder(sandbox: Sandbox, base: Path) -> None:
    spec = shell('pwd; echo "$1"; echo "$COVEY_TREE"', f"{TREE_TOKEN}/a.py", tree=Tree(base=str(base), root=ROOT))
    here, argument, variable = text(await sandbox.exec(spec.model_copy(update={"cwd": f"{TREE_TOKEN}/pkg"}))).split()
    assert here == f"{variable}/pkg"
    assert argument == f"{variable}/a.py"
    if sandbox.name == "bubblewrap":
        assert variable == ROOT


async def test_programs_start_at_the_root_of_the_tree(sandbox: Sandbox, base: Path) -> None:
    result = await sandbox.exec(shell("ls; test $(pwd) = $COVEY_TREE", tree=Tree(base=str(base), root=ROOT)))
    assert (result.exit_code, text(result).split()) == (0, ["a.py", "gone", "pkg"])


async def test_temporary_and_home_folders_can_be_written_and_are_gone_afterwards(sandbox: Sandbox) -> None:
    result = await sandbox.exec(
        shell("set -e; echo 1 > $TMPDIR/covey-kept; echo 1 > $HOME/covey-kept; ls $TMPDIR $HOME")
    )
    assert result.exit_code == 0
    again = await sandbox.exec(shell("cat $TMPDIR/covey-kept $HOME/covey-kept"))
    assert again.exit_code != 0


# --- trees


async def test_a_layer_lies_over_the_base_and_removed_paths_are_gone(
    sandbox: Sandbox, base: Path, tmp_path: Path
) -> None:
    layer = plant(tmp_path / "layer", {"a.py": "a = 2\n", "new/c.py": "c = 1\n"}, sandbox.owner)
    tree = Tree(base=str(base), layer=str(layer), root=ROOT, removed=("gone", "pkg/b.py", "never/was/there"))
    result = await sandbox.exec(shell("cat a.py; find . -type f | sort", tree=tree))
    assert text(result) == "a = 2\n./a.py\n./new/c.py\n./pkg/__init__.py\n"


async def test_nothing_a_program_does_changes_base_or_layer(sandbox: Sandbox, base: Path, tmp_path: Path) -> None:
    layer = plant(tmp_path / "layer", {"pkg/b.py": "b = 2\n"}, sandbox.owner)
    before = snapshot(base), snapshot(layer)
    script = """
        set -e
        echo changed > a.py; echo changed > pkg/b.py; rm -r gone; mkdir gone; echo new > gone/new
        mv pkg moved; rm -rf moved; touch added; chmod 700 a.py; ln a.py linked; ls
    """
    result = await sandbox.exec(shell(script, tree=Tree(base=str(base), layer=str(layer), root=ROOT)))
    assert (result.exit_code, text(result).split()) == (0, ["a.py", "added", "gone", "linked"])
    assert (snapshot(base), snapshot(layer)) == before


async def test_two_programs_at_once_do_not_see_each_other(sandbox: Sandbox, base: Path) -> None:
    tree = Tree(base=str(base), root=ROOT)
    script = "echo $1 > a.py; echo ready >&9; read go; cat a.py >&9"
    async with (
        sandbox.start(shell(script, "one", tree=tree)) as one,
        sandbox.start(shell(script, "two", tree=tree)) as two,
    ):
        assert [await one.receive(20), await two.receive(20)] == [b"ready", b"ready"]
        await one.send(b"go")
        await two.send(b"go")
        assert [await one.receive(20), await two.receive(20)] == [b"one", b"two"]
    assert (base / "a.py").read_text() == "a = 1\n"


@pytest.mark.parametrize("name", ["with,comma", "with:colon", "with\\backslash", "with space", "with%41", "é\n"])
async def test_any_character_may_occur_in_a_trees_path(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    folder = plant(tmp_path / name / "base", {"file": "base\n"}, sandbox.owner)
    layer = plant(tmp_path / name / "layer", {"file": "layer\n"}, sandbox.owner)
    root = f"/srv/{name}"
    result = await sandbox.exec(shell("cat file; pwd", tree=Tree(base=str(folder), layer=str(layer), root=root)))
    assert text(result).startswith("layer\n")
    if sandbox.name == "bubblewrap":
        assert text(result) == f"layer\n{root}\n"


async def test_a_removed_path_never_leads_out_of_the_tree_by_a_link(sandbox: Sandbox, tmp_path: Path) -> None:
    outside = plant(tmp_path / "outside", {"kept": "x"}, sandbox.owner)
    folder = plant(tmp_path / "base", {"a": ""}, sandbox.owner)
    (folder / "link").symlink_to(outside)
    tree = Tree(base=str(folder), root=ROOT, removed=("link/kept", "a"))
    assert text(await sandbox.exec(shell("ls", tree=tree))) == "link\n"
    assert (outside / "kept").exists()


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", "", "."])
async def test_a_removed_path_outside_the_tree_is_refused(sandbox: Sandbox, base: Path, path: str) -> None:
    with pytest.raises(UnusableInput, match="removed path"):
        await sandbox.exec(shell("ls", tree=Tree(base=str(base), root=ROOT, removed=(path,))))


@pytest.mark.parametrize(
    "root", ["/", "/usr", "/etc", "/proc/x", "/dev", "/home", "/tmp", "/usr/", "/usr/lib", "//", "relative"]
)
async def test_a_tree_cannot_cover_a_system_folder(sandbox: Sandbox, base: Path, root: str) -> None:
    with pytest.raises(UnusableInput):
        await sandbox.exec(shell("true", tree=Tree(base=str(base), root=root)))


async def test_a_tree_that_is_not_there_is_an_error_of_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="not there"):
        await sandbox.exec(shell("true", tree=Tree(base=str(tmp_path / "missing"), root=ROOT)))


# --- mounts


async def test_a_mount_is_read_only_unless_it_says_otherwise(sandbox: Sandbox, tmp_path: Path) -> None:
    given = plant(tmp_path / "given", {"file": "given\n"}, sandbox.owner)
    drop = plant(tmp_path / "drop", {}, sandbox.owner)
    mounts = (Mount(source=str(given), target="/opt/given"), Mount(source=str(drop), target="/opt/drop", mode="rw"))
    script = "cat $1/file; (echo bad > $1/file) 2>/dev/null; echo good > $2/file"
    result = await sandbox.exec(shell(script, "/opt/given", "/opt/drop").model_copy(update={"mounts": mounts}))
    assert (result.exit_code, text(result)) == (0, "given\n")
    assert (drop / "file").read_text() == "good\n"
    if result.applied.mechanisms["filesystem"] != "none":
        assert (given / "file").read_text() == "given\n"


async def test_a_mount_may_lie_inside_the_tree(sandbox: Sandbox, base: Path, tmp_path: Path) -> None:
    env = plant(tmp_path / "env", {"bin/tool": "tool\n"}, sandbox.owner)
    single = plant(tmp_path / "single", {"file": "single\n"}, sandbox.owner) / "file"
    mounts = (
        Mount(source=str(env), target=f"{ROOT}/.venv/x"),
        Mount(source=str(single), target=f"{ROOT}/pkg/single"),
    )
    spec = shell(
        "cat .venv/x/bin/tool pkg/single a.py; cat $1", f"{ROOT}/.venv/x/bin/tool", tree=Tree(base=str(base), root=ROOT)
    )
    result = await sandbox.exec(spec.model_copy(update={"mounts": mounts}))
    assert text(result) == "tool\nsingle\na = 1\ntool\n"
    assert not (base / ".venv").exists()


async def test_an_interpreter_below_a_private_home_runs(sandbox: Sandbox) -> None:
    real = Path(sys.executable).resolve()
    mounts = (Mount(source=sys.base_prefix, target=sys.base_prefix),)
    spec = ExecSpec(argv=(str(real), "-c", "import sys, json, ctypes; print(sys.base_prefix)"), mounts=mounts)
    result = await sandbox.exec(spec)
    assert (text(result).strip(), result.stderr) == (sys.base_prefix, b"")


async def test_a_mount_whose_source_is_missing_is_an_error_of_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    spec = shell("true").model_copy(update={"mounts": (Mount(source=str(tmp_path / "missing"), target="/opt/x"),)})
    with pytest.raises(SandboxError, match="missing"):
        await sandbox.exec(spec)


# --- channel and output


async def test_the_channel_is_collected_apart_from_the_output(sandbox: Sandbox) -> None:
    result = await sandbox.exec(shell("echo out; echo '{\"a\": 1}' >&$COVEY_CHANNEL_FD; echo err >&2"))
    assert (result.stdout, result.channel, result.stderr) == (b"out\n", b'{"a": 1}\n', b"err\n")


async def test_the_channel_is_bounded(sandbox: Sandbox) -> None:
    result = await sandbox.exec(shell("head -c 3000000 /dev/zero >&9", limits=Limits(channel_bytes=1_000_000)))
    assert (len(result.channel), result.truncated) == (1_000_000, True)


async def test_output_keeps_its_two_ends_in_flat_memory(sandbox: Sandbox) -> None:
    before = psutil.Process().memory_info().rss
    script = "echo first; head -c 200000000 /dev/zero; echo; echo last"
    result = await sandbox.exec(shell(script, limits=Limits(output_bytes=10_000, wall_s=60)))
    assert result.truncated
    assert result.stdout.startswith(b"first\n\0")
    assert result.stdout.endswith(b"\0\nlast\n")
    assert b"bytes left out" in result.stdout
    assert len(result.stdout) < 10_100
    assert psutil.Process().memory_info().rss - before < 40_000_000


async def test_output_that_is_not_text_comes_back_as_it_is(sandbox: Sandbox) -> None:
    assert (
        await sandbox.exec(shell(r"printf '\377\376\033]0;x\007no newline'"))
    ).stdout == b"\xff\xfe\x1b]0;x\x07no newline"


# --- ends


async def test_the_wall_limit_ends_a_program_that_ignores_being_asked(sandbox: Sandbox) -> None:
    word = marker()
    script = "import signal, time; [signal.signal(s, 1) for s in (1, 2, 15)]; print('up', flush=True); time.sleep(60)"
    result = await sandbox.exec(python(script, word, limits=Limits(wall_s=1.0)))
    assert (result.timed_out, result.exit_code, result.signal, result.stdout) == (True, None, signal.SIGKILL, b"up\n")
    assert marked(word) == []


async def test_the_wall_limit_ends_a_stopped_program(sandbox: Sandbox) -> None:
    result = await sandbox.exec(shell("kill -STOP $$", limits=Limits(wall_s=0.5)))
    assert result.timed_out


async def test_a_daemon_does_not_outlive_the_command(sandbox: Sandbox) -> None:
    word = marker()
    script = """
import os, sys, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.write(9, b"daemon\\n")
time.sleep(60)
"""
    spec = shell('"$0" -c "$1" "$2"; sleep 0.2; echo done').model_copy(
        update={"argv": ("/bin/sh", "-c", '"$0" -c "$1" "$2"; sleep 0.2; echo done', PYTHON, script, word)}
    )
    spec = spec.model_copy(update={"mounts": python("").mounts})
    result = await sandbox.exec(spec)
    assert (result.stdout, result.channel) == (b"done\n", b"daemon\n")
    assert marked(word) == []


async def test_a_leftover_that_holds_the_outputs_open_delays_nothing(sandbox: Sandbox) -> None:
    result = await sandbox.exec(shell("sleep 60 & echo done", limits=Limits(wall_s=50)))
    assert (result.stdout, result.timed_out) == (b"done\n", False)
    assert result.duration_s < 30


async def test_a_cancellation_ends_everything_first(
    sandbox: Sandbox, base: Path, scratch: Path, tmp_path: Path
) -> None:
    word, beacon = marker(), Beacon(tmp_path / "beacon", sandbox.owner)
    script = "import sys, time; open(sys.argv[1], 'w').write('lit'); time.sleep(60)"
    tree = Tree(base=str(base), root=ROOT)
    running = asyncio.create_task(sandbox.exec(python(script, beacon.path, word, tree=tree, mounts=(beacon.mount,))))
    await beacon.lit(running)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert marked(word) == []
    assert left_behind(scratch) == []


async def test_nothing_is_left_afterwards(sandbox: Sandbox, base: Path, scratch: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    tree = Tree(base=str(base), root=ROOT)
    script = "mkdir -p x/y; touch x/y/z; chmod 0 x/y; echo 1 > $TMPDIR/t"
    assert (await sandbox.exec(shell(script, tree=tree))).exit_code == 0
    async with sandbox.start(shell("sleep 60", tree=tree)):
        pass
    assert left_behind(scratch) == []
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert psutil.Process().children() == []


# --- limits that each sandbox claims


async def test_what_is_claimed_is_said_on_every_result_and_nothing_less(sandbox: Sandbox) -> None:
    applied = await sandbox.probe()
    names = {"filesystem", "network", "uid", "seccomp", "memory", "processes", "file_size", "disk", "wall", "output"}
    assert names <= applied.mechanisms.keys()
    assert (await sandbox.exec(shell("true"))).applied == applied
    assert applied.sandbox == sandbox.name
    if sandbox.name == "none":
        assert {"filesystem", "network", "seccomp"} <= set(applied.missing)
    else:
        assert set(applied.missing) <= {"uid"}


async def test_a_file_cannot_grow_beyond_its_limit(sandbox: Sandbox) -> None:
    result = await sandbox.exec(
        shell("exec head -c 3000000 /dev/zero > $TMPDIR/big", limits=Limits(file_bytes=1_000_000))
    )
    assert result.signal == signal.SIGXFSZ


async def test_memory_is_bounded_and_the_result_says_so(sandbox: Sandbox) -> None:
    script = "x = []\nwhile True: x.append(b'x' * 5_000_000)"
    result = await sandbox.exec(python(script, limits=Limits(memory_bytes=150_000_000, wall_s=20)))
    assert (result.out_of_memory, result.signal, result.timed_out) == (True, signal.SIGKILL, False)
    assert result.max_memory_bytes is not None
    assert result.max_memory_bytes < 1_500_000_000


async def test_the_number_of_processes_is_bounded(sandbox: Sandbox) -> None:
    script = """
import os, time
made = 0
try:
    for _ in range(400):
        if os.fork() == 0:
            time.sleep(60)
        made += 1
        os.write(1, b"x")
        if made > 60: time.sleep(0.01)
except OSError:
    pass
"""
    result = await sandbox.exec(python(script, limits=Limits(processes=40, wall_s=20)))
    assert 10 < len(result.stdout) < 400
    assert not result.timed_out


async def test_what_is_written_is_bounded(sandbox: Sandbox, base: Path) -> None:
    script = "i=0; while [ $i -lt 300 ]; do head -c 1000000 /dev/zero > f$i || exit 9; i=$((i+1)); done; sleep 20"
    limits = Limits(disk_bytes=30_000_000, wall_s=15)
    result = await sandbox.exec(shell(script, tree=Tree(base=str(base), root=ROOT), limits=limits))
    assert result.exit_code == 9 or result.signal == signal.SIGKILL
    assert not result.timed_out


# --- programs to talk to


async def test_a_conversation_goes_line_by_line(sandbox: Sandbox, base: Path) -> None:
    script = 'while read line; do echo "got $line" >&9; done; echo bye >&9'
    async with sandbox.start(shell(script, tree=Tree(base=str(base), root=ROOT))) as process:
        for word in (b"one", b"two", b"x" * 5000):
            await process.send(word)
            assert await process.receive(20) == b"got " + word


async def test_receive_says_that_time_is_up_and_loses_nothing(sandbox: Sandbox) -> None:
    async with sandbox.start(shell("read go; echo late >&9; sleep 60")) as process:
        with pytest.raises(TimeoutError):
            await process.receive(0.05)
        await process.send(b"go")
        assert await process.receive(20) == b"late"


async def test_receive_gives_none_at_the_end_and_stop_gives_the_result(sandbox: Sandbox) -> None:
    async with sandbox.start(shell("echo one >&9; printf cut-off >&9; echo out; exit 5")) as process:
        assert [await process.receive(20), await process.receive(20)] == [b"one", None]
        result = await process.stop()
        assert await process.stop() == result
        with pytest.raises(SandboxError):
            await process.send(b"more")
    assert result.stdout == b"out\n"
    assert result.exit_code == 5


async def test_stop_ends_a_program_that_would_go_on(sandbox: Sandbox) -> None:
    word = marker()
    async with sandbox.start(python("import os, time; os.write(9, b'up\\n'); time.sleep(60)", word)) as process:
        assert await process.receive(20) == b"up"
        result = await process.stop()
    assert (result.signal, result.timed_out) == (signal.SIGKILL, False)
    assert marked(word) == []


async def test_the_wall_limit_bounds_a_conversation(sandbox: Sandbox) -> None:
    async with sandbox.start(shell("sleep 60", limits=Limits(wall_s=0.5))) as process:
        assert await process.receive(20) is None
        assert (await process.stop()).timed_out


async def test_a_program_that_floods_the_channel_waits_for_the_reader(sandbox: Sandbox) -> None:
    line = "a line of about one hundred bytes " * 3
    script = f"i=0; while [ $i -lt 60000 ]; do echo '{line}' >&9; i=$((i+1)); done"
    async with sandbox.start(shell(script)) as process:
        received = 0
        while await process.receive(30) is not None:
            received += 1
    assert received == 60000


async def test_an_error_in_the_conversation_still_ends_the_program(sandbox: Sandbox) -> None:
    word = marker()
    started = sandbox.start(python("import os, time; os.write(9, b'up\\n'); time.sleep(60)", word))

    async def converse() -> None:
        async with started as process:
            await process.receive(20)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await converse()
    assert marked(word) == []
