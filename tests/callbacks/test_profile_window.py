import pytest
import tensorflow as tf
from hand_made_runs import new_run
from helpers import classifier, examples, replicas
from keraunos import Trainer
from keraunos.callbacks import TensorBoard, create_callback
from keraunos.configs.callbacks import check_callbacks
from keraunos.configs.problems import ProblemsError


class NumberOfSteps(TensorBoard):
    """Records the steps at which the loop returns, and whether a trace exists."""

    def reset(self):
        self.traced = {}

    def on_train_step_end(self, run):
        super().on_train_step_end(run)
        self.traced[run.step] = bool(list(run.run_dir.rglob("*.xplane.pb")))


@pytest.mark.slow
@pytest.mark.feature("profiler")
@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_requested_steps_are_profiled(tmp_path, count):
    inputs, labels, _ = examples(19)
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(2)  # 10 steps
    board = NumberOfSteps(images=False, profile_steps=(4, 6))
    trainer = Trainer(
        strategy=replicas(count),
        max_epochs=2,
        steps_per_execution=5,
        run_dir=tmp_path,
        callbacks={"progress_bar": None, "model_checkpoint": None, "tensorboard": board},
        export=False,
    )
    trainer.fit(classifier(), dataset)
    assert [step for step, is_there in board.traced.items() if step <= 6] == [3, 6]
    assert (board.traced[3], board.traced[6]) == (False, True)
    assert len(list(tmp_path.glob("tensorboard/plugins/profile/*/*.xplane.pb"))) == 1


def test_no_step_is_due_without_a_window_or_after_it():
    assert TensorBoard().steps_until_due(0) is None
    board = TensorBoard(profile_steps=(1, 3))
    assert [board.steps_until_due(step) for step in (0, 2, 3)] == [3, 1, None]


def test_error_within_the_window_ends_the_recording(tmp_path):
    for number in (1, 2):  # TensorFlow records one thing at a time
        run = new_run(run_dir=tmp_path / str(number))
        board = TensorBoard(profile_steps=[1, 5])
        board.on_fit_begin(run)
        with run.background:
            board.on_exception(run, OSError())
        assert list(run.run_dir.rglob("*.xplane.pb"))


def test_malformed_windows_are_rejected():
    for wrong in ([5, 4], [0, 2], [3]):
        with pytest.raises(ProblemsError, match=r"callbacks.tensorboard.profile_steps"):
            check_callbacks({"tensorboard": {"profile_steps": wrong}})
    options = {"profile_steps": [2, 2]}
    check_callbacks({"tensorboard": options})
    assert create_callback("tensorboard", options).profile_steps == [2, 2]
