"""One model of stock layers that returns the mean of several."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keraunos.core.errors import ConfigError
from keraunos.models.ensemble import ensemble_model

SHAPE = (32, 32, 3)


def member(seed: int, classes: int = 3, size: int = 32) -> keras.Model:
    """All have the same names, as folds of one configuration do."""
    layers = keras.layers
    start = keras.initializers.RandomNormal(seed=seed)
    backbone = keras.Sequential(
        [keras.Input((size, size, 3)), layers.Conv2D(2, 3, 4, kernel_initializer=start)],
        name="backbone",
    )
    images = keras.Input((size, size, 3))
    maps = backbone(layers.Rescaling(1 / 255)(images))
    head = layers.Dense(classes, "softmax", kernel_initializer=start, name="head")
    return keras.Model(images, head(layers.Flatten()(maps)), name="classifier")


@pytest.mark.slow
def test_ensemble_outputs_the_mean_and_saves_as_stock_layers(tmp_path: Path) -> None:
    members = [member(seed) for seed in (0, 1, 2)]
    ensemble_model(members).save(tmp_path / "ensemble.keras")
    loaded = keras.models.load_model(tmp_path / "ensemble.keras", safe_mode=True)
    images = np.random.default_rng(0).uniform(0, 255, (5, *SHAPE)).astype("float32")
    each = [model(images).numpy() for model in members]
    assert np.abs(each[0] - each[1]).max() > 0.01
    assert loaded(images).numpy() == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    assert [layer.name for layer in loaded.layers[1:4]] == [
        "member_1",
        "member_2",
        "member_3",
    ]
    with zipfile.ZipFile(tmp_path / "ensemble.keras") as archive:
        config = json.loads(archive.read("config.json"))
    assert modules_of(config) <= {
        "keras",
        "keras.layers",
        "keras.src.models.functional",
        "keras.initializers",
        "builtins",
        "keras.models",
    }


def modules_of(config: Any) -> set[str]:
    """The modules that a saved model names."""
    if isinstance(config, list):
        return set().union(*map(modules_of, config))
    if not isinstance(config, dict):
        return set()
    own = {config["module"]} if isinstance(config.get("module"), str) else set()
    return own.union(*map(modules_of, config.values()))


class Subclassed(keras.Model):
    """A model without a graph."""

    def call(self, inputs: Any) -> Any:
        return inputs


@pytest.mark.parametrize(
    "models",
    [
        [],
        [member(0)],
        [member(0), member(1, classes=4)],
        [member(0), member(1, size=48)],
        [Subclassed(), Subclassed()],
    ],
    ids=["none", "one", "classes", "size", "subclassed"],
)
def test_models_that_cannot_form_an_ensemble_are_rejected(
    models: list[keras.Model],
) -> None:
    with pytest.raises(ConfigError, match="two or more functional models"):
        ensemble_model(models)
