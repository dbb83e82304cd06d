from markup.escape import Safe, escape
from markup.tags import tag


def test_escape():
    assert escape('<a & "b">') == "&lt;a &amp; &quot;b&quot;&gt;"


def test_numbers():
    assert escape(5) == "5"


def test_children_are_escaped():
    assert tag("p", "1 < 2", Safe("<br>")) == "<p>1 &lt; 2<br></p>"


def test_void():
    assert tag("img", src="a.png", alt=None) == '<img src="a.png">'


def test_flags_and_class():
    assert tag("input", disabled=True, class_="wide") == '<input disabled class="wide">'


def test_single_quoted_attribute():
    assert tag("a", "x", quote="'", title="it's") == "<a title='it&#39;s'>x</a>"
