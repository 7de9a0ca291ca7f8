"""The facts listed about the networks of Keras equal those of the built networks."""

import sys

import keras
import keras_networks
import numpy as np
import pytest
from keraunos.configs.backbone import networks, problem_of_size
from keraunos.core.errors import ConfigError
from keraunos.models.backbones import build_backbone
from keraunos.models.backbones.torch_networks import NAMES


def test_network_names_cover_all_of_keras_and_ours():
    assert set(networks()) == {*keras_networks.names(), *NAMES}


@pytest.mark.parametrize("name", keras_networks.names())
def test_every_network_has_a_preprocess_input_function(name):
    module = sys.modules[getattr(keras.applications, name).__module__]
    pixels = np.full((1, 2, 2, 3), 255.0, "float32")
    assert np.all(np.isfinite(module.preprocess_input(pixels)))


@pytest.mark.parametrize("name", keras_networks.names())
def test_smallest_image_size_equals_the_minimum_of_keras(name):
    size = networks()[name].smallest_image_size
    constructor = getattr(keras.applications, name)
    with pytest.raises(ValueError, match=rf"at least {size}x{size}"):
        constructor(include_top=False, weights=None, input_shape=(size - 1, size - 1, 3))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("MobileNet", marks=pytest.mark.slow),
        *[pytest.param(name, marks=pytest.mark.nightly) for name in keras_networks.names()],
    ],
)
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_listed_facts_equal_those_of_keras(name):
    assert networks()[name]._asdict() == keras_networks.facts(name)


@pytest.mark.parametrize("name", NAMES)
def test_listed_facts_of_our_own_networks_are_correct(name):
    assert networks()[name]._asdict() == keras_networks.own_facts(name)


def test_too_small_images_are_rejected_before_building():
    with pytest.raises(ConfigError, match=r"must be at least 75 for InceptionV3.*=74"):
        build_backbone("InceptionV3", None, 74)
    assert not problem_of_size("InceptionV3", 75)


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "size"), keras_networks.families().items())
def test_every_family_computes_features_of_its_smallest_images(name, size):
    smallest = size // 2
    network = build_backbone(name, None, smallest).network
    images = np.random.default_rng(0).uniform(-1, 1, (2, smallest, smallest, 3))
    maps = network(images.astype("float32"), training=False)
    assert maps.shape[-1] == networks()[name].features
    assert np.all(np.isfinite(maps))
