import keras
import pytest
from hand_made_runs import new_run


def test_first_stop_reason_is_kept():
    run = new_run()
    run.request_stop("the loss is small enough")
    run.request_stop("max_epochs=9 is reached")
    assert run.stop_reason == "the loss is small enough"


def test_checkpoints_are_stored_below_the_run_directory(tmp_path):
    assert new_run(run_dir=tmp_path).checkpoint_dir == tmp_path / "checkpoints"
    assert new_run().checkpoint_dir is None


def test_learning_rate_is_that_of_the_next_step():
    run = new_run()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.1)
    run.model.compile(keras.optimizers.SGD(schedule))
    assert run.learning_rate == pytest.approx(0.5)
    run.model.optimizer.iterations.assign(2)
    assert run.learning_rate == pytest.approx(0.005)


def test_runs_share_no_state():
    first, second = new_run(), new_run()
    first.history["loss"] = [1.0]
    first.request_save()
    assert second.history == {}
    assert not second.save_requested
    assert second.read_metrics() == {}
