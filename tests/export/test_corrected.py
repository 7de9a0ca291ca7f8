import keras
import numpy as np
import pytest
from keraunos.core.errors import ConfigError
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.export.corrected import corrected_models

SHAPE = (8, 8, 3)
CORRECTIONS = [
    Correction("temperature", 2.5),
    Correction("vector", None, (0.4, 1.0, 1.7), (0.0, -1.0, 0.5)),
]


def images(count=7):
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE)).astype("float32")


def features(inputs):
    return keras.layers.Flatten()(keras.layers.Rescaling(1 / 32)(inputs))


def flat():
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Dense(3, "softmax")(features(inputs)))


def softmax_apart():
    inputs = keras.Input(SHAPE)
    logits = keras.layers.Dense(3)(features(inputs))
    return keras.Model(inputs, keras.layers.Softmax()(logits))


def sequential():
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(3, "softmax", kernel_regularizer="l2"),
        ]
    )


def nested():
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, flat()(inputs))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = flat()

    def call(self, inputs):
        return self.inner(inputs)


@pytest.mark.slow
@pytest.mark.parametrize("make", [flat, softmax_apart, sequential, nested, Own])
@pytest.mark.parametrize("correction", CORRECTIONS, ids=["temperature", "vector"])
def test_every_corrected_model_returns_calibrated_probabilities(make, correction):
    keras.utils.set_random_seed(1)
    model = make()
    before = model(images()).numpy()
    wanted = correction.apply(before)
    forms = list(corrected_models(model, correction, SHAPE))
    assert len(forms) == (2 if make in (flat, sequential) else 1)
    for form in forms:
        assert form(images()).numpy() == pytest.approx(wanted, abs=1e-5)
    assert (model(images()).numpy() == before).all()
    assert np.abs(wanted - before).max() > 0.01


def test_zero_probabilities_do_not_become_nan():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs))
    rows = np.array([[0, 0, 1], [0, 0.5, 0.5], [1e-40, 1, 0]], "float32")
    for correction in (*CORRECTIONS, Correction("temperature", 100.0)):
        (form,) = corrected_models(model, correction, SHAPE)
        assert form(rows).numpy() == pytest.approx(correction.apply(rows), abs=1e-6)


def test_corrected_model_is_not_corrected_again():
    once = next(iter(corrected_models(flat(), CORRECTIONS[0], SHAPE)))
    with pytest.raises(ConfigError, match="already calibrated"):
        list(corrected_models(once, CORRECTIONS[0], SHAPE))


def test_multiple_outputs_are_rejected():
    inputs = keras.Input(SHAPE)
    ends = [keras.layers.Dense(3, "softmax")(features(inputs)) for _ in range(2)]
    with pytest.raises(ConfigError, match="outputs=2"):
        list(corrected_models(keras.Model(inputs, ends), CORRECTIONS[0], SHAPE))


def test_correction_for_a_different_number_of_classes_is_rejected():
    other = Correction("vector", None, (1.0, 1.0), (0.0, 0.0))
    with pytest.raises(ConfigError, match="for 2 classes"):
        list(corrected_models(flat(), other, SHAPE))
