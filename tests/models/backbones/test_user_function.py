"""Backbones that a function of the user returns."""

import sys
import types

import keras
import numpy as np
import pytest
from keraunos import TransferClassifier
from keraunos.core.errors import ConfigError
from keraunos.features.cut import find_cut
from keraunos.models.backbones import build_backbone

SIZE = 32
MAPS, VECTORS = (4, 4, 5), (7,)


def network(*more: keras.Layer) -> keras.Model:
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(5, 3, 8, "same"), *more]
    return keras.Sequential(layers)


class OwnLayer(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


FUNCTIONS = {
    "maps": lambda image_size: network(),
    "vectors": lambda: network(keras.layers.Flatten(), keras.layers.Dense(7)),
    "scaled": lambda: (network(), lambda images: images / 127.5 - 1),
    "noisy": lambda: network(keras.layers.SpatialDropout2D(0.5)),
    "own": lambda: network(OwnLayer()),
    "weighted": lambda weights: (network(), weights)[0],
    "volumes": lambda: network(keras.layers.Reshape((2, 8, 5, 1))),
    "demanding": lambda units: network(),
    "nothing": lambda: None,
    "gray": lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]),
}


@pytest.fixture(autouse=True)
def own_networks(monkeypatch):
    module = types.ModuleType("own_networks")
    vars(module).update(FUNCTIONS)
    monkeypatch.setitem(sys.modules, "own_networks", module)


def classifier(function: str, **options) -> TransferClassifier:
    return TransferClassifier(
        3, image_size=SIZE, backbone=f"own_networks:{function}", weights=None, **options
    )


@pytest.mark.parametrize(("function", "width"), [("maps", 5), ("vectors", 7)])
def test_outputs_of_a_user_backbone_become_features(function, width):
    model = classifier(function).build()
    assert model.get_layer("features").output.shape == (None, width)
    assert len(model.trainable_variables) == 2


def test_preprocessing_of_a_user_backbone_is_part_of_the_model():
    backbone = build_backbone("own_networks:scaled", None, SIZE)
    assert backbone.preprocess(255.0) == 1.0


def test_dropout_of_a_frozen_user_backbone_is_off():
    model = classifier("noisy").build()
    features = keras.Model(model.input, model.get_layer("features").output)
    pixels = np.random.default_rng(0).uniform(0, 255, (3, SIZE, SIZE, 3)).astype("f4")
    np.testing.assert_array_equal(
        features(pixels, training=True), features(pixels, training=False)
    )


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("absent", "must name something that can be imported"),
        ("demanding", "no arguments except image_size and weights"),
        ("nothing", "returns a keras.Model of images.*returned NoneType"),
        ("gray", "returns a keras.Model of images.*returned Sequential"),
        ("volumes", "must return feature maps, tokens or features.*5 dimensions"),
    ],
)
def test_unusable_backbone_function_is_rejected(function, words):
    with pytest.raises(ConfigError, match=words):
        classifier(function).build()


@pytest.mark.parametrize(("function", "reason"), [("maps", ""), ("own", "has custom code")])
def test_features_are_cached_only_without_custom_layers(function, reason):
    module = classifier(function)
    model = module.build()
    assert module.frozen_part(model) is None
    assert reason in find_cut(model).reason
    assert (find_cut(model).features is None) == bool(reason)
