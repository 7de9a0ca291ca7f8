"""Models of finished runs, written from their best checkpoints."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import contents
from keraunos import Augmentation, ConfigError, ImageData, Trainer
from keraunos.callbacks import BackboneFinetuning, ModelCheckpoint
from keraunos.core.checked_files import CHECKSUMS_FILE
from small_backbone import SIZE, Small

WRITTEN = ("model.keras", "classes.txt")


@pytest.fixture
def images(image_folder: Path, tmp_path: Path) -> ImageData:
    """Twenty-four images to train on in four batches, in two versions each."""
    return ImageData.from_folder(
        image_folder / "train",
        image_size=SIZE,
        batch_size=7,
        augmentation=Augmentation(views=2),
        cache_dir=tmp_path / "cache",
    )


def trainer(run_dir: Path | None, finetunes: bool = False, **options: Any) -> Trainer:
    tuning = BackboneFinetuning(unfreeze_from="block2", at_epoch=1, learning_rate=1e-3)
    falls = ModelCheckpoint("loss", mode="max")  # so that the last epoch is not the best
    callbacks: dict[str, Any] = {"progress_bar": None, "model_checkpoint": falls}
    if finetunes:
        callbacks["backbone_finetuning"] = tuning
    return Trainer(
        strategy="single", max_epochs=2, run_dir=run_dir, callbacks=callbacks, **options
    )


def outputs(run_dir: Path) -> Any:
    images = np.random.default_rng(0).uniform(0, 255, (5, SIZE, SIZE, 3))
    model = keras.models.load_model(run_dir / "model.keras")
    return model.predict(images.astype("float32"), verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "finetunes", [pytest.param(False, marks=pytest.mark.nightly), True]
)
def test_export_best_writes_the_model_of_fit_and_changes_nothing_else(
    images: ImageData, tmp_path: Path, finetunes: bool
) -> None:
    run = tmp_path / "run"
    trainer(run, finetunes).fit(Small(), images)
    expected = outputs(run)
    names = [(run / "checkpoints" / name).read_text() for name in ("best.txt", "last.txt")]
    assert names == ["step-00000004\n", "step-00000008\n"]
    for name in WRITTEN:
        (run / name).unlink()
    before = contents(run)
    del before[CHECKSUMS_FILE]
    again = trainer(run, finetunes, export=False)
    assert again.export_best(Small(), images) == run / "model.keras"
    np.testing.assert_array_equal(outputs(run), expected)
    after = contents(run)
    for name in (*WRITTEN, CHECKSUMS_FILE):
        after.pop(name)
    assert after == before


def test_export_best_without_checkpoints_is_refused(
    images: ImageData, tmp_path: Path
) -> None:
    for run in (None, tmp_path / "none"):
        with pytest.raises(ConfigError, match="with checkpoints"):
            trainer(run).export_best(Small(), images)
    assert not (tmp_path / "none").exists()
