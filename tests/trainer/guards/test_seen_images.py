"""Weights of a run that trained on images which another one holds out."""

import csv
import shutil
from pathlib import Path

import keras
import pytest
from helpers import make_images
from keraunos.core.errors import DataError
from keraunos.data import ImageData
from keraunos.models import Module, TransferClassifier
from keraunos.trainer import Trainer
from keraunos.trainer.guards.seen_images import refuse_seen_images, weights_of


def read(folder: Path, **options: object) -> ImageData:
    cache = folder.parent / "cache"
    return ImageData.from_folder(
        folder, image_size=32, cache="none", cache_dir=cache, **options
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_images(tmp_path_factory.mktemp("seen") / "all", {"cat": 20, "dog": 15})


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A run that trained on 28 of 35 images."""
    return run_on(read(folder), folder.parent / "run")


def run_on(data: ImageData, directory: Path, weights: str = "null") -> Path:
    directory.mkdir()
    (directory / "config.yaml").write_text(f"model: {{weights: {weights}}}\n")
    data.write_tables(directory)
    return directory


def check_weights(weights: Path, data: ImageData, **options: bool) -> list[str]:
    return refuse_seen_images({"model.weights": weights}, data, **options)


def held_out_and_trained(data: ImageData, run: Path) -> list[str]:
    """The images that a run trained on and `data` holds out, found by hand."""
    assert data.validation is not None
    with (run / "split.csv").open(newline="") as file:
        trained = {r["path"] for r in csv.DictReader(file) if r["split"] == "train"}
    return sorted(trained & set(data.validation.names))


def test_same_split_is_accepted_and_another_split_is_refused(folder, run):
    assert check_weights(run, read(folder)) == []
    other = read(folder, seed=3)
    seen = held_out_and_trained(other, run)
    assert 0 < len(seen) < 7
    with pytest.raises(DataError) as error:
        check_weights(run, other)
    assert f"{len(seen)} images held out here ({len(seen)} validation)" in str(error.value)
    assert any(f"such as {name}" in str(error.value) for name in seen)
    assert f"data.split={run / 'split.csv'}" in str(error.value)
    assert check_weights(run, read(folder, seed=3, split=run / "split.csv")) == []


@pytest.mark.parametrize("part", ["", "model.keras", "checkpoints/step-00000007"])
def test_model_file_and_checkpoints_are_traced_to_their_run(folder, run, part):
    with pytest.raises(DataError, match="images held out here"):
        check_weights(run / part, read(folder, seed=3))


def test_seen_images_are_matched_by_content_not_by_path(folder, run, tmp_path):
    moved = shutil.copytree(folder, tmp_path / "moved")
    with pytest.raises(DataError, match=r"\d images held out here"):
        check_weights(run, read(moved, seed=3))
    for file in moved.rglob("*.png"):  # the names stay, the images are new
        file.unlink()
    make_images(moved, {"cat": 20, "dog": 15}, seed=9)
    assert check_weights(run, read(moved, seed=3)) == []


def test_unopened_images_are_matched_by_path(folder, run, tmp_path):
    lazy = run_on(read(folder, check="lazy"), tmp_path / "lazy")
    for first, check in ((lazy, "lazy"), (lazy, "copies"), (run, "lazy")):
        alike = read(folder, check=check, split=first / "split.csv")
        assert check_weights(first, alike) == []
        with pytest.raises(DataError, match=r"\d+ images held out here"):
            check_weights(first, read(folder, seed=3, check=check))


def test_test_set_images_seen_in_training_are_refused(folder, run, tmp_path):
    test = tmp_path / "test"
    for name in ("cat/cat-000.png", "cat/cat-001.png", "dog/dog-000.png"):
        (test / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, test / name)
    data = read(folder, test=test, on_leak="drop")  # removes them from training only
    with pytest.raises(DataError, match=r"\d test\), such as .*on_leak='drop'"):
        check_weights(run, data)


def test_images_seen_by_an_ancestor_run_are_refused(folder, run, tmp_path):
    other = read(folder, seed=3)
    later = run_on(other, tmp_path / "later", weights=str(run))
    with pytest.raises(DataError, match=f"model.weights='{run}'"):
        check_weights(later, other)
    (run / "config.yaml").write_text(f"model: {{weights: {later}}}\n")  # a cycle
    assert check_weights(later, read(folder), is_begun=True) != []
    (run / "config.yaml").write_text("model: {weights: null}\n")


def test_weights_of_one_fold_are_refused_for_all_folds(folder, tmp_path):
    first = read(folder, folds=5, fold=1)
    of_fold = run_on(first, tmp_path / "fold-1")
    assert check_weights(of_fold, first) == []
    count = first.train.num_examples
    with pytest.raises(DataError, match=f"{count} images held out.*one of the folds"):
        check_weights(of_fold, first, all_folds=True)


def test_on_leak_keep_or_a_started_run_continues_with_a_notice(folder, run):
    kept = check_weights(run, read(folder, seed=3, on_leak="keep"))
    begun = check_weights(run, read(folder, seed=3), is_begun=True)
    for lines, why in (
        (kept, "data.on_leak=keep"),
        (begun, "this run was started with these weights"),
    ):
        assert len(lines) == 1
        assert "images held out here" in lines[0]
        assert f"{why}, and scores on them are too optimistic" in lines[0]


def test_missing_split_is_reported_and_damaged_split_is_refused(folder, run, tmp_path):
    data = read(folder, seed=3)
    bare = tmp_path / "bare"
    (bare / "checkpoints").mkdir(parents=True)
    assert "has no split.csv" in check_weights(bare, data)[0]
    assert check_weights(tmp_path / "file.weights.h5", data) == []
    damaged = shutil.copytree(run, tmp_path / "damaged")
    (damaged / "split.csv").write_text((run / "split.csv").read_text()[:-30])
    with pytest.raises(DataError, match=r"`model.weights` must name a run.*split\.csv"):
        check_weights(damaged, data)


def test_weights_of_reports_module_and_initial_weights():
    module = TransferClassifier(2, weights="runs/a")
    assert weights_of(module, "b") == {"model.weights": "runs/a", "initial_weights": "b"}
    assert weights_of(Module(), None) == {"model.weights": None, "initial_weights": None}
    assert refuse_seen_images({"model.weights": "imagenet"}, object()) == []


def small_model() -> keras.Model:
    images = keras.Input((32, 32, 3))
    means = keras.layers.GlobalAveragePooling2D()(images)
    model = keras.Model(images, keras.layers.Dense(2, "softmax")(means))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.slow
def test_initial_weights_are_checked_before_the_first_step(folder, run):
    small_model().save(run / "model.keras")
    trainer, weights = Trainer(devices=1), {"initial_weights": run / "model.keras"}
    with pytest.raises(DataError, match="`initial_weights` must name a run that trained"):
        trainer.describe(small_model, read(folder, seed=3), **weights)
    lines = trainer.describe(small_model, read(folder, seed=3, on_leak="keep"), **weights)
    assert any("scores on them are too optimistic" in line for line in lines)
