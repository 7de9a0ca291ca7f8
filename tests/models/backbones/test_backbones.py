import socket
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import weights_of
from keraunos.core.errors import ConfigError
from keraunos.core.extras import install_command
from keraunos.models.backbones import build_backbone
from programs import fork_keraunos

SMALL = "MobileNetV3Small"
OTHER_FAMILIES = ("ResNet50V2", "DenseNet121", "EfficientNetV2B0")


@pytest.fixture(scope="module")
def small() -> keras.Model:
    return build_backbone(SMALL, None, 32).network


def test_backbone_is_entirely_frozen(small):
    assert not small.trainable_variables
    assert len(small.weights) > 100


def test_backbone_has_no_head_and_accepts_the_given_image_size(small):
    assert small.input_shape == (None, 32, 32, 3)
    assert len(small.output_shape) == 4


@pytest.mark.parametrize(
    ("name", "meant"), [("resnet50", "ResNet50"), ("DenseNet12", "DenseNet121")]
)
def test_wrong_backbone_name_suggests_the_closest(name, meant):
    with pytest.raises(ConfigError, match=f"`model.backbone`.*Did you mean {meant}\\?"):
        build_backbone(name, None, 32)


@pytest.mark.slow
def test_weights_are_loaded_from_a_file(small, tmp_path):
    small.save_weights(tmp_path / "own.weights.h5")
    loaded = build_backbone(SMALL, str(tmp_path / "own.weights.h5"), 32).network
    np.testing.assert_equal(weights_of(loaded), weights_of(small))


def weights_of_something_else(path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.save_weights(path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping nested container")  # a warning of Keras
@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("none.weights.h5", lambda path: None, "There is no such file"),
        ("folder", Path.mkdir, "neither a model.keras nor checkpoints"),
        ("text.weights.h5", lambda path: path.write_text("no"), "readable file of weights"),
        ("text.txt", lambda path: path.write_text("no"), "The extension determines"),
        ("other.weights.h5", weights_of_something_else, "missing: conv_bn/0"),
    ],
)
def test_unsuitable_weights_file_is_rejected_by_name(name, write, words, tmp_path):
    path = tmp_path / name
    write(path)
    with pytest.raises(ConfigError, match=words) as error:
        build_backbone(SMALL, str(path), 32)
    assert str(path) in str(error.value)


@pytest.mark.slow
def test_failed_download_of_weights_ends_early_with_a_remedy(tmp_path):
    with socket.socket() as closed:  # bound but not listening: connecting is refused
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        script = tmp_path / "script.py"
        lines = [
            "import os",
            f"os.environ |= {{'KERAS_HOME': {str(tmp_path)!r}, 'https_proxy': {proxy!r}}}",
            "import keraunos",
            "keraunos.TransferClassifier(3, image_size=32, backbone='MobileNetV2').build()",
        ]
        script.write_text("\n".join(lines))
        result = fork_keraunos(cwd=tmp_path, script=script)
    words = result.stderr.splitlines()[-1]
    assert result.returncode == 1
    assert words.startswith("keraunos.core.errors.ConfigError: `model.weights=imagenet`")
    assert "keras.applications.MobileNetV2(include_top=False)" in words
    assert f"to {tmp_path}/models here" in words
    assert install_command("lite0") in words


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    # One of these scales to the range from -1 to 1, and one within the network.
    ["MobileNetV2", "MobileNetV3Large"]
    + [pytest.param(name, marks=pytest.mark.nightly) for name in OTHER_FAMILIES],
)
def test_images_are_scaled_exactly_once_in_every_family(name):
    """The first convolution must see numbers of about the size of one."""
    images = keras.Input((64, 64, 3))
    backbone = build_backbone(name, None, 64)
    network, preprocess = backbone.network, backbone.preprocess
    model = keras.Model(images, network(preprocess(images), training=False))
    first = next(
        layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)
    )
    seen = keras.Model(network.input, first.input)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    scaled = np.asarray(seen(preprocess(pixels.copy())))
    inner = scaled[:, 8:-8, 8:-8]
    assert 0.2 < inner.std() < 1.5
    assert np.abs(inner).max() < 3
    assert np.all(np.isfinite(model(pixels)))
