"""Where the frozen part of a model ends, and why some have none."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keraunos.features.cut import find_cut
from keraunos.models.keras_graph import head_behind, part_before

layers = keras.layers
SIZE = 16


def images() -> keras.KerasTensor:
    return keras.Input((SIZE, SIZE, 3))


def frozen(layer: keras.Layer) -> keras.Layer:
    layer.trainable = False
    return layer


def backbone(*inner: keras.Layer) -> keras.Model:
    """Convolutions and a normalization, frozen as a whole."""
    parts = [images(), layers.Conv2D(4, 3, 2), layers.BatchNormalization(), *inner]
    return frozen(keras.Sequential([*parts, layers.GlobalAveragePooling2D(name="pooled")]))


def compiled(inputs: Any, outputs: Any) -> keras.Model:
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    return model


def nested() -> keras.Model:
    inputs = images()
    features = backbone()(layers.Rescaling(1 / 255)(inputs), training=False)
    return compiled(inputs, layers.Dense(2)(layers.Dropout(0.5)(features)))


def functional_within_functional() -> keras.Model:
    inputs = images()
    maps = layers.Conv2D(4, 3)(inputs)
    inner = frozen(keras.Model(inputs, layers.Flatten()(maps + maps)))
    outer = images()
    return compiled(outer, layers.Dense(2)(inner(outer / 255.0)))


def flat() -> keras.Model:
    inputs = images()
    maps = frozen(layers.Conv2D(4, 3, 2))(inputs)
    maps = layers.ReLU()(frozen(layers.BatchNormalization())(maps))
    pooled = layers.GlobalAveragePooling2D()(maps)
    return compiled(inputs, layers.Dense(2)(layers.Dense(3)(pooled)))


def sequential() -> keras.Model:
    model = keras.Sequential([images(), backbone(), layers.Dropout(0.1), layers.Dense(2)])
    model.compile("sgd", "mse")
    return model


def with_image_statistics() -> keras.Model:
    inputs = images()
    normalized = layers.Normalization(mean=[1.0] * 3, variance=[2.0] * 3)(inputs)
    return compiled(inputs, layers.Dense(2)(backbone()(normalized)))


def partly_frozen() -> keras.Model:
    inputs = images()
    first = frozen(layers.Conv2D(4, 3, 2))(inputs)
    second = layers.Conv2D(5, 3)(first)
    return compiled(inputs, layers.Dense(2)(layers.Flatten()(second + second)))


def several_outputs() -> keras.Model:
    inputs = images()
    features = backbone()(inputs)
    heads = {"one": layers.Dense(2)(features), "two": layers.Dense(3)(features)}
    model = keras.Model(inputs, heads)
    model.compile("sgd", {"one": "mse", "two": "mae"})
    return model


def two_branches_of_one_layer() -> keras.Model:
    """A layer that is called twice, before and after the cut."""
    inputs, shared = images(), frozen(layers.Dense(3))
    features = layers.GlobalAveragePooling2D()(shared(inputs))
    return compiled(inputs, layers.Dense(2)(shared(layers.Dense(3)(features))))


def fitted_head() -> keras.Model:
    inputs = images()
    return compiled(inputs, frozen(layers.Dense(2, "softmax"))(backbone()(inputs)))


def inactive_dropout() -> keras.Model:
    off = layers.Dropout(0.5)
    off.rate = 0.0
    return keras.Sequential([images(), backbone(off), layers.Dense(2)])


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (nested, (4,)),
        (functional_within_functional, (14 * 14 * 4,)),
        (flat, (4,)),
        (sequential, (4,)),
        (with_image_statistics, (4,)),
        (partly_frozen, (7, 7, 4)),
        (several_outputs, (4,)),
        (two_branches_of_one_layer, (3,)),
        (fitted_head, (4,)),
        (inactive_dropout, (4,)),
    ],
)
def test_the_cut_is_the_last_fixed_tensor(build: Callable[[], Any], shape: Any) -> None:
    cut = find_cut(build())
    assert cut.reason == ""
    assert cut.features is not None
    assert cut.features.shape == (None, *shape)


@pytest.mark.parametrize(
    "build",
    [
        *[nested, flat, sequential, partly_frozen, several_outputs],
        *[two_branches_of_one_layer, fitted_head],
    ],
)
def test_head_on_features_returns_what_the_model_returns_on_images(
    build: Callable[[], Any],
) -> None:
    model = build()
    features = find_cut(model).features
    front, head = part_before(features, model), head_behind(features, model)
    pixels = np.random.default_rng(0).uniform(size=(3, SIZE, SIZE, 3)).astype("float32")
    expected, found = model(pixels), head(front(pixels))
    keras.tree.assert_same_structure(found, expected)
    pairs = zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, atol=1e-6)
    trained = [id(each) for each in head.trainable_variables]
    assert trained == [id(each) for each in model.trainable_variables]
    assert head.optimizer is model.optimizer
    assert front.trainable_variables == []


def trained_layer_in_front() -> keras.Model:
    inputs = images()
    return compiled(inputs, layers.Dense(2)(backbone()(layers.Dense(3, name="in")(inputs))))


def moving_statistics_in_front() -> keras.Model:
    normalized = layers.BatchNormalization(name="bn", center=False, scale=False)
    return keras.Sequential([images(), normalized, backbone(), layers.Dense(2)])


def spectral_norm_in_front() -> keras.Model:
    wrapped = layers.SpectralNormalization(layers.Conv2D(3, 1), name="spectral")
    return keras.Sequential([images(), frozen(wrapped), backbone(), layers.Dense(2)])


def augmentation_in_front() -> keras.Model:
    flip = layers.RandomFlip(name="flip")
    return keras.Sequential([images(), flip, backbone(), layers.Dense(2)])


def dropout_within() -> keras.Model:
    drop = layers.Dropout(0.5, name="drop")
    return keras.Sequential([images(), backbone(drop), layers.Dense(2)])


def loss_within() -> keras.Model:
    penalized = layers.Conv2D(3, 1, activity_regularizer="l2", name="penalized")
    return keras.Sequential([images(), backbone(penalized), layers.Dense(2)])


def several_paths() -> keras.Model:
    inputs = images()
    skipped = layers.Dense(2)(layers.GlobalAveragePooling2D()(inputs))
    return compiled(inputs, layers.Dense(2)(backbone()(inputs)) + skipped)


def several_inputs() -> keras.Model:
    one, other = images(), images()
    return compiled([one, other], layers.Dense(2)(one + other))


class Doubled(keras.Layer):
    def call(self, inputs: Any) -> Any:
        return 2 * inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Subclassed(keras.Model):
    def call(self, inputs: Any) -> Any:
        return inputs


def own_function(inputs: Any) -> Any:
    return 2 * inputs


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (trained_layer_in_front, "layer 'in' trains"),
        (moving_statistics_in_front, "layer 'bn' changes its own state"),
        (spectral_norm_in_front, "layer 'spectral' changes its own state"),
        (augmentation_in_front, "layer 'flip' draws random numbers"),
        (dropout_within, "layer 'drop' draws random numbers"),
        (loss_within, "layer 'penalized' adds a loss"),
        (several_paths, "several paths lead from frozen to trained layers"),
        (Subclassed, "neither functional nor sequential"),
        (several_inputs, "the model has several inputs"),
        (
            lambda: keras.Sequential([images(), layers.Rescaling(2), layers.Dense(2)]),
            "trains",
        ),
    ],
)
def test_models_without_a_cut_state_the_reason(
    build: Callable[[], Any], words: str
) -> None:
    cut = find_cut(build())
    assert cut.features is None
    assert words in cut.reason


@pytest.mark.parametrize(
    "own",
    [
        lambda: Doubled(name="own"),
        lambda: layers.Lambda(own_function, name="own"),
        lambda: layers.Activation(own_function, name="own"),
        lambda: layers.TimeDistributed(Doubled(), name="own"),
    ],
)
def test_layer_with_custom_code_is_not_treated_as_fixed(own: Any) -> None:
    inputs = images()
    cut = find_cut(compiled(inputs, layers.Dense(2)(backbone()(own()(inputs)))))
    assert cut.features is None
    assert cut.reason.startswith("layer 'own' has custom code")


def test_masked_or_variable_size_tensors_cannot_be_the_cut() -> None:
    dense = frozen(layers.Dense(3))
    # No layer uses the mask, but the loss does: it is attached to the output.
    masked = keras.Sequential(
        [keras.Input((5, 2)), dense, layers.Masking(), layers.Dense(2)]
    )
    assert find_cut(masked).features is dense.output
    free = keras.Sequential(
        [keras.Input((None, None, 3)), frozen(layers.Conv2D(4, 3)), layers.Conv2D(2, 3)]
    )
    assert find_cut(free).features is None
