from itertools import product

from permissions import Permission, Table


def test_all_combinations():
    for granted, revoked in product(range(16), repeat=2):
        table = Table()
        table.grant("x", Permission(granted))
        for _ in range(2):
            table.revoke("x", Permission(revoked))
            assert table.of("x") == granted & (15 - revoked)
