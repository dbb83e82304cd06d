from __future__ import annotations

import pytest

from covey.core.errors import PatchDoesNotApply
from covey.workspace.difftext import FileDiff, new_files, patch_files, read_diff, unquote

GIT_DIFF = """\
diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,4 +1,4 @@ def f():
 one
--- two
-+++ three
+++ a/fake.py
++diff --git a/fake b/fake
 end
@@ -9 +10 @@
-x
+y
\\ No newline at end of file
diff --git a/new file.py b/new file.py
new file mode 100755
--- /dev/null
+++ b/new file.py\t
@@ -0,0 +1 @@
+x
diff --git a/gone b/gone
deleted file mode 100644
--- a/gone
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/empty new b/empty new
new file mode 100644
index 0..0
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git "a/\\303\\251 \\"q\\".bin" "b/\\303\\251 \\"q\\".bin"
index 1..2 100644
GIT binary patch
literal 1
Ic${Nk003e

literal 0
HcmV?d00001

diff --git a/old.py b/renamed.py
similarity index 100%
rename from old.py
rename to renamed.py
"""


def test_every_kind_of_file_header_is_read() -> None:
    assert read_diff(GIT_DIFF) == (
        FileDiff("src/a.py", "src/a.py", added=3, deleted=3),
        FileDiff(None, "new file.py", ("100755",), added=1),
        FileDiff("gone", None, ("100644",), deleted=1),
        FileDiff(None, "empty new", ("100644",)),
        FileDiff("run.sh", "run.sh", ("100644", "100755")),
        FileDiff('é "q".bin', 'é "q".bin', binary=True),
        FileDiff("old.py", "renamed.py"),
    )


def test_files_are_listed_once_in_order() -> None:
    assert patch_files(GIT_DIFF) == (
        "empty new",
        "gone",
        "new file.py",
        "old.py",
        "renamed.py",
        "run.sh",
        "src/a.py",
        'é "q".bin',
    )


def test_a_plain_unified_diff_with_text_around_it_is_read() -> None:
    diff = "Here it is:\n--- a/x.py\t2020-01-01\n+++ b/x.py\t2020-01-02\n@@ -1 +1 @@\n-a\n+b\n-- \nsigned\n"
    assert read_diff(diff) == (FileDiff("x.py", "x.py", added=1, deleted=1),)


def test_only_a_line_feed_ends_a_line() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\u2028\x0c\x85--- a/fake\r\n+b\r\r\n c\u2029\n"
    assert read_diff(diff) == (FileDiff("x", "x", added=1, deleted=1),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no diff at all",
        "--- x.py\n+++ x.py\n@@ -1 +1 @@\n-a\n+b\n",
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\nwhat is this\n",
        "diff --git a/x b/y\nnew mode 100644\n",
        "diff --git x y\n",
    ],
)
def test_a_text_that_cannot_be_read_as_a_diff_is_refused(text: str) -> None:
    with pytest.raises(PatchDoesNotApply):
        read_diff(text)


def test_names_are_unquoted_as_git_quotes_them() -> None:
    assert unquote(r'"a\tb\"c\\d\303\251\n"') == 'a\tb"c\\dé\n'
    assert unquote("plain") == "plain"
    assert unquote('"') == '"'


def test_files_that_a_diff_creates_come_back_as_text() -> None:
    head = "diff --git a/{0} b/{0}\n{1}--- {2}\n+++ b/{0}\n@@ -0,0 +1,2 @@\n"
    made = head.format("new.py", "new file mode 100644\nindex 0..1\n", "/dev/null") + "+++ x = 1\n+y = 2\n"
    bare = (
        head.format("bare.py", "new file mode 100644\nindex 0..1\n", "/dev/null") + "+z\n\\ No newline at end of file\n"
    )
    changed = head.format("old.py", "index 0..1 100644\n", "a/old.py") + "-a\n+b\n"
    assert new_files(made + bare + changed) == {"new.py": "++ x = 1\ny = 2\n", "bare.py": "z"}
    assert new_files("") == {}
