from typing import Any

import pytest
from keraunos import ConfigError
from keraunos.trainer.setup.batch_limits import batch_limit


@pytest.mark.parametrize(
    ("limit", "num_batches", "expected"),
    [
        (None, 10, None),
        (3, 10, 3),
        (3, None, 3),
        (0.25, 70, 17),
        (0.001, 70, 1),
        (1.0, 70, 70),
        (1, 70, 1),
    ],
)
def test_batch_limit_is_a_count_or_a_fraction(
    limit: Any, num_batches: Any, expected: Any
) -> None:
    assert batch_limit(limit, num_batches) == expected


def test_fraction_of_an_unknown_number_of_batches_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"number of batches.*limit=0\.5"):
        batch_limit(0.5, None)
