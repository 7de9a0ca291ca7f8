"""A `.keras` file that could do more than compute is rejected before Keras reads it."""

import copy
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keraunos.export.portable.fields import ModelFileError
from keraunos.export.untrusted import keras_file
from keraunos.export.untrusted.checks import require_harmless

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Archive members of a safe file."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, "gelu", kernel_regularizer="l2")(inputs)
    outputs = keras.ops.softmax(keras.layers.Activation("relu")(hidden) * 2.0)
    model = keras.Sequential([keras.Input((4,)), keras.Model(inputs, outputs)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(), ["accuracy"])
    file = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(file: Path, members: dict[str, bytes], packing: int = 0) -> Path:
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def test_safe_file_passes(members, tmp_path):
    require_harmless("keras", packed(tmp_path / "model.keras", members))
    again = packed(tmp_path / "again.keras", members, zipfile.ZIP_DEFLATED)
    require_harmless("keras", again)


def test_keras_hub_networks_and_layers_pass(members, tmp_path):
    network = described("ViTBackbone", "keras_hub.src.models.vit.vit_backbone", {})
    layer = described("MLP", "keras_hub.src.models.dinov2.dinov2_layers", {})
    content = {"layers": [network, layer, json.loads(members[CONFIG])]}
    changed = members | {CONFIG: json.dumps(content).encode()}
    require_harmless("keras", packed(tmp_path / "model.keras", changed))


def test_lookup_with_an_inline_vocabulary_passes(
    members: dict[str, bytes], tmp_path: Path
) -> None:
    lookup = described("StringLookup", "keras.layers", {"vocabulary": ["", "arm"]})
    content = {"layers": [lookup, json.loads(members[CONFIG])]}
    changed = members | {CONFIG: json.dumps(content).encode()}
    require_harmless("keras", packed(tmp_path / "model.keras", changed))


def described(name: str, module: str | None, config: Any, **more: Any) -> dict[str, Any]:
    return {"class_name": name, "module": module, "config": config, **more}


HARMFUL = [
    described("Lambda", "keras.layers", {"function": "4wEAAA"}),
    described("__lambda__", None, {"value": "4wEAAA"}),
    described("Ours", "keras.layers", {}, registered_name="Lambda"),
    described("TFSMLayer", "keras.layers", {"filepath": "elsewhere"}),
    described("StringLookup", "keras.layers", {"vocabulary": "/etc/hostname"}),
    described("StringLookup", "keras.layers", {"vocabulary": None}),
    described("StringLookup", "keras.layers", {"vocabulary": ["a", {"class_name": "b"}]}),
    described("Ours", "a", {"vocabulary": ["a"]}, registered_name="TextVectorization"),
    described("TorchModuleWrapper", "keras.layers", {"module": "4wEAAA"}),
    described("function", "keras.utils", "get_file"),
    described("function", "keras", "utils.get_file"),
    described("function", "keras.src.utils.file_utils", "copy"),
    described("function", "keras.datasets.mnist", "load_data"),
    described("function", "keras.layers", "deserialize"),
    described("saving.load_model", "keras", {}),
    described("Model", "keras_hub.models", {}),
    described("ViTBackbone", "keras_hub.src.models.vit.vit_presets", {}),
    described("function", "keras_hub.src.models.vit.vit_layers", "MLP"),
    described("Tokenizer", "keras_hub.src.models.clip.clip_tokenizer", {}),
    described("Model", "kerasless", {}) | {"module": ["keras"]},
]


@pytest.mark.parametrize("harmful", HARMFUL, ids=lambda each: each["class_name"])
def test_objects_that_run_code_or_open_files_are_rejected_at_any_depth(
    members, tmp_path, harmful
):
    config = json.loads(members[CONFIG])
    nested = copy.deepcopy(config)
    nested["config"]["layers"][1]["config"]["layers"][1]["config"]["activation"] = harmful
    for content in (harmful, nested):
        changed = members | {CONFIG: json.dumps(content).encode()}
        file = packed(tmp_path / "model.keras", changed)
        with pytest.raises(ModelFileError, match="run code or open files"):
            require_harmless("keras", file)


@pytest.mark.parametrize("name", ["assets/a.txt", "model.weights.npz", "../x", "data.pkl"])
def test_unexpected_archive_members_are_rejected(members, tmp_path, name):
    file = packed(tmp_path / "model.keras", members | {name: b"x"})
    with pytest.raises(ModelFileError, match="contains other files"):
        require_harmless("keras", file)


def test_decompression_bomb_is_not_unpacked(members, tmp_path, monkeypatch):
    monkeypatch.setattr(keras_file, "_LARGE", 2**16)
    bomb = members | {WEIGHTS: bytes(2**18)}
    file = packed(tmp_path / "model.keras", bomb, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match="would become huge"):
        require_harmless("keras", file)


def linked_to(target: Any) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as opened:
        opened.create_group("layers")["kernel"] = target
    return content.getvalue()


def dataset(**options: Any) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as opened:
        opened.create_dataset("layers/kernel", shape=(64,), dtype="f4", **options)
    return content.getvalue()


def virtual() -> bytes:
    content = io.BytesIO()
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "kernel", (4,))
    with h5py.File(content, "w") as opened:
        opened.create_virtual_dataset("kernel", layout)
    return content.getvalue()


