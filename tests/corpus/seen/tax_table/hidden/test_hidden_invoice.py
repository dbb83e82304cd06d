from discounts.steps import StepTable


def test_lookup():
    table = StepTable([(0, "low"), (10, "mid"), (20, "high")], "none")
    assert [table.lookup(n) for n in (-1, 0, 9, 10, 19, 20, 999)] == [
        "none", "low", "low", "mid", "mid", "high", "high",
    ]


def test_single_step_and_no_step():
    assert StepTable([(5, "x")], "none").lookup(5) == "x"
    assert StepTable([(5, "x")], "none").lookup(4) == "none"
    assert StepTable([], "none").lookup(4) == "none"
