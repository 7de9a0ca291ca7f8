import gc
import threading
import weakref

import keras
import pytest
from filelock import FileLock
from keraunos.core.errors import CheckpointError, DataError
from keraunos.models import SharedNetworks
from keraunos.search.trials import TrialPlan, garbage_of_trials_only, run_trial

NOTHING = {"space": [], "values": {}}


def plan(directory, **more):
    return TrialPlan(0, NOTHING, directory, **more)


def failing(error):
    def fit(_):
        raise error

    return fit


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LookupError("line one\nline two"), "LookupError: line one"),
        (ValueError(), "ValueError: "),
        (MemoryError("no room"), "out of memory: no room"),
    ],
)
def test_an_exception_is_the_reason_of_a_failed_trial(tmp_path, error, reason):
    outcome = run_trial(failing(error), plan(tmp_path / "t"), "val_loss")
    assert (outcome.status, outcome.reason, outcome.error) == ("failed", reason, None)
    assert "in fit" in outcome.traceback


def test_running_out_of_device_memory_is_named(tmp_path):
    import tensorflow as tf

    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nat 0x1")
    outcome = run_trial(failing(error), plan(tmp_path / "t"), "val_loss")
    assert outcome.reason == "out of memory: OOM when allocating"


@pytest.mark.parametrize("error", [DataError("no images"), CheckpointError("disk full")])
def test_errors_that_may_be_of_the_whole_search_come_along(tmp_path, error):
    outcome = run_trial(failing(error), plan(tmp_path / "t"), "val_loss")
    assert outcome.error is error


def test_a_trial_waits_for_a_process_that_is_still_saving_it(tmp_path):
    lock = FileLock(tmp_path / ".lock", thread_local=False)
    lock.acquire()
    order = []

    def let_go():
        order.append("saved")
        lock.release()

    timer = threading.Timer(0.3, let_go)
    timer.start()
    run_trial(lambda _: order.append("fit"), plan(tmp_path), "val_loss")
    timer.join()
    assert order == ["saved", "fit"]


def test_a_continued_trial_begins_with_a_copy_of_the_other_run(tmp_path):
    past, run = tmp_path / "trial-000", tmp_path / "trial-003"
    (past / "checkpoints").mkdir(parents=True)
    (past / "checkpoints" / "best.txt").write_text("step-1")
    (past / ".lock").touch()
    for text in ("step-1", "step-2"):
        run_trial(failing(ValueError()), plan(run, continues=past), "val_loss")
        assert (run / "checkpoints" / "best.txt").read_text() == text
        (run / "checkpoints" / "best.txt").write_text("step-2")
    assert not (past / "checkpoints" / "step-2").exists()


class Network(keras.layers.Layer):
    """A frozen one, which holds on to itself, as networks do."""

    def __init__(self):
        super().__init__(trainable=False)
        self.add_weight(shape=(1,), initializer="zeros")
        self.__dict__["itself"] = self


@pytest.mark.slow
def test_a_shared_network_that_was_unfrozen_is_freed(tmp_path):
    shared = SharedNetworks()
    network = weakref.ref(shared.get("a", Network))
    with garbage_of_trials_only():
        for number in range(2):
            run_trial(lambda _: tmp_path, plan(tmp_path / str(number)), "val_loss")
            assert shared.get("a", Network) is network()
        network().trainable = True
        assert not shared.get("a", Network).trainable_variables
        assert network() is not None  # until something looks for garbage
        run_trial(lambda _: tmp_path, plan(tmp_path / "2"), "val_loss")
        assert network() is None
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()


@pytest.mark.slow
def test_the_policy_of_keras_outlives_a_trial(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        run_trial(lambda planned: tmp_path / "model", plan(tmp_path / "t"), "val_loss")
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