def endless() -> bytes:
    """A group that contains itself."""
    content = io.BytesIO()
    with h5py.File(content, "w") as opened:
        opened["layers/again"] = opened.create_group("layers")
    return content.getvalue()


@pytest.mark.parametrize(
    "weights",
    [
        linked_to(h5py.ExternalLink("secret.h5", "/kernel")),
        linked_to(h5py.SoftLink("/elsewhere")),
        dataset(external=[("secret.bin", 0, 256)]),
        dataset(chunks=(32,), compression="gzip"),
        dataset(chunks=(1,)),
        virtual(),
        endless(),
    ],
    ids=[
        *(
            "external link",
            "soft link",
            "external",
            "compressed",
            "empty chunks",
            "virtual",
        ),
        "endless",
    ],
)
def test_weights_stored_outside_the_file_are_rejected(members, tmp_path, weights):
    file = packed(tmp_path / "model.keras", members | {WEIGHTS: weights})
    with pytest.raises(ModelFileError, match="linked, external or compressed"):
        require_harmless("keras", file)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"x" * 100])
def test_damaged_file_raises_a_model_file_error(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        require_harmless("keras", tmp_path / "model.keras")


def test_malformed_json_raises_a_model_file_error(members, tmp_path):
    for content in (b"[" * 100_000, b"{", b'{"class_name": {"class_name": []}}'):
        file = packed(tmp_path / "model.keras", members | {CONFIG: content})
        if content == b"{" or content.startswith(b"[["):
            with pytest.raises(ModelFileError, match="damaged"):
                require_harmless("keras", file)
        else:
            require_harmless("keras", file)


@pytest.mark.slow
def test_external_weights_would_read_other_files_without_the_check(members, tmp_path):
    """External weights put the content of another file into a model."""
    np.full(4, 7, "<f4").tofile(tmp_path / "secret.bin")
    with h5py.File(tmp_path / "weights.h5", "w") as opened:
        name = str(tmp_path / "secret.bin")
        opened.create_dataset("kernel", (4,), "f4", external=[(name, 0, 16)])
    with h5py.File(tmp_path / "weights.h5") as opened:
        assert opened["kernel"][:].tolist() == [7, 7, 7, 7]
    content = (tmp_path / "weights.h5").read_bytes()
    file = packed(tmp_path / "model.keras", members | {WEIGHTS: content})
    with pytest.raises(ModelFileError, match="external"):
        require_harmless("keras", file)
