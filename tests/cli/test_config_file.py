from pathlib import Path

import pytest
from keraunos.cli.config_file import portable
from keraunos.configs import load_config


@pytest.mark.parametrize("backbone", ["ResNet50", "keras_hub:presets/vit"])
def test_saved_paths_are_absolute(backbone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("presets/vit").mkdir(parents=True)
    typed = ["data.train=t.csv", "model.weights=runs/a", f"model.backbone={backbone}"]
    kept = portable(load_config(["classify"], [*typed, "run_dir=runs/b"]))
    assert kept.data.train == str(tmp_path / "t.csv")
    assert kept.model.weights == str(tmp_path / "runs/a")
    directory = backbone.replace("presets", f"{tmp_path}/presets")
    assert kept.model.backbone == directory
    assert kept.run_dir is None


@pytest.mark.parametrize("weights", ["imagenet", "null"])
def test_weights_that_are_not_paths_are_kept_unchanged(weights):
    config = load_config(["classify"], [f"model.weights={weights}"])
    assert portable(config).model == config.model


def test_configuration_with_a_builder_is_kept_unchanged():
    config = load_config(["classify"], ["model.builder=my:build"])
    assert portable(config).model.model_dump() == config.model.model_dump()
