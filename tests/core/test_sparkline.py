import math

import pytest
from keraunos.core.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([], 10, ""),
        ([1.0], 10, ""),
        ([1.0, 2.0], 1, ""),
        ([1.0, 2.0], 0, ""),
        ([1.0, 2.0], 10, "▁█"),
        ([3.0, 3.0, 3.0], 10, "▁▁▁"),
        ([0.0, 7.0, 3.0], 10, "▁█▄"),
        ([math.nan, 0.0, math.inf, 7.0], 10, "▁█"),
        ([0.0, 2.0, 6.0, 8.0], 2, "▁█"),
        ([1e300, -1e300], 10, "█▁"),
    ],
)
def test_values_are_scaled_between_minimum_and_maximum(values, width, drawn):
    assert sparkline(values, width) == drawn


def test_many_values_fit_into_any_width():
    for width in range(2, 40):
        assert len(sparkline([float(n % 7) for n in range(97)], width)) == width
