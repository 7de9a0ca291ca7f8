import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.trainer.step.epoch_totals import EpochTotals


@pytest.fixture(params=[1, 2])
def totals(request: pytest.FixtureRequest) -> EpochTotals:
    with replicas(request.param).scope():
        return EpochTotals(["loss", "size_loss"])


def add(totals: EpochTotals, *steps: tuple[float, float, int, float]) -> None:
    @tf.function(autograph=False)
    def step(loss: tf.Tensor, size: tf.Tensor, rows: tf.Tensor, wait: tf.Tensor) -> None:
        values = {"own": 2 * loss}
        totals.add([loss, size, tf.constant(99.0)], rows, wait, values)

    for loss, size, rows, wait_seconds in steps:
        values = [tf.constant(each, tf.float32) for each in (loss, size, rows)]
        step(*values, tf.constant(wait_seconds, tf.float64))


def test_a_loss_is_a_mean_over_examples_not_over_steps(totals: EpochTotals) -> None:
    add(totals, (1.0, 10.0, 8, 0.25), (4.0, 30.0, 3, 0.5))
    means, rows, wait_seconds, _ = totals.read()
    assert means == {"loss": 20 / 11, "size_loss": 170 / 11, "own": 10 / 11}
    assert (rows, wait_seconds) == (11, 0.75)


def test_losses_are_nan_before_the_first_step(totals: EpochTotals) -> None:
    means, rows, wait_seconds, gradient_norm = totals.read()
    assert list(means) == ["loss", "size_loss"]
    assert np.isnan(list(means.values())).all()
    assert (rows, wait_seconds, gradient_norm) == (0, 0.0, None)


def test_reset_clears_all_totals(totals: EpochTotals) -> None:
    add(totals, (1.0, 1.0, 8, 1.0))
    totals.reset()
    add(totals, (3.0, 5.0, 2, 0.0))
    assert totals.read() == ({"loss": 3.0, "size_loss": 5.0, "own": 3.0}, 2, 0.0, None)


def test_totals_resume_from_a_copy(totals: EpochTotals) -> None:
    add(totals, (1.0, 1.0, 8, 1.0))
    copy = totals.copy()
    resumed = EpochTotals(["loss", "size_loss"])
    assert resumed.restore(copy | {"count": np.ones(1)}) == {"count": np.ones(1)}
    add(resumed, (4.0, 1.0, 4, 1.0))
    assert resumed.read() == (
        {"loss": 2.0, "size_loss": 1.0, "own": 10 / 12},
        12,
        2.0,
        None,
    )


def test_gradient_norm_is_the_mean_over_finite_updates(
    totals: EpochTotals,
) -> None:
    add(totals, (1.0, 1.0, 8, 0.0))
    for norm in (3.0, float("inf"), 4.0, float("nan")):
        totals.add_update(tf.constant(norm, tf.float64))
    assert totals.read() == ({"loss": 1.0, "size_loss": 1.0, "own": 0.25}, 8, 0.0, 3.5)


def test_long_epochs_count_examples_exactly_beyond_float32(totals: EpochTotals) -> None:
    add(totals, (1.0, 1.0, 2**25, 0.0), *[(1.0, 0.0, 1, 0.0)] * 3)
    means, rows, *_ = totals.read()
    assert rows == 2**25 + 3  # float32 can't tell that from 2**25
    assert means["loss"] == 1.0
    assert means["size_loss"] == 2**25 / (2**25 + 3)
