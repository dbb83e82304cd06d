"""What a forked child does before tests run in it. Python 3.6 and later, alone. PYTEST_DONT_REWRITE"""

import os
import stat
import sys
import tempfile

DISK_ENV = "COVEY_CANDIDATE"

# Programs that certainly do not run the project's Python code.
HARMLESS = frozenset(
    "git hg svn ls cat echo true false sleep uname ldconfig ldd gcc cc g++ c++ clang ld as objdump stty tput locale "
    "which file stat id whoami hostname date kill ps grep sed awk cut sort head tail wc cp mv rm mkdir touch chmod tar "
    "gzip gunzip unzip zip diff patch less more lsb_release df du tr xargs env-free".split()
)


class NeedsDisk(BaseException):
    """A test starts programs, or reads files, that would not see the candidate's edits."""


def open_files():
    """Open descriptors with their stat results."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append((int(name), os.fstat(int(name))))
        except OSError:
            continue
    return found


def own_the_files(hushed):
    """Give this child its own copy of each nameless temporary file, and silence the inherited output.

    A captured stream is such a file; two children that share it would read each other's output. ``hushed`` are the
    identities of the server's standard output and error.
    """
    null = os.open(os.devnull, os.O_RDWR)
    copies = {}
    for fd, info in open_files():
        key = (info.st_dev, info.st_ino)
        if key in hushed:
            os.dup2(null, fd, inheritable=os.get_inheritable(fd))
        elif stat.S_ISREG(info.st_mode) and info.st_nlink == 0:
            if key not in copies:
                copies[key] = _copy(fd, info.st_size)
            os.dup2(copies[key], fd, inheritable=os.get_inheritable(fd))
    for fd in copies.values():
        os.close(fd)
    os.close(null)


def _copy(fd, size):
    where = os.lseek(fd, 0, os.SEEK_CUR)
    made, name = tempfile.mkstemp(prefix="covey-")
    os.unlink(name)
    if size:
        os.write(made, os.pread(fd, min(size, 1 << 20), 0))
    os.lseek(made, where, os.SEEK_SET)
    return made


def own_folder(number):
    """Let temporary files and the home folder of this child be its own. Returns the folder, removed by the server."""
    folder = os.path.join(tempfile.gettempdir(), "covey-job-%d" % number)
    home = os.path.join(folder, "home")
    os.makedirs(home)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    os.environ["HOME"] = home
    return folder


def is_python(program):
    """May running ``program`` run the project's code?"""
    try:
        name = os.path.basename(os.fsdecode(program))
    except TypeError:
        return True
    return name not in HARMLESS


class _Below(object):
    """Every path that begins with a prefix."""

    def __init__(self, prefix):
        self.prefix = prefix

    def __contains__(self, path):
        return path.startswith(self.prefix)


class Guard(object):
    """Notices when a test would not see the edits because they are not on disk."""

    def __init__(self, paths, need):
        self.paths = frozenset(paths)
        self.need = need
        self.active = False

    def watch_all(self, tree, tell):
        """Only take notes, by ``tell``: ``note`` when a program starts, ``reads`` when source of the tree is read."""
        self.paths = _Below(tree + os.sep)

        def need(why):
            if why.startswith("a test reads"):
                self.paths = frozenset()
                tell("reads")
                self.active = True
            else:
                tell("note", why)

        self.need = need
        self.active = True

    def install(self):
        """Watch from now on."""
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self._audit)
        else:
            self._wrap_old()
        self._wrap_fork_exec()

    def _audit(self, event, args):
        if not self.active:
            return
        if event == "open":
            path = args[0]
            if type(path) is str and path.endswith(".py") and os.path.realpath(path) in self.paths:
                self._report("a test reads %s" % os.path.basename(path))
        elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
            if is_python(args[0] or (args[1] or [""])[0]):
                self._report("a test starts another program")
        elif event == "os.system":
            self._report("a test starts another program")

    def _report(self, why):
        self.active = False
        self.need(why)

    def _wrap_fork_exec(self):
        """``multiprocessing`` starts interpreters without an audit event."""
        import _posixsubprocess

        original = _posixsubprocess.fork_exec

        def fork_exec(args, executables, *rest):
            if self.active and is_python((list(args) or list(executables))[0]):
                self._report("a test starts another program")
            return original(args, executables, *rest)

        _posixsubprocess.fork_exec = fork_exec

    def _wrap_old(self):
        """Python 3.6 and 3.7 have no audit hooks."""

        def wrap(name, place):
            original = getattr(os, name)

            def call(*args, **options):
                if self.active and (place is None or is_python(args[place])):
                    self._report("a test starts another program")
                return original(*args, **options)

            setattr(os, name, call)

        for name, place in (("system", None), ("execv", 0), ("execve", 0), ("popen", None)):
            wrap(name, place)


def own_hypothesis(folder):
    """Let hypothesis remember failing examples in this child's folder only: each candidate starts without any."""
    settings = getattr(sys.modules.get("hypothesis"), "settings", None)
    database = getattr(getattr(settings, "default", None), "database", None)
    if hasattr(database, "path"):
        try:
            database.path = type(database.path)(os.path.join(folder, "hypothesis"))
            database.keypaths.clear()
        except (AttributeError, TypeError):
            return
