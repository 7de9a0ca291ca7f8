"""The first command of the README learns, but not from shuffled labels."""

import json
import shutil

import numpy as np
import pytest
from helpers import run_keraunos
from keraunos.core.shared_store import open_store
from keraunos.data.synthetic.folder import synthetic_folder
from keraunos.data.synthetic.lesions import KINDS
from programs import fork_keraunos

# Fast settings: smaller images, whose features are computed once.
QUICKER = (
    "augmentation.strength=0",
    "data.image_size=32",
    "trainer.cpu_devices=1",
    "trainer.max_epochs=8",
    "callbacks.figures=null",
    "callbacks.tensorboard=null",
)


def best_accuracy(run) -> float:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return min(lines, key=lambda line: line["val_loss"])["val_accuracy"]


@pytest.fixture
def shuffled_lesions(tmp_path):
    """Half of the drawn training images, with shuffled labels; class sizes are kept."""
    drawn = synthetic_folder(open_store(), seed=0) / "train"
    files = [file for name in KINDS for file in sorted((drawn / name).iterdir())[::2]]
    labels = np.random.default_rng(0).permutation([file.parent.name for file in files])
    for number, (file, label) in enumerate(zip(files, labels, strict=True)):
        target = tmp_path / "shuffled" / label / f"{number:04d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return tmp_path / "shuffled"


@pytest.mark.slow
def test_quickstart_learns_within_seconds_on_smaller_images(tmp_path):
    done = fork_keraunos("fit", "quickstart", *QUICKER, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "quickstart-001"
    scores = json.loads((run / "test.json").read_text())
    assert best_accuracy(run) > 0.65  # chance is a third of this
    assert scores["examples"] == 118
    assert scores["balanced_accuracy"] > 0.6
    assert f"accuracy {scores['accuracy']:.3f}" in done.stdout


@pytest.mark.nightly
def test_quickstart_learns_to_classify_the_lesions(tmp_path):
    done = run_keraunos("fit", "quickstart", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "quickstart-001"
    scores = json.loads((run / "test.json").read_text())
    assert best_accuracy(run) > 0.8
    assert scores["examples"] == 118
    assert scores["balanced_accuracy"] > 0.7
    assert f"accuracy {scores['accuracy']:.3f}" in done.stdout
    assert "keraunos tensorboard runs/quickstart-001" in done.stdout


@pytest.mark.nightly
def test_quickstart_stays_near_chance_on_shuffled_labels(tmp_path, shuffled_lesions):
    # Cached features make this faster.
    settings = (f"data.train={shuffled_lesions}", "augmentation.views=2")
    done = run_keraunos("fit", "quickstart", *settings, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "298 train, 76 validation" in done.stderr
    assert best_accuracy(tmp_path / "runs" / "quickstart-001") < 0.3
