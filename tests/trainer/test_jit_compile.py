"""Training with XLA equals training without it, except for rounding."""

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiled_models import CASES
from engine import Engine
from helpers import examples
from keraunos import ConfigError
from keraunos.trainer.step.compiled_pass import CompiledPass
from resumable_runs import STEPS, Sender, assert_equal, fit, state

layers = keras.layers
# One compiled and one last batch on each replica: 8 and 3 rows.
SIZE, BATCH_SIZE = 19, 8


def random_layers() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(6, "tanh", kernel_regularizer="l2"),
            layers.Dropout(0.3),
            layers.GaussianNoise(0.1),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def dataset(size: int = SIZE) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(examples(size)).batch(BATCH_SIZE)


def trained(build: Any, count: int, jit_compile: bool) -> tuple[Any, Engine]:
    engine = Engine(build, dataset(), count, jit_compile=jit_compile)
    return engine.train(dataset()), engine


def assert_same(got: Any, expected: Any, tolerance: float) -> None:
    for mine, theirs in zip(got[0], expected[0], strict=True):
        assert mine == pytest.approx(theirs, rel=tolerance)
    for mine, theirs in zip(got[1], expected[1], strict=True):
        norm = max(float(np.linalg.norm(theirs)), 1e-3)
        assert np.linalg.norm(mine - theirs) <= tolerance * norm


@pytest.mark.slow
@pytest.mark.feature("XLA")
@pytest.mark.parametrize("count", [2, pytest.param(1, marks=pytest.mark.nightly)])
def test_random_layers_draw_the_same_numbers_with_xla(count: int, float64: None) -> None:
    expected, _ = trained(random_layers, count, jit_compile=False)
    got, engine = trained(random_layers, count, jit_compile=True)
    assert isinstance(engine.replica_pass, CompiledPass)
    assert engine.replica_pass.num_programs == count  # none for the last batch
    assert_same(got, expected, 1e-10)


@pytest.mark.nightly
@pytest.mark.parametrize("count", [1, 2])
def test_float32_training_with_xla_differs_only_by_rounding(count: int) -> None:
    expected, _ = trained(random_layers, count, jit_compile=False)
    assert_same(trained(random_layers, count, jit_compile=True)[0], expected, 1e-5)


# Cases that sum over replicas in the forward pass, or look up rows.
NOT_ON_SEVERAL = {
    "BatchNorm",
    "a loss of the whole batch",
    "metrics of every kind",
    "an Embedding",
    "positions",
}
PAIRS = [(name, 2) for name in CASES if name not in NOT_ON_SEVERAL]
PAIRS += [(name, 1) for name in NOT_ON_SEVERAL] + [("sample weights", 4)]


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "count"), PAIRS)
def test_replicas_with_xla_match_one_device_without(
    name: str, count: int, float64: None
) -> None:
    case = CASES[name]
    data = case.dataset(SIZE)
    expected = Engine(case.build, data, 1).train(data)
    engine = Engine(case.build, data, count, jit_compile=True)
    assert_same(engine.train(data), expected, 1e-10)


@pytest.fixture(scope="module")
def interrupted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with XLA that was interrupted in its second epoch."""
    directory = tmp_path_factory.mktemp("interrupted")
    sender = Sender("on_train_step_end", at_step=STEPS + 2)
    assert not fit(directory, sender, jit_compile=True).is_finished
    return directory


@pytest.mark.slow
def test_run_with_xla_resumes_bit_identically(
    interrupted_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("resumed")
    shutil.copytree(interrupted_run, directory, dirs_exist_ok=True)
    assert fit(directory, jit_compile=True).is_finished
    whole = tmp_path_factory.mktemp("whole")
    fit(whole, jit_compile=True)
    assert_equal(state(directory), state(whole))


@pytest.mark.slow
def test_changing_jit_compile_on_resume_is_refused(interrupted_run: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"was_compiled=True, jit_compile=False.*Restore it"
    ):
        fit(interrupted_run, jit_compile=False, fresh=True)
