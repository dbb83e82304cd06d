from versions import Version


def test_equal_versions_have_equal_hashes():
    assert hash(Version(3)) == hash(Version(3, 0)) == hash(Version(3, 0, 0, 0))
    assert {Version(0): "x"}[Version(0, 0)] == "x"


def test_unequal_ones_stay_apart():
    assert len({Version(1, 0, 1), Version(1, 1), Version(1), Version(0, 1)}) == 4
