import keras
import numpy as np
import pytest
from hand_made_runs import new_run, through_a_file
from keraunos.callbacks import LearningRateFinder
from keraunos.callbacks.learning_rate_finder import smooth, steepest
from keraunos.core.errors import ConfigError


def losses_with_a_valley(rates):
    """A loss that falls fastest about 1e-3, is least at 1e-2 and explodes beyond 1e-1."""
    exponents = np.log10(rates)
    return list(1.0 - 0.8 / (1 + np.exp(-4 * (exponents + 3))) + 100 * np.array(rates) ** 2)


def run_finder(**options):
    run, finder = new_run(**options), LearningRateFinder(smallest=1e-6, largest=1.0)
    run.try_learning_rates = losses_with_a_valley
    finder.on_fit_begin(run)
    return run, finder


@pytest.mark.feature("learning rate finder")
def test_chooses_the_rate_with_the_steepest_loss_decrease():
    run, finder = run_finder()
    assert 5e-4 < finder.suggestion < 5e-3
    assert run.learning_rate == pytest.approx(finder.suggestion)
    assert len(finder.losses) == len(finder.learning_rates) == 100


def test_loss_curve_is_drawn_in_the_run_directory(tmp_path):
    run_finder(run_dir=tmp_path)
    assert (tmp_path / "learning_rate.png").stat().st_size > 5000
    run_finder()  # and nothing without a run directory


def test_losses_after_divergence_are_ignored():
    losses = [1.0, 0.9, 0.8, 0.7, 50.0, 10.0, 0.1]
    assert steepest([10.0**n for n in range(7)], losses) < 1e4


def test_resumed_run_keeps_the_suggested_rate(tmp_path):
    _, first = run_finder()
    run, second = new_run(resumed_from=tmp_path), LearningRateFinder()
    run.try_learning_rates = None
    second.on_fit_begin(run)
    second.load_state_dict(through_a_file(first.state_dict(), tmp_path / "state"))
    assert second.suggestion == first.suggestion


def test_loss_that_never_falls_raises():
    with pytest.raises(ConfigError, match="must fall"):
        steepest([0.1, 0.2, 0.3], [1.0, 2.0, 3.0])
    with pytest.raises(ConfigError, match="must fall"):
        steepest([0.1], [1.0])


def test_optimizer_with_a_schedule_is_rejected():
    run = new_run()
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    run.model.optimizer = keras.optimizers.SGD(schedule)
    with pytest.raises(ConfigError, match="without a schedule"):
        LearningRateFinder().on_fit_begin(run)


def test_moving_average_is_bias_corrected():
    np.testing.assert_allclose(smooth([1.0, 3.0]), [1.0, (0.09 + 0.3) / 0.19])
