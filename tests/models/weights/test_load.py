"""The files that `model.weights` accepts besides those of PyTorch, and rejects."""

import io
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from helpers import weights_of
from keraunos.configs.weights import find_weights
from keraunos.core.bundle import Bundle, write_bundle
from keraunos.core.errors import ConfigError
from keraunos.models.variables import changing_variables, copy_values, frozen_variables
from keraunos.models.weights import TorchLayout, load_weights, version_of_weights
from safetensors.numpy import save_file
from torch_files import write_torch_file

LAYOUT = TorchLayout({"first": "stem.conv", "norm": "stem.bn", "depthwise": "deep"}, "fc")
CONFIG = "model: {backbone: Tiny, weights: null}\n"


def backbone(filters: int = 4) -> keras.Model:
    """A small network with weights that no other has."""
    images = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(filters, 3, name="first")(images)
    maps = keras.layers.BatchNormalization(name="norm")(maps)
    maps = keras.layers.DepthwiseConv2D(3, name="depthwise", use_bias=False)(maps)
    network = keras.Model(images, maps, name="tiny")
    random = np.random.default_rng(filters)
    for variable in network.weights:
        variable.assign(random.normal(size=variable.shape))
    return network


def with_head(network: keras.Model) -> keras.Model:
    images = keras.Input((8, 8, 3))
    features = keras.layers.GlobalAveragePooling2D()(network(images, training=False))
    return keras.Model(images, keras.layers.Dense(2, name="head")(features))


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    network = backbone()
    random = np.random.default_rng(99)
    for variable in network.weights:
        variable.assign(random.uniform(1, 2, size=variable.shape))
    return network


def checkpoint_of(model: keras.Model, run: Path, step: int, best: bool = True) -> Path:
    """A checkpoint as a run writes it: frozen weights next to trained ones."""
    checkpoints = run / "checkpoints"
    path = checkpoints / f"step-{step:08d}"
    parts = {
        path: copy_values(changing_variables(model)),
        checkpoints / "frozen": copy_values(frozen_variables(model)),
    }
    for place, arrays in parts.items():
        if not place.exists():
            write_bundle(place, Bundle(arrays={"weights": arrays}))
    if best:
        (checkpoints / "best.txt").write_text(path.name)
    return path


def load(path: Path, name: str = "Tiny", network: keras.Model | None = None) -> keras.Model:
    network = network or backbone()
    found = find_weights(name, str(path))
    assert found is not None
    load_weights(network, found, name, (LAYOUT,))
    return network


def torch_arrays(network: keras.Model) -> dict[str, np.ndarray]:
    """The weights of the network in PyTorch's names and order of axes."""
    first, norm, deep = (network.get_layer(n) for n in ("first", "norm", "depthwise"))
    return {
        "stem.conv.weight": np.ascontiguousarray(
            first.kernel.numpy().transpose(3, 2, 0, 1)
        ),
        "stem.conv.bias": first.bias.numpy(),
        "stem.bn.weight": norm.gamma.numpy(),
        "stem.bn.bias": norm.beta.numpy(),
        "stem.bn.running_mean": norm.moving_mean.numpy(),
        "stem.bn.running_var": norm.moving_variance.numpy(),
        "stem.bn.num_batches_tracked": np.array(7, "int64"),
        "deep.weight": deep.kernel.numpy().transpose(2, 3, 0, 1).copy(),
        "fc.weight": np.ones((2, 4), "float32"),
    }


def test_all_file_formats_load_the_same_weights(trained, tmp_path):
    model = with_head(trained)
    trained.save_weights(tmp_path / "own.weights.h5")
    model.save_weights(tmp_path / "with_head.weights.h5")
    model.save(tmp_path / "another.keras")
    save_file(torch_arrays(trained), tmp_path / "torch.safetensors")
    write_torch_file(tmp_path / "torch.pth", torch_arrays(trained))
    save_file(copy_values(changing_variables(model)), tmp_path / "ours.safetensors")
    files = list(tmp_path.iterdir())
    assert len(files) == 6
    for file in files:
        np.testing.assert_equal(weights_of(load(file)), weights_of(trained), file.name)


def test_run_loads_its_final_model_else_the_best_else_the_newest_checkpoint(
    trained, tmp_path
):
    (tmp_path / "config.yaml").write_text(CONFIG)
    other, model = with_head(backbone()), with_head(trained)
    other.layers[1].trainable = model.layers[1].trainable = False
    first = checkpoint_of(model, tmp_path, 10, best=False)
    np.testing.assert_equal(weights_of(load(tmp_path)), weights_of(trained))
    np.testing.assert_equal(weights_of(load(first)), weights_of(trained))
    model.layers[1].trainable = other.layers[1].trainable = True  # fine-tuned since
    checkpoint_of(other, tmp_path, 20)
    checkpoint_of(model, tmp_path, 30, best=False)
    np.testing.assert_equal(weights_of(load(tmp_path)), weights_of(other.layers[1]))
    model.save(tmp_path / "model.keras")
    np.testing.assert_equal(weights_of(load(tmp_path)), weights_of(trained))


def refused(path: Path, words: str, **options) -> None:
    network = options.pop("network", None) or backbone()
    before = weights_of(network)
    with pytest.raises(ConfigError, match=words) as error:
        load(path, network=network, **options)
    assert str(path) in str(error.value)
    np.testing.assert_equal(weights_of(network), before)


