import keras
import numpy as np
import pytest
from keraunos.core.errors import ConfigError
from keraunos.models import BalancedAccuracy, Optimizer, TransferClassifier, transfer_model
from keraunos.models.backbones import Backbone
from keraunos.models.shared import SharedNetworks
from keraunos.models.standardization import VARIANCE_FLOOR
from keraunos.models.variables import changing_variables, copy_values, frozen_variables
from keraunos.trainer.export import export_model

CLASSES, SIZE = 9, 32
BLUE_GREEN_RED_MEANS = (103.939, 116.779, 123.68)  # of ImageNet, in Keras's resnet


@pytest.fixture(scope="module")
def module() -> TransferClassifier:
    return TransferClassifier(CLASSES, image_size=SIZE, weights=None, dropout=0.3)


@pytest.fixture(scope="module")
def model(module) -> keras.Model:
    keras.utils.set_random_seed(0)
    return module.build()


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.slow
def test_only_the_head_trains(module, model):
    assert [tuple(v.shape) for v in model.trainable_variables] == [(2048, 9), (9,)]
    assert module.describe(model) == (
        "ResNet50 + GlobalAveragePooling + Dropout 0.3 + Dense 9: "
        "23,606,153 parameters, 18,441 trainable"
    )
    names = [name.partition("/")[2] for name in changing_variables(model)]
    assert names == ["kernel", "bias"]


@pytest.mark.slow
def test_model_takes_raw_images_and_preprocesses_them_once(model, pixels):
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    centered = pixels[..., ::-1].astype("float32") - np.array(BLUE_GREEN_RED_MEANS, "f4")
    features = np.mean(backbone(centered, training=False), axis=(1, 2))
    kernel, bias = (v.numpy() for v in model.get_layer("probabilities").weights)
    scores = np.exp(features @ kernel + bias)
    expected = scores / scores.sum(axis=1, keepdims=True)
    found = model(pixels.astype("float32"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_dropout_of_the_backbone_is_off_while_the_head_trains(pixels):
    module = TransferClassifier(
        3, image_size=SIZE, weights=None, backbone="EfficientNetV2B0"
    )
    model = module.build()
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    assert any(isinstance(layer, keras.layers.Dropout) for layer in backbone.layers)
    features = keras.Model(model.input, model.get_layer("features").output)
    np.testing.assert_array_equal(
        features(pixels, training=True), features(pixels, training=False)
    )


def test_model_is_compiled_with_its_optimizer_and_balanced_accuracy():
    module = TransferClassifier(
        2,
        image_size=SIZE,
        weights=None,
        backbone="MobileNetV3Small",
        optimizer=Optimizer("sgd", learning_rate=0.5),
    )
    model = module.build()
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert float(model.optimizer.learning_rate) == 0.5
    assert model.loss.name == "sparse_categorical_crossentropy"
    accuracy, balanced = model.get_compile_config()["metrics"]
    assert accuracy["config"]["name"] == "accuracy"
    assert balanced["class_name"] == BalancedAccuracy.__name__
    assert balanced["config"]["num_classes"] == 2


@pytest.mark.slow
def test_saved_model_opens_in_safe_mode_with_the_same_outputs(model, pixels, tmp_path):
    export_model(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    expected = model(pixels.astype("float32"))
    np.testing.assert_allclose(loaded.predict(pixels, verbose=0), expected, atol=1e-5)
    np.testing.assert_allclose(loaded(pixels.astype("float32")), expected, atol=1e-5)


@pytest.fixture(scope="module")
def standardized(pixels) -> tuple[keras.Model, np.ndarray]:
    """A small model that has seen images, and its features before that."""
    module = TransferClassifier(
        4,
        image_size=SIZE,
        weights=None,
        backbone="MobileNetV3Small",
        standardize_features=True,
    )
    model = module.build()
    assert "Standardize" in module.describe(model)
    features = []

    def predict(part):
        features.append(part.predict(pixels, verbose=0))
        return features[-1]

    module.prepare(model, predict)
    return model, features[0]


@pytest.mark.slow
def test_standardized_features_have_mean_zero_and_variance_one(standardized, pixels):
    model, features = standardized
    layer = model.get_layer("standardize")
    found = keras.Model(model.input, layer.output).predict(pixels, verbose=0)
    variance = features.var(axis=0)
    lively = variance > VARIANCE_FLOOR * variance.mean()
    assert 0 < lively.sum() < len(lively)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(found[:, lively].var(axis=0), 1, rtol=1e-2)
    assert np.all(found[:, ~lively].var(axis=0) < 1)


@pytest.mark.slow
def test_training_step_changes_only_the_head(standardized, pixels):
    model, _ = standardized
    frozen = frozen_variables(model)
    before, head = copy_values(frozen), copy_values(changing_variables(model))
    model.run_eagerly = True
    model.train_on_batch(pixels.astype("float32"), np.arange(5) % 4)
    np.testing.assert_equal(copy_values(frozen), before)
    assert len(head) == 2
    for name, value in copy_values(changing_variables(model)).items():
        assert not np.array_equal(value, head[name])


def test_prepare_reads_no_images_without_standardization(module, model):
    looked = []
    module.prepare(model, looked.append)
    assert not looked


def test_all_invalid_arguments_are_reported_at_once():
    with pytest.raises(ConfigError) as error:
        TransferClassifier(3, backbone="ResNet5", dropout=1.5)
    assert "Did you mean ResNet50?" in str(error.value)
    assert "`model.dropout` must be less than 1.0" in str(error.value)


def test_changed_weights_file_is_not_served_from_shared_networks(monkeypatch, tmp_path):
    """Trials of a search share networks, and a file may be replaced between two."""

    def build_backbone(name: str, weights: str, image_size: int) -> Backbone:
        images = keras.Input((8, 8, 3))
        network = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
        network.load_weights(weights)
        network.trainable = False
        return Backbone(name, network, lambda images: images)

    monkeypatch.setattr(transfer_model, "build_backbone", build_backbone)
    file = tmp_path / "own.weights.h5"
    shared = SharedNetworks()
    kernels = []
    for value in (1.0, 2.0, 2.0):
        if value not in kernels:
            images = keras.Input((8, 8, 3))
            network = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
            network.layers[-1].kernel.assign(np.full((1, 1, 3, 2), value))
            network.save_weights(file)
        keras.utils.set_random_seed(0)  # as at the start of a trial
        module = TransferClassifier(2, image_size=8, weights=str(file), shared=shared)
        kernels.append(float(module.build().weights[0].numpy().max()))
    assert kernels == [1.0, 2.0, 2.0]
