"""Maps of the requested class follow the papers, however models are nested."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas, weights_of
from keraunos.core.table_features import NumberColumn, TableFeatures, WordColumn
from keraunos.models.table_inputs import column_inputs, encode_columns, fuse
from keraunos.report.explanations.cam_layers import find_layer
from keraunos.report.explanations.cam_maps import RANDOM_HEADS, CamMaps
from keraunos.report.explanations.flat_graph import FlatGraph
from keraunos.trainer.subject import TrainedModel
from patches import patch_images, patch_model

layers = keras.layers
IMAGES, LABELS, PLACES = patch_images(5)
CLASSES = np.stack([LABELS, (LABELS + 1) % 3], axis=1)


def cam_of(model: keras.Model, layer: str | None = None, method: str = "grad_cam"):
    graph = FlatGraph(model)
    return CamMaps(graph, find_layer(graph, layer), method)


def activations() -> np.ndarray:
    """The inputs of the convolution: the mean of each color in each cell."""
    cells = IMAGES.reshape(5, 8, 4, 8, 4, 3).astype("float64")
    return cells.mean(axis=(2, 4)) / 255


def kernel_of(model: keras.Model) -> np.ndarray:
    return model.layers[-1].kernel.numpy()


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return patch_model()


def test_map_peaks_at_the_patch_of_the_requested_class(model):
    maps = cam_of(model).of_classes(IMAGES, CLASSES).maps.numpy()
    for row, classes in enumerate(CLASSES):
        for column, label in enumerate(classes):
            peak = np.unravel_index(maps[row, column].argmax(), (8, 8))
            assert peak == tuple(PLACES[row, label])


def test_grad_cam_before_pooling_equals_class_activation_maps(model):
    """Zhou et al. 2016: activations weighted by the kernel of the class."""
    maps = cam_of(model).of_classes(IMAGES, CLASSES).maps.numpy()
    weights = kernel_of(model)[:, CLASSES].transpose(1, 2, 0) / 64
    expected = np.einsum("nhwc,nkc->nkhw", activations(), weights)
    np.testing.assert_allclose(maps, expected, rtol=1e-5, atol=1e-7)


def test_table_columns_change_outputs_but_not_maps_of_a_linear_head():
    columns = TableFeatures(
        (NumberColumn("age", 40.0, 10.0), WordColumn("sex", ("female", "male")))
    )
    images, beside = keras.Input((32, 32, 3), name="image"), column_inputs(columns)
    found = layers.Conv2D(3, 4, 4, name="conv")(layers.Rescaling(1 / 255)(images))
    pooled = layers.GlobalAveragePooling2D()(found)
    outputs = layers.Dense(3, "softmax")(fuse(pooled, encode_columns(columns, beside)))
    model = keras.Model([images, *beside], outputs)
    cells = {"age": ["30", "", "80", "41", "5"], "sex": ["male", "", "female", "x", "male"]}
    arrays = {name: tf.constant(each) for name, each in columns.arrays(cells).items()}
    maps, _, answers = cam_of(model).of_classes(IMAGES, CLASSES, *arrays.values())
    seen = keras.Model(images, found)(tf.constant(IMAGES, tf.float32))
    weights = kernel_of(model)[:3, CLASSES].transpose(1, 2, 0) / 64
    expected = np.einsum("nhwc,nkc->nkhw", seen, weights)
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-6)
    whole = model({"image": tf.constant(IMAGES, tf.float32), **arrays})
    np.testing.assert_allclose(answers, whole, rtol=1e-5, atol=1e-6)


def test_grad_cam_plus_plus_follows_the_formula_of_the_paper(model):
    found = cam_of(model, method="grad_cam_plus_plus").of_classes(IMAGES, CLASSES)
    maps = activations()
    for row, label in enumerate(LABELS):
        gradient = np.broadcast_to(kernel_of(model)[:, label] / 64, (8, 8, 3))
        sums = maps[row].sum(axis=(0, 1))
        alpha = gradient**2 / (2 * gradient**2 + sums * gradient**3)
        weights = (alpha * np.maximum(gradient, 0)).sum(axis=(0, 1))
        np.testing.assert_allclose(found.maps[row, 0], maps[row] @ weights, rtol=1e-4)
    assert np.array_equal(found.check, cam_of(model).of_classes(IMAGES, CLASSES).maps[:, 0])


@pytest.mark.feature("Grad-CAM")
@pytest.mark.parametrize("nesting", [1, 2])
def test_flat_and_nested_backbones_give_the_same_maps(model, nesting):
    nested = patch_model(nesting)
    one = cam_of(model).of_classes(IMAGES, CLASSES)
    other = cam_of(nested).of_classes(IMAGES, CLASSES)
    for first, second in zip(one, other, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(other.outputs, nested(IMAGES.astype("float32")), rtol=1e-6)


def test_log_probability_is_explained_if_the_softmax_is_not_a_layer(model):
    def softmax(logits):
        return keras.ops.softmax(logits)

    dense = layers.Dense(3)
    other = patch_model(head=[dense, softmax])
    dense.set_weights(model.layers[-1].get_weights())
    cam = cam_of(other)
    assert cam_of(model).is_of_logits
    assert not cam.is_of_logits
    maps = cam.of_classes(IMAGES, CLASSES).maps.numpy()
    logits = cam_of(model)
    each = np.tile(np.arange(3), (5, 1))
    of_all = logits.of_classes(IMAGES, each).maps.numpy()
    mean = np.einsum("nk,nkhw->nhw", model(IMAGES.astype("float32")), of_all)
    expected = of_all[np.arange(5)[:, None], CLASSES] - mean[:, None]
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["Softmax", "Activation"])
def test_separate_softmax_layer_is_skipped(model, kind):
    last = layers.Softmax() if kind == "Softmax" else layers.Activation("softmax")
    dense = layers.Dense(3)
    other = patch_model(head=[dense, last])
    dense.set_weights(model.layers[-1].get_weights())
    found = cam_of(other).of_classes(IMAGES, CLASSES).maps
    np.testing.assert_allclose(found, cam_of(model).of_classes(IMAGES, CLASSES).maps)


def test_mixed_precision_maps_are_close_to_float32_maps(model):
    half = cam_of(patch_model(1, dtype="mixed_float16")).of_classes(IMAGES, CLASSES)
    whole = cam_of(model).of_classes(IMAGES, CLASSES)
    for first, second in zip(half, whole, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-2 * np.abs(second).max())


@pytest.mark.slow
def test_random_heads_leave_model_weights_unchanged(model):
    before = weights_of(model)
    cam = cam_of(model)
    maps = cam.of_random_heads(IMAGES, LABELS).numpy()
    assert maps.shape == (5, 1 + RANDOM_HEADS, 8, 8)
    np.testing.assert_allclose(maps[:, 0], cam.of_classes(IMAGES, CLASSES).maps[:, 0])
    assert len({each.tobytes() for each in maps[0]}) == 1 + RANDOM_HEADS
    assert all(map(np.array_equal, weights_of(model), before))


def test_failing_random_heads_leave_model_weights_unchanged(model):
    before = weights_of(model)
    with pytest.raises(Exception, match=r"."):
        cam_of(model).of_random_heads(IMAGES, LABELS[:2])
    assert all(map(np.array_equal, weights_of(model), before))
    assert model.layers[-1].kernel.value is model.layers[-1].kernel._value


@pytest.mark.slow
def test_maps_on_two_replicas_equal_those_on_one():
    found = []
    for count in (1, 2):
        with replicas(count).scope():
            model = patch_model(1)
        cam = cam_of(model)
        subject = TrainedModel(model, None, None, batch_size=3)
        maps = subject.run(cam.of_classes, IMAGES, CLASSES.astype("int32"))
        found.append((*maps, subject.run(cam.of_random_heads, IMAGES, LABELS)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
