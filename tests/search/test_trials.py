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


def fit_that_raises(error):
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
def test_exception_is_the_reason_of_a_failed_trial(tmp_path, error, reason):
    outcome = run_trial(fit_that_raises(error), plan(tmp_path / "t"), "val_loss")
    assert (outcome.status, outcome.reason, outcome.error) == ("failed", reason, None)
    assert "in fit" in outcome.traceback


def test_out_of_device_memory_is_named_in_the_reason(tmp_path):
    import tensorflow as tf

    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nat 0x1")
    outcome = run_trial(fit_that_raises(error), plan(tmp_path / "t"), "val_loss")
    assert outcome.reason == "out of memory: OOM when allocating"


@pytest.mark.parametrize("error", [DataError("no images"), CheckpointError("disk full")])
def test_outcome_carries_errors_that_may_affect_the_whole_search(tmp_path, error):
    outcome = run_trial(fit_that_raises(error), plan(tmp_path / "t"), "val_loss")
    assert outcome.error is error


def test_trial_waits_for_another_process_that_is_still_saving_it(tmp_path):
    lock = FileLock(tmp_path / ".lock", thread_local=False)
    lock.acquire()
    order = []

    def release_lock():
        order.append("saved")
        lock.release()

    timer = threading.Timer(0.3, release_lock)
    timer.start()
    run_trial(lambda _: order.append("fit"), plan(tmp_path), "val_loss")
    timer.join()
    assert order == ["saved", "fit"]


def test_continued_trial_starts_from_a_copy_of_the_other_run(tmp_path):
    past, run = tmp_path / "trial-000", tmp_path / "trial-003"
    (past / "checkpoints").mkdir(parents=True)
    (past / "checkpoints" / "best.txt").write_text("step-1")
    (past / ".lock").touch()
    for text in ("step-1", "step-2"):
        run_trial(fit_that_raises(ValueError()), plan(run, continues=past), "val_loss")
        assert (run / "checkpoints" / "best.txt").read_text() == text
        (run / "checkpoints" / "best.txt").write_text("step-2")
    assert not (past / "checkpoints" / "step-2").exists()


class Network(keras.layers.Layer):
    """A frozen network with a reference cycle, as real ones have."""

    def __init__(self):
        super().__init__(trainable=False)
        self.add_weight(shape=(1,), initializer="zeros")
        self.__dict__["itself"] = self


@pytest.mark.slow
def test_unfrozen_shared_network_is_freed(tmp_path):
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
def test_keras_dtype_policy_survives_a_trial(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        run_trial(lambda planned: tmp_path / "model", plan(tmp_path / "t"), "val_loss")
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
