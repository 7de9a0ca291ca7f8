"""Presets are looked up in the files of KerasHub, here of a fake one."""

import json
import re

import pytest
from keraunos.cli.backbone_table import row_of
from keraunos.configs import hub_presets
from keraunos.configs.hub_presets import find_preset, presets
from keraunos.core.errors import ConfigError
from keraunos.core.extras import install_command

PRESETS = """
made = {
    "%s": {
        "metadata": {"params": 123, "path": "x"},
        "kaggle_handle": "kaggle://keras/%s/keras/%s/4",
    },
    "called": dict(metadata=None),
}
"""
# Files next to the presets by model family; only some families take images.
FAMILIES = {
    "vit": ("image_converter", "image_classifier", "image_classifier_preprocessor"),
    "dino": ("image_converter",),
    "bert": ("tokenizer", "text_classifier"),
    "clip": ("image_converter", "tokenizer"),
    "sam": ("image_converter", "image_segmenter", "image_segmenter_preprocessor"),
}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    for family, files in FAMILIES.items():
        folder = tmp_path / "keras_hub/src/models" / family
        folder.mkdir(parents=True)
        name = f"{family}_tiny"
        (folder / f"{family}_presets.py").write_text(PRESETS % (name, family, name))
        for file in files:
            (folder / f"{family}_{file}.py").touch()
    monkeypatch.setattr(hub_presets, "hub_folder", lambda: tmp_path / "keras_hub")
    presets.cache_clear()
    yield tmp_path
    presets.cache_clear()


def test_image_presets_are_read_without_executing_keras_hub(hub):
    assert {name for name in presets() if name != "called"} == {"vit_tiny", "dino_tiny"}
    assert presets()["vit_tiny"].parameters == 123
    assert find_preset("keras_hub:vit_tiny") == "vit_tiny"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vit_tine", "Did you mean vit_tiny?"),
        ("bert_tiny", "must name an image preset"),
        ("/no/such/folder", "There is no /no/such/folder/config.json"),
    ],
)
def test_invalid_presets_are_rejected(hub, name, words):
    with pytest.raises(ConfigError, match=words):
        find_preset(f"keras_hub:{name}")


def test_preset_can_be_an_address_or_a_directory(hub, monkeypatch):
    assert find_preset("keras_hub:hf://someone/vit") == "hf://someone/vit"
    (hub / "own").mkdir()
    (hub / "own/config.json").write_text("{}")
    assert find_preset(f"keras_hub:{hub / 'own'}") == str(hub / "own")
    monkeypatch.chdir(hub)
    assert find_preset("keras_hub:own") == "own"


def test_missing_keras_hub_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(hub_presets, "hub_folder", lambda: None)
    with pytest.raises(ConfigError, match=re.escape(install_command("hub"))):
        find_preset("keras_hub:vit_tiny")


def test_downloaded_or_saved_preset_shows_metadata_from_its_files(hub, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(hub / "cache"))
    assert row_of("keras_hub:vit_tiny").has_weights is False
    for folder in (hub / "cache/models/keras/vit/keras/vit_tiny/4", hub / "saved"):
        folder.mkdir(parents=True)
        config = {"config": {"image_shape": [48, 48, 3]}}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "metadata.json").write_text('{"parameter_count": 77}')
        (folder / "model.weights.h5").touch()
    for name in ("vit_tiny", str(hub / "saved")):
        row = row_of(f"keras_hub:{name}")
        assert (row.parameters, row.image_size, row.has_weights) == (77, 48, True)
