import pytest
from keraunos.cli.untrusted import trusted_evaluation
from keraunos.configs.evaluation import as_evaluation

SPY = {"class": "spying:Spy", "place": "x"}


@pytest.mark.parametrize(
    ("typed", "is_trusted"),
    [
        ({}, False),
        ({"spy": {"class": "spying:Spy"}}, False),
        ({"spy": {"place": "x"}}, False),
        ({"other": SPY}, False),
        ({"spy": SPY}, True),
    ],
)
def test_a_part_of_ones_own_is_made_where_all_of_it_was_typed(typed, is_trusted):
    config = as_evaluation({"spy": SPY, "calibration": {"bins": 7}, "grad_cam": None})
    kept, refused = trusted_evaluation(config, typed)
    assert kept.own == ({"spy": SPY} if is_trusted else {})
    assert refused == ({} if is_trusted else {"spy": "spying:Spy"})
    assert (kept.calibration.bins, kept.grad_cam) == (7, None)
