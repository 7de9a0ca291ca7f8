"""Workers that read different rows are named, with the part that differs."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keraunos import ConfigError
from keraunos.strategies import Workers
from keraunos.trainer.probe.same_rows import require_same_rows

IMAGES = np.arange(12.0, dtype=np.float32).reshape(3, 4)
CLASSES = np.array([0, 2, 1])


class Chief(Workers):
    """A chief whose other workers have read the given rows."""

    def __init__(self, *others: Any) -> None:
        self.count = 1 + len(others)
        self._others = others
        self.sent: list[Any] = []

    def gather(self, value: Any) -> list[Any]:
        self.sent = [value]
        for rows in self._others:
            own = Chief()
            require_same_rows(own, rows)
            self.sent += own.sent
        return self.sent


def test_identical_rows_on_all_workers_pass() -> None:
    ragged = tf.ragged.constant([[1], [2, 3]])
    for rows in (
        (IMAGES, CLASSES),
        {"a": IMAGES, "b": np.array(["x", "é"])},
        ragged,
        IMAGES,
    ):
        require_same_rows(Chief(rows, tf.nest.map_structure(lambda each: each, rows)), rows)


@pytest.mark.parametrize(
    ("rows", "other", "differing"),
    [
        ((IMAGES, CLASSES), (IMAGES * 0.5, CLASSES), "inputs"),
        ((IMAGES, CLASSES), (IMAGES, CLASSES[::-1]), "targets"),
        ((IMAGES, CLASSES, CLASSES), (IMAGES, CLASSES, CLASSES + 1), "sample weights"),
        ((IMAGES, CLASSES), (IMAGES, CLASSES.astype(np.int32)), "targets"),
        ({"a": IMAGES, "b": CLASSES}, {"a": IMAGES, "b": -CLASSES}, "b"),
        (IMAGES, (IMAGES, CLASSES), "targets"),
        ((IMAGES, CLASSES), IMAGES, "structure"),
    ],
)
def test_worker_whose_rows_differ_is_named(rows: Any, other: Any, differing: str) -> None:
    with pytest.raises(ConfigError, match="same batches in the same order") as caught:
        require_same_rows(Chief(rows, other), rows)
    assert f"Received: differing_workers={{2: ['{differing}']}}." in str(caught.value)
    assert "check_replicas" not in str(caught.value)
