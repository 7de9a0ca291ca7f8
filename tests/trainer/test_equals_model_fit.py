"""With one replica, training equals `Model.fit` on one device."""

import keras
import numpy as np
import pytest
from compiled_models import CASES, Case
from helpers import largest_difference, replicas, weights_of
from keraunos import Trainer

COUNT = 21  # batches of 8, 8 and 5
EPOCHS = 2
FAST = {
    "a list of one output",
    "metrics of every kind",
    "BatchNorm",
    "add_loss",
    "dict losses with weights",
}


@pytest.mark.slow
@pytest.mark.feature("fit")
@pytest.mark.parametrize(
    "name",
    [
        name if name in FAST else pytest.param(name, marks=pytest.mark.nightly)
        for name in CASES
    ],
)
def test_weights_and_history_equal_model_fit(name: str, float64: None) -> None:
    case = CASES[name]
    expected, history = trained_by_keras(case)
    result = Trainer(strategy=replicas(1), max_epochs=EPOCHS, seed=0, callbacks=[]).fit(
        case.build, case.dataset(COUNT), validation_data=case.dataset(13)
    )
    for key, values in history.items():
        if key.endswith("_loss") and key != "val_loss":
            continue  # see below
        if key.endswith("largest"):
            continue  # returns its variable, which Keras reads after validation
        np.testing.assert_allclose(
            values_of(key, result.history), values, rtol=1e-6, err_msg=key
        )
    assert largest_difference(weights_of(result.model), weights_of(expected)) < 1e-6


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["a loss by name", "BatchNorm"])
def test_float32_weights_equal_model_fit(name: str) -> None:
    case = CASES[name]
    expected, _ = trained_by_keras(case)
    result = Trainer(strategy=replicas(1), max_epochs=EPOCHS, callbacks=[]).fit(
        case.build, case.dataset(COUNT)
    )
    assert largest_difference(weights_of(result.model), weights_of(expected)) < 1e-6


@pytest.mark.slow
def test_losses_of_outputs_are_means_over_examples_not_over_batches(float64: None) -> None:
    """Keras gives each batch the same weight there, so only even batches compare."""
    case = CASES["dict losses with weights"]
    even, ragged = (
        Trainer(strategy=replicas(1), max_epochs=1, callbacks=[])
        .fit(case.build, case.dataset(count))
        .history
        for count in (16, COUNT)
    )
    _, history = trained_by_keras(case, 16)
    for key in ("kind_loss", "size_loss"):
        np.testing.assert_allclose(even[key], history[key][:1], rtol=1e-6)
    total = 0.3 * ragged["kind_loss"][0] + 2.0 * ragged["size_loss"][0]
    assert total == pytest.approx(ragged["loss"][0], rel=1e-12)


def values_of(key: str, history: dict[str, list[float]]) -> np.ndarray:
    """Values as Keras has them: `(epochs,)`, or `(epochs, entries)` of a vector."""
    if key in history:
        return np.array(history[key])
    entries = [name for name in history if name.startswith(f"{key}_")]
    return np.array([history[name] for name in entries]).T


def trained_by_keras(
    case: Case, count: int = COUNT
) -> tuple[keras.Model, dict[str, list[float]]]:
    keras.utils.set_random_seed(0)
    model = case.build()
    model.run_eagerly = True  # tracing takes longer than so few steps
    history = model.fit(
        case.dataset(count), validation_data=case.dataset(13), epochs=EPOCHS, verbose=0
    ).history
    return model, history
