from types import SimpleNamespace

import pytest
from keraunos.callbacks.time_left import TimeLeft


class Training:
    """Four epochs of ten steps, made by hand."""

    def __init__(self, **trainer):
        self.seconds = 0.0
        self.run = SimpleNamespace(
            epoch=0,
            step=0,
            epoch_step=0,
            max_epochs=4,
            steps_per_epoch=10,
            settings={"trainer": trainer},
            metrics={},
        )
        self.time = TimeLeft(lambda: self.seconds)

    def steps(self, count, seconds_each):
        """Takes steps, and records after each."""
        for _ in range(count):
            self.seconds += seconds_each
            self.run.step += 1
            self.run.epoch_step += 1
            self.time.record(self.run)

    def left(self):
        return self.time.seconds(self.run)


def test_time_left_is_unknown_before_two_measurements():
    training = Training()
    assert training.left() is None
    training.steps(1, seconds_each=60.0)  # in which the step is compiled
    assert training.left() is None
    training.steps(1, seconds_each=2.0)
    assert training.left() == pytest.approx(38 * 2.0)


def test_validation_is_expected_to_take_as_long_as_last_time():
    training = Training()
    training.steps(10, seconds_each=2.0)
    training.time.pause(training.run)
    training.seconds += 7.0
    training.time.pause(training.run)  # after validation, at the end of the epoch
    training.run.epoch, training.run.epoch_step = 1, 0
    training.time.resume()
    assert training.left() == pytest.approx(30 * 2.0 + 3 * 7.0)


def test_validation_within_an_epoch_does_not_count_as_a_pause_between_epochs():
    training = Training()
    training.steps(4, seconds_each=2.0)
    training.time.pause(training.run)
    training.seconds += 100.0
    training.steps(2, seconds_each=2.0)
    assert training.time.steps_per_second == pytest.approx(0.5)
    training.time.resume()
    assert training.left() == pytest.approx(34 * 2.0)


def test_epochs_too_short_to_measure_count_by_their_duration():
    training = Training()
    training.run.metrics = {"seconds": 0.5}
    training.run.step = 10
    training.run.epoch = 1
    training.time.pause(training.run)
    assert training.left() == pytest.approx(30 * 0.05)


def test_max_steps_can_limit_the_time_left():
    training = Training(max_steps=15)
    training.steps(9, seconds_each=2.0)
    assert training.left() == pytest.approx(6 * 2.0)
    training.run.step = 15
    assert training.left() == 0.0


def test_time_left_is_unknown_if_the_number_of_steps_is_unknown():
    training = Training()
    training.run.steps_per_epoch = None
    training.steps(9, seconds_each=2.0)
    assert training.left() is None
    assert training.time.steps_per_second == pytest.approx(0.5)
