from groups import assign, plan
from groups.assign import group_of


def test_sizes_as_planned():
    names = ["r", "g", "b"]
    for count in range(10):
        groups = assign(names, list(range(count)))
        assert {name: len(members) for name, members in groups.items()} == plan(names, count)
        assert sorted(sum(groups.values(), [])) == list(range(count))
    assert group_of(assign(names, "abcd"), "c") == "b"