def test_weights_of_another_network_are_rejected_with_differing_layers(trained, tmp_path):
    wide = backbone(6)
    model = with_head(trained)
    model.save(tmp_path / "model.keras")
    (tmp_path / "config.yaml").write_text(CONFIG)
    refused(tmp_path, "first/0 .*instead of", network=wide)
    refused(
        tmp_path / "model.keras", "trained Tiny.*Choose the model.backbone", name="Other"
    )
    save_file(copy_values(changing_variables(model)), tmp_path / "ours.safetensors")
    refused(
        tmp_path / "ours.safetensors", r"first/kernel \(number 0\) .*instead", network=wide
    )
    arrays = torch_arrays(trained)
    write_torch_file(tmp_path / "torch.pth", arrays)
    refused(
        tmp_path / "torch.pth", r"stem.conv.weight \(4, 3, 3, 3\) instead", network=wide
    )
    arrays["layer9.weight"] = arrays.pop("deep.weight")
    write_torch_file(tmp_path / "torch.pth", arrays)
    words = "missing: deep.weight; not of this network: layer9.weight"
    refused(tmp_path / "torch.pth", words)


def test_files_with_extra_layers_or_only_a_head_are_rejected(trained, tmp_path):
    more = keras.Model(trained.input, keras.layers.Conv2D(2, 1, name="m")(trained.output))
    more.save_weights(tmp_path / "more.weights.h5")
    refused(tmp_path / "more.weights.h5", "not of this network: m/0, m/1")
    save_file({"00007/kernel": np.ones((4, 2), "float32")}, tmp_path / "head.safetensors")
    refused(tmp_path / "head.safetensors", "the run directory has the others")


def test_keras_network_rejects_a_pytorch_file(trained, tmp_path):
    write_torch_file(tmp_path / "torch.pth", torch_arrays(trained))
    with pytest.raises(
        ConfigError, match="the network is from Keras, but the weights are from PyTorch"
    ):
        load_weights(backbone(), tmp_path / "torch.pth", "Tiny")


def test_run_of_a_custom_model_or_unsafe_config_is_rejected(trained, tmp_path):
    with_head(trained).save(tmp_path / "model.keras")
    config = "model: {builder: 'os:abort', arguments: {}}\n"
    (tmp_path / "config.yaml").write_text(config)
    refused(tmp_path, "trained a model that os:abort built")
    (tmp_path / "config.yaml").write_text("model: !!python/object/apply:os.abort []\n")
    refused(tmp_path, "config.yaml is damaged")


def test_config_of_a_saved_model_is_never_read(trained, tmp_path):
    """It may name anything; only weights are read."""
    file = tmp_path / "model.keras"
    with_head(trained).save(file)
    with zipfile.ZipFile(file) as archive:
        weights = archive.read("model.weights.h5")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", '{"module": "os", "class_name": "abort"}')
        archive.writestr("model.weights.h5", weights)
    np.testing.assert_equal(weights_of(load(file)), weights_of(trained))


@pytest.mark.parametrize(
    "write",
    [
        lambda file: file["layers"].__setitem__("x", h5py.ExternalLink("other", "/")),
        lambda file: file["layers"].__setitem__("x", h5py.SoftLink("/layers")),
        lambda file: file["layers"].__setitem__("x", file["layers"]),
        lambda file: file.create_dataset("x", (4,), "f4", external="/etc/hostname"),
        lambda file: file.create_dataset("x", (2**16,), "f4", compression="gzip"),
    ],
)
@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_keras_file_with_links_or_external_data_is_rejected(
    trained, write, suffix, tmp_path
):
    content = io.BytesIO()
    trained.save_weights(tmp_path / "own.weights.h5")
    content.write((tmp_path / "own.weights.h5").read_bytes())
    with h5py.File(content, "r+") as file:
        write(file)
    path = tmp_path / f"hostile{suffix}"
    path.write_bytes(content.getvalue())
    if suffix == ".keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.weights.h5", content.getvalue())
    refused(path, "linked, external or compressed: /(layers/)?x")


def test_files_without_weights_are_rejected(tmp_path):
    for name in ("a.weights.h5", "a.keras", "a.safetensors", "a.pth", "a.bin"):
        (tmp_path / name).write_text("no weights at all")
        refused(tmp_path / name, "readable file of weights")
    (tmp_path / "a.txt").write_text("no weights at all")
    refused(tmp_path / "a.txt", "The extension determines")
    refused(tmp_path / "none.pth", "There is no such file")
    refused(tmp_path, "neither a model.keras nor checkpoints")
    (tmp_path / "fold-1").mkdir()
    refused(tmp_path, "It contains folds: name one of them, such as .*fold-1")


def test_compressed_or_truncated_keras_archive_is_rejected(trained, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(2**20))
    refused(tmp_path / "a.keras", "is compressed, unlike")
    (tmp_path / "b.keras").write_bytes((tmp_path / "a.keras").read_bytes()[:-9])
    refused(tmp_path / "b.keras", "damaged")


def test_version_of_weights_changes_with_the_file(trained, tmp_path):
    file = tmp_path / "own.weights.h5"
    trained.save_weights(file)
    first = version_of_weights("Tiny", str(file))
    assert version_of_weights("Tiny", str(file)) == first
    backbone().save_weights(file)
    assert version_of_weights("Tiny", str(file)) != first
    assert version_of_weights("ResNet50", "imagenet") == "imagenet"
    assert version_of_weights("Tiny", None) is None
