"""Backbones of KerasHub, offline: presets in directories."""

import json
import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import hub_networks
import keras
import numpy as np
import pytest
from hub_networks import OFFSET, SCALE, SIZE, write_preset
from keraunos import TransferClassifier
from keraunos.core.errors import ConfigError
from keraunos.features.fingerprint import fingerprint_of
from keraunos.models.backbones import build_backbone
from keraunos.trainer.export import export_model

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(util.find_spec("keras_hub") is None, reason="needs keras-hub"),
    # Of KerasHub's Swin.
    pytest.mark.filterwarnings("ignore:Layer 'attn'"),
]
NAMES = [*hub_networks.networks()]
TOKENS = ["vit", "deit", "dinov2", "swin"]


@pytest.fixture(scope="module")
def presets(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("presets")
    for name in NAMES:
        write_preset(name, folder / name)
    return folder


def classifier(preset: Path, **options) -> TransferClassifier:
    keras.utils.set_random_seed(1)
    return TransferClassifier(3, image_size=SIZE, backbone=f"keras_hub:{preset}", **options)


def pixels(rows: int = 3, size: int = SIZE) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (rows, size, size, 3)).astype("float32")


def features(model: keras.Model) -> keras.Model:
    return keras.Model(model.input, model.get_layer("features").output)


@pytest.mark.parametrize("name", NAMES)
def test_features_equal_the_input_of_the_network_s_own_classifier(presets, name):
    import keras_hub

    network = keras_hub.models.Backbone.from_preset(str(presets / name))
    scaled = pixels() * np.array(SCALE, "f4") + np.array(OFFSET, "f4")
    own = {
        "vit": keras_hub.models.ViTImageClassifier,
        "deit": keras_hub.models.DeiTImageClassifier,
        "swin": keras_hub.models.SwinTransformerImageClassifier,
        "resnet": keras_hub.models.ResNetImageClassifier,
        "mit": keras_hub.models.MiTImageClassifier,
    }
    if name in own:
        whole = own[name](backbone=network, num_classes=2)
        dense = whole.get_layer("predictions")
        expected = keras.Model(whole.input, dense.input)(scaled, training=False)
    else:  # DINOv2 has none: its authors use the class token
        expected = network({"images": scaled}, training=False)[:, 0]
    model = classifier(presets / name).build()
    np.testing.assert_allclose(features(model)(pixels()), expected, rtol=1e-4, atol=1e-5)
    assert len(model.trainable_variables) == 2


@pytest.mark.parametrize("name", NAMES)
def test_dropout_is_off_while_the_head_trains(presets, name):
    part = features(classifier(presets / name).build())
    expected = part(pixels(), training=False)
    np.testing.assert_array_equal(part(pixels(), training=True), expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_saved_model_opens_in_safe_mode_without_keraunos(presets, name, tmp_path):
    model = classifier(presets / name).build()
    file = tmp_path / "model.keras"
    export_model(model, file)
    np.save(tmp_path / "pixels.npy", pixels())
    script = [
        "import sys, keras, numpy as np",
        f"model = keras.saving.load_model({str(file)!r}, safe_mode=True)",
        f"np.save({str(tmp_path / 'out.npy')!r}, model.predict("
        f"np.load({str(tmp_path / 'pixels.npy')!r}), verbose=0))",
        "print(sorted({'keraunos', 'keras_hub'} & set(sys.modules)))",
    ]
    command = [sys.executable, "-c", "\n".join(script)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    needs_hub = name != "resnet"
    assert answer.stdout.strip() == ("['keras_hub']" if needs_hub else "[]")
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), model(pixels(), training=False), atol=1e-5
    )


def test_fingerprint_depends_on_the_settings_of_the_preset(presets, tmp_path):
    def fingerprint(preset: Path) -> str:
        module = classifier(preset)
        return fingerprint_of(module.frozen_part(module.build()))

    first = fingerprint(presets / "vit")
    assert fingerprint(presets / "vit") == first
    other = write_preset("vit", tmp_path / "vit")
    settings = json.loads((other / "config.json").read_text())
    settings["config"]["layer_norm_epsilon"] *= 10  # same layers, same weights
    (other / "config.json").write_text(json.dumps(settings))
    assert fingerprint(other) != first


@pytest.mark.parametrize("name", ["dinov2", "swin", "resnet", "mit"])
def test_networks_with_flexible_sizes_accept_larger_images_with_weights(presets, name):
    backbone = f"keras_hub:{presets / name}"
    model = TransferClassifier(3, image_size=2 * SIZE, backbone=backbone).build()
    assert model(pixels(2, 2 * SIZE)).shape == (2, 3)


@pytest.mark.parametrize(
    ("size", "words"),
    [(2 * SIZE, "Its own size is 32"), (SIZE - 2, "divisible by patch")],
)
def test_size_incompatible_with_embeddings_is_rejected(presets, size, words):
    with pytest.raises(ConfigError, match=f"`data.image_size` must be.*{words}"):
        build_backbone(f"keras_hub:{presets / 'vit'}", "imagenet", size)


def test_weights_null_initializes_a_preset_randomly(presets):
    backbone = f"keras_hub:{presets / 'vit'}"
    own = build_backbone(backbone, "imagenet", SIZE).network
    keras.utils.set_random_seed(5)
    drawn = build_backbone(backbone, None, SIZE).network
    assert not np.array_equal(own.weights[0], drawn.weights[0])
    larger = build_backbone(backbone, None, 2 * SIZE).network
    assert larger.input_shape[1] == 2 * SIZE


def test_preset_weights_without_an_image_converter_are_rejected(tmp_path, capsys):
    preset = write_preset("vit", tmp_path / "plain", has_converter=False)
    with pytest.raises(ConfigError, match="the pixel range of its weights"):
        build_backbone(f"keras_hub:{preset}", "imagenet", SIZE)
    backbone = build_backbone(f"keras_hub:{preset}", None, SIZE)
    assert backbone.preprocess(7.0) == 7.0
    assert "has no image_converter.json" in capsys.readouterr().err


def test_error_of_an_unreachable_preset_explains_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody listens
    with pytest.raises(ConfigError) as error:
        build_backbone("keras_hub:vit_base_patch16_224_imagenet", "imagenet", 224)
    for words in (
        "can be downloaded",
        "save_to_preset('copy')",
        "model.backbone=keras_hub:",
    ):
        assert words in str(error.value)


def test_damaged_preset_is_rejected(tmp_path):
    preset = write_preset("vit", tmp_path / "vit")
    os.truncate(preset / "model.weights.h5", 100)
    with pytest.raises(ConfigError, match="must name a preset that KerasHub can load"):
        build_backbone(f"keras_hub:{preset}", "imagenet", SIZE)


def test_text_preset_is_rejected(tmp_path):
    import keras_hub

    network = keras_hub.models.BertBackbone(
        vocabulary_size=9, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4
    )
    network.save_to_preset(str(tmp_path / "bert"))
    with pytest.raises(ConfigError, match=r"a preset of images.*inputs of the shapes"):
        build_backbone(f"keras_hub:{tmp_path / 'bert'}", "imagenet", SIZE)
