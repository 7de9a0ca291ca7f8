import keras
import numpy as np
import pytest
from keraunos.core.errors import ConfigError
from keraunos.models import TransferClassifier
from keraunos.models.losses import classification_loss

LABELS = np.array([0, 2, 1, 1])
PROBABILITIES = np.array(
    [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.5, 0.3], [0.9, 0.05, 0.05]], "float32"
)
OF_TRUE = PROBABILITIES[np.arange(4), LABELS]


@pytest.mark.feature("focal loss")
@pytest.mark.parametrize(
    ("kind", "smoothing", "expected"),
    [
        ("focal", 0.0, 0.25 * (1 - OF_TRUE) ** 2 * -np.log(OF_TRUE)),
        (
            "crossentropy",
            0.3,
            -0.7 * np.log(OF_TRUE) - 0.1 * np.log(PROBABILITIES).sum(axis=-1),
        ),
    ],
)
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_class_numbers_are_taken_as_one_hot_targets(kind, smoothing, expected, shape):
    loss = classification_loss(kind, smoothing, num_classes=3)
    values = loss.call(LABELS.reshape(shape), keras.ops.convert_to_tensor(PROBABILITIES))
    np.testing.assert_allclose(values, expected, rtol=1e-5)


@pytest.mark.slow
def test_the_classifier_is_compiled_with_the_loss_that_is_named():
    def loss(**options):
        module = TransferClassifier(
            3, image_size=32, backbone="MobileNetV2", weights=None, **options
        )
        return module.build().loss

    assert loss() == "sparse_categorical_crossentropy"
    assert loss(loss="focal").name == "categorical_focal_crossentropy"
    assert loss(label_smoothing=0.1).name == "categorical_crossentropy"
    with pytest.raises(ConfigError, match="mean focal"):
        loss(loss="fokal")
