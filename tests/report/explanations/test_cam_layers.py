"""A layer for maps is found in any model that has one; otherwise a reason is given."""

import keras
import pytest
from keras_networks import families
from keraunos.core.errors import ConfigError
from keraunos.models import TransferClassifier
from keraunos.report.explanations.cam_layers import find_layer, kernels_behind
from keraunos.report.explanations.flat_graph import FlatGraph, NoGraphError
from patches import patch_model

layers = keras.layers


def layer_path(model: keras.Model, name: str | None = None) -> str:
    return find_layer(FlatGraph(model), name).path


def images() -> keras.KerasTensor:
    return keras.Input((8, 8, 3))


@pytest.mark.parametrize("nesting", [0, 1, 2])
def test_last_spatial_layer_is_chosen(nesting):
    prefix = "".join(f"level{level}/" for level in reversed(range(nesting)))
    assert layer_path(patch_model(nesting)) == f"{prefix}colors"


def test_layer_can_be_given_by_name_path_or_enclosing_model():
    model = patch_model(2)
    for name in ("colors", "level1/level0/colors", "level0"):
        assert layer_path(model, name) == "level1/level0/colors"


def test_unsuitable_layer_name_is_rejected_with_the_available_ones():
    for name in ("color", "level1", "dense"):
        with pytest.raises(ConfigError, match="level1/level0/colors"):
            layer_path(patch_model(2), name)


def test_chosen_layer_is_followed_by_the_weights_of_the_head():
    parts = [layers.Conv2D(4, 3, name="first"), layers.Conv2D(2, 1, name="scores")]
    ends = [layers.GlobalAveragePooling2D(), layers.Softmax()]
    model = keras.Sequential([images(), *parts, *ends])
    assert layer_path(model) == "first"
    graph = FlatGraph(model)
    assert [kernel.shape for kernel in kernels_behind(graph, graph.named["first"])] == [
        (1, 1, 4, 2)
    ]


def test_rescaled_pixels_do_not_count_as_features():
    parts = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2, "softmax")]
    with pytest.raises(NoGraphError, match="no layer of the model has spatial outputs"):
        layer_path(keras.Sequential([images(), *parts]))


def test_one_by_one_feature_maps_are_skipped():
    pool = layers.GlobalAveragePooling2D(keepdims=True)
    parts = [layers.Conv2D(4, 3, name="last"), pool, layers.Conv2D(2, 1), layers.Flatten()]
    assert layer_path(keras.Sequential([images(), *parts, layers.Softmax()])) == "last"


def test_path_bypassing_the_layer_is_detected():
    inputs = images()
    one, other = layers.Conv2D(2, 3, name="one")(inputs), layers.Conv2D(2, 3)(inputs)
    pooled = [layers.GlobalAveragePooling2D()(each) for each in (one, other)]
    both = layers.Dense(2, "softmax")(layers.Concatenate()(pooled))
    graph = FlatGraph(keras.Model(inputs, both))
    assert graph.is_bypassed(graph.named["one"])
    graph = FlatGraph(patch_model(2))
    assert not graph.is_bypassed(graph.named["colors"])


class Own(keras.Model):
    def call(self, inputs):
        return inputs


def two_inputs() -> keras.Model:
    inputs = [images(), images()]
    return keras.Model(inputs, layers.Flatten()(layers.Add()(inputs)))


def fixed_batch_size() -> keras.Model:
    return keras.Sequential([keras.Input(batch_shape=(4, 8, 8, 3)), layers.Flatten()])


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (Own, "neither functional nor sequential"),
        (two_inputs, "several inputs"),
        (fixed_batch_size, "one size"),
        (lambda: keras.Sequential([images(), layers.Flatten()]), "spatial outputs"),
    ],
)
def test_model_without_maps_raises_with_the_reason(build, reason):
    with pytest.raises(NoGraphError, match=reason):
        layer_path(build())


@pytest.mark.nightly
@pytest.mark.parametrize(("backbone", "size"), families().items())
def test_every_backbone_family_has_a_layer_for_maps(backbone, size):
    import numpy as np
    from keraunos.report.explanations.cam_maps import CamMaps

    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2, size, size, 3)).astype("float32")
    classifier = TransferClassifier(
        num_classes=3, image_size=size, backbone=backbone, weights=None
    )
    model = classifier.build()
    graph = FlatGraph(model)
    layer = find_layer(graph, None)
    assert graph.tensors[layer.outputs[0]].shape[1:3] > (1, 1)
    maps = CamMaps(graph, layer).of_classes(pixels, np.array([[0, 1], [2, 0]], "int32"))
    assert np.isfinite(maps.maps).all()
    np.testing.assert_allclose(maps.outputs, model(pixels, training=False), rtol=1e-3)
