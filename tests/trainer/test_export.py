"""What is saved; tests/cli/test_finished_run.py loads it where there is no Keraunos."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import contents, examples
from keraunos.trainer.export import export_model, write_class_names


def mine(y_true: Any, y_pred: Any) -> Any:
    """A loss that plain Keras can't find."""
    return keras.ops.square(y_true - y_pred)[:, 0]


class Mine(keras.metrics.MeanAbsoluteError):
    """A metric that plain Keras can't find."""


def trained() -> keras.Model:
    inputs = keras.Input((5,), name="images")
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden), name="mine")
    model.compile("adam", mine, metrics=[Mine()])
    x, _, _ = examples(7)
    model.fit(x, np.zeros((7, 2)), verbose=0)
    return model


@pytest.mark.slow
def test_model_with_custom_losses_loads_in_plain_keras(tmp_path: Path) -> None:
    model, path = trained(), tmp_path / "model.keras"
    export_model(model, path)
    loaded = keras.saving.load_model(path)
    assert not loaded.compiled
    assert loaded.name == "mine"
    x, _, _ = examples(5, seed=1)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert model.compiled


@pytest.mark.slow
def test_export_replaces_an_older_model_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    export_model(trained(), path)
    before = contents(tmp_path)
    export_model(trained(), path)
    assert list(contents(tmp_path)) == ["model.keras"]
    assert contents(tmp_path) != before


@keras.saving.register_keras_serializable("test_export")
class Subclassed(keras.Model):
    """Has no inputs that Keras knows of."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = keras.layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_subclassed_model_is_saved_unchanged(tmp_path: Path) -> None:
    model, (x, _, _) = Subclassed(), examples(4)
    expected = model.predict(x, verbose=0)
    export_model(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)


def test_class_names_are_written_one_per_line_in_output_order(tmp_path: Path) -> None:
    names = ["pigmented benign keratosis", "Ä", "nevus"]
    write_class_names(names, tmp_path / "classes.txt")
    assert (tmp_path / "classes.txt").read_text(encoding="utf-8").split("\n") == [
        *names,
        "",
    ]
