import keras
import numpy as np
import pytest
from checked_exports import DESCRIPTION, SIZE
from keraunos.export.float32_form import float32_form
from keraunos.export.formats.registry import format_of
from keraunos.export.portable.runtimes import open_runtime

IMAGES = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)


def network(policy: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    images = keras.Input((SIZE, SIZE, 3))
    scaled = layers.Rescaling(1 / 64, dtype=policy)(images)
    inner_input = keras.Input((SIZE, SIZE, 3))
    maps = layers.Conv2D(4, 8, 8, dtype=policy)(inner_input)
    inner = keras.Model(inner_input, maps, name="backbone")
    flat = layers.Flatten(dtype=policy)(inner(scaled))
    head = layers.Dense(3, "softmax", dtype="float32")
    return keras.Model(images, head(flat))


def answers(model: keras.Model) -> np.ndarray:
    return np.asarray(model(IMAGES.astype(np.float32), training=False))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_model_is_exported_in_float32(policy, tmp_path):
    model, exact = network(policy), answers(network("float32"))
    before = answers(model)
    assert np.abs(before - exact).max() > 1e-5
    form = float32_form(model)
    np.testing.assert_allclose(answers(form), exact, atol=1e-6)
    np.testing.assert_array_equal(answers(model), before)
    litert = format_of("litert")
    litert.write(form, DESCRIPTION, tmp_path)
    found = open_runtime("litert", tmp_path / litert.file)(IMAGES)
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_float32_model_is_returned_unchanged():
    model = network("float32")
    assert float32_form(model) is model
