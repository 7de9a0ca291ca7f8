"""Every command rejects weights trained on the images it evaluates on."""

import shutil
from pathlib import Path
from typing import Any

import keras
import pytest
from helpers import contents
from keraunos.cli.configured_search import ConfiguredTrial
from keraunos.configs import RunConfig
from small_backbone import tiny_network


@pytest.mark.parametrize("varies", [False, True])
def test_search_checks_all_folds_for_seen_images_before_training(
    lesions: Path, monkeypatch: pytest.MonkeyPatch, varies: bool
) -> None:
    asked = []
    guard = "keraunos.trainer.guards.seen_images.refuse_seen_images"
    monkeypatch.setattr(guard, lambda *given, **options: asked.append((given, options)))
    config = RunConfig.model_validate(
        {
            "data": {"train": str(lesions), "image_size": 32},
            "model": {"weights": "one"},
            "search": {"folds": 2, "objective": "val_loss"},
        }
    )
    space = {"model.weights": {"choice": ["one", None]}} if varies else {}
    trial = ConfiguredTrial(config, space)
    assert trial.prepare_folds() == trial.prepare_folds()
    assert len(asked) == (0 if varies else 1)
    for (weights, data), options in asked:
        assert (weights, options) == ({"model.weights": "one"}, {"all_folds": True})
        assert data.validation.num_examples > 0


@pytest.mark.nightly
def test_all_commands_reject_weights_trained_on_held_out_images(
    keraunos: Any, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.applications, "MobileNetV2", tiny_network)
    common = (
        f"data.train={image_folder / 'train'}",
        f"cache_dir={tmp_path / 'cache'}",
        "data.image_size=32",
        "data.batch_size=7",
        "trainer.max_epochs=1",
        "callbacks.tensorboard=false",
    )
    network = ("model.backbone=MobileNetV2", "augmentation.views=1", *common)
    seen = ("model.weights=one", "seed=3")
    first = keraunos("fit", "classify", *network, "model.weights=null", "run_dir=one")
    assert first.code == 0, first.err
    before = contents(tmp_path)
    for command in (
        ("fit", "classify", *network, *seen),
        ("fit", "classify", *network, *seen, "run_dir=new", "--dry-run"),
        ("fit", "classify", *network, "model.weights=one", "data.folds=3"),
        ("fit", "classify", *network, "model.weights=one", "data.folds=3", "--dry-run"),
        ("probe", *common, *seen, "backbones=[MobileNetV2]", "heads=[ridge]"),
        ("probe", *common, "model.weights=one", "data.folds=3", "backbones=[MobileNetV2]"),
        ("search", "classify", *network, "model.weights=one", "search.folds=3"),
        ("search", "classify", *network, *seen, "search.max_trials=2", "run_dir=search"),
    ):
        answer = keraunos(*command)
        assert answer.code == 3, f"{command}: {answer.err}"
        assert "trained on" in answer.err
        assert "held out here" in answer.err
        if "run_dir=search" not in command:  # it records why its first trial failed
            assert contents(tmp_path) == before, command

    alike = keraunos("fit", "classify", *network, "model.weights=one", "run_dir=alike")
    assert alike.code == 0, alike.err
    kept = keraunos("fit", "classify", *network, *seen, "data.on_leak=keep", "run_dir=kept")
    assert kept.code == 0, kept.err
    assert "data.on_leak=keep, and scores on them are too optimistic" in kept.err
    # A started run resumes whatever has replaced the source of its weights.
    for name in ("split.csv", ".checksums"):
        shutil.copy(tmp_path / "kept" / name, tmp_path / "one" / name)
    resumed = keraunos("fit", "--resume", "alike", "trainer.max_epochs=2")
    assert resumed.code == 0, resumed.err
    assert "this run was started with these weights" in resumed.err
