"""A run that starts from the backbone of another."""

from pathlib import Path

import numpy as np
import pytest
from helpers import run_keraunos
from keraunos.core.bundle import read_bundle
from keraunos.core.checkpoints import checkpoint_names
from keraunos.models.checkpoint_weights import read_weights

SETTINGS = [
    "classify",
    "data.train=synthetic:lesions",
    "data.image_size=32",
    "model.backbone=MobileNetV3Small",
    "augmentation.strength=0",
    "trainer.limit_train_batches=3",
    "cache_dir=cache",
]
FINE_TUNED = [
    "model.weights=null",
    "trainer.max_epochs=2",
    "callbacks.backbone_finetuning.at_epoch=1",
    "callbacks.backbone_finetuning.learning_rate=0.01",
]


def fit(folder: Path, *arguments: str) -> str:
    result = run_keraunos("fit", *arguments, cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def features(folder: Path) -> set[str]:
    return {path.name for path in (folder / "cache").glob("features-*")}


@pytest.mark.nightly
def test_run_starts_from_the_fine_tuned_backbone_of_another_run(tmp_path):
    fit(tmp_path, *SETTINGS, *FINE_TUNED, "run_dir=first")
    checkpoints = tmp_path / "first" / "checkpoints"
    last = checkpoints / checkpoint_names(checkpoints)[-1]
    before = features(tmp_path)
    weights = f"model.weights={last}"
    fit(tmp_path, *SETTINGS, weights, "trainer.max_epochs=1", "run_dir=second")
    trained, second = read_weights(last), tmp_path / "second" / "checkpoints"
    taken = read_bundle(second / "frozen").arrays["weights"]
    assert len(taken) > 100
    np.testing.assert_equal(taken, {name: trained[name] for name in taken})
    untrained = read_bundle(checkpoints / "frozen").arrays["weights"]
    assert any(not np.array_equal(taken[name], untrained[name]) for name in taken)
    added = features(tmp_path) - before
    assert added, "other weights have other features"

    # The resumed run does not depend on the current content of the file.
    last.rename(tmp_path / "elsewhere")
    (checkpoints / checkpoint_names(checkpoints)[0]).rename(last)
    fit(tmp_path, "--resume", "second", "trainer.max_epochs=2")
    resumed = second / checkpoint_names(second)[-1]
    np.testing.assert_equal({name: read_weights(resumed)[name] for name in taken}, taken)
    assert features(tmp_path) - before == added
