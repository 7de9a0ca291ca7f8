"""Multiple labels and numeric targets in label tables."""

from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_image
from keraunos import ConfigError, DataError, ImageData
from keraunos.configs import DataConfig, load_config
from keraunos.core.store import Store
from keraunos.data.index import target_columns
from keraunos.data.index.build_index import BuiltIndex, build_index
from keraunos.data.index.image_index import TRAIN, VALIDATION
from keraunos.data.index.kinds import kinds_of_labels, kinds_of_numbers
from keraunos.data.index.stratified import assign_folds, hold_out

COUNT = 13
NAMES = [f"ISIC_{number:04d}" for number in range(COUNT)]
LABELS = ["1,0,1", "0,0,0", "true,1.0,False", "0,1,0"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number, name in enumerate(NAMES):
        smooth_image(number, 24, 24).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def read(images: Path, tmp_path: Path):
    """Reads a table of these images."""

    def run(header: str, cells: list[str], task: str, **settings: object) -> BuiltIndex:
        table = tmp_path / "t.csv"
        rows = (f"{n},{cells[i % len(cells)]}" for i, n in enumerate(NAMES))
        table.write_text("\n".join([header, *rows]))
        config = {"train": str(table), "image_root": str(images), **settings}
        store = Store(tmp_path / "cache", 10**9)
        return build_index(DataConfig(**config), 0, store, task)  # type: ignore[arg-type]

    return run


def targets_by_name(found: BuiltIndex) -> dict[str, list[float]]:
    rows = zip(found.index.paths, found.index.targets.tolist(), strict=True)
    return {Path(path).stem: values for path, values in rows}


def test_binary_columns_are_labels(read):
    found = read("image,hair,ink,ruler", LABELS, "multi_label")
    assert found.index.class_names == ("hair", "ink", "ruler")
    named = targets_by_name(found)
    assert [named[name] for name in NAMES[:5]] == [
        [1, 0, 1],
        [0, 0, 0],
        [1, 1, 0],
        [0, 1, 0],
        [1, 0, 1],
    ]
    assert "labels are the columns of 0 and 1: hair, ink, ruler" in found.remarks
    words = {found.index.describe_target(row) for row in range(COUNT)}
    assert words == {"hair|ruler", "", "hair|ink", "ink"}


def test_one_cell_may_list_several_labels(read):
    cells = ["hair|ink", "ruler", "ink; hair", "hair"]
    found = read("image,label", cells, "multi_label")
    assert found.index.class_names == ("hair", "ink", "ruler")
    named = targets_by_name(found)
    assert [named[name] for name in NAMES[:3]] == [[1, 1, 0], [0, 0, 1], [1, 1, 0]]


def test_targets_keep_the_order_of_label_columns(read):
    cells = ["1.5,-3,x", "2e3,4,y", "0,5,x"]
    found = read("image,age,size,sex", cells, "regression", label_columns=["size", "age"])
    assert found.index.class_names == ("size", "age")
    assert targets_by_name(found)[NAMES[1]] == [4, 2000]
    assert list(found.index.columns) == ["sex"]
    assert found.index.describe_target(0).count("|") == 1


@pytest.mark.parametrize(
    ("task", "header", "cells", "settings", "words"),
    [
        (
            "multi_label",
            "image,hair,ink",
            ["1,0", "0.5,1", "0,"],
            {"label_columns": ["hair", "ink"]},
            "4 cells of the column hair are neither 0 nor 1: line 3 (0.5)",
        ),
        (
            "multi_label",
            "image,label",
            ["a", "", "b|NA"],
            {},
            "4 rows have no label in the column label (",
        ),
        (
            "regression",
            "image,age",
            ["31", "", "old", "nan", "1e999"],
            {"label_column": "age"},
            "10 cells of the column age are not finite numbers (of float32): line 3 "
            "(empty); line 4 (old); line 5 (nan)",
        ),
        (
            "regression",
            "image,age",
            ["31"],
            {"label_column": "age"},
            "the column age has one value only: 31",
        ),
        (
            "regression",
            "image,age",
            ["31", "1e39", "-1e39", "1_000"],
            {"label_column": "age"},
            "9 cells of the column age are not finite numbers (of float32): line 3 (1e39)",
        ),
        (
            "regression",
            "image,seconds",
            ["1600000000", "1600000001", "1600000010"],
            {"label_column": "seconds"},
            "the numbers of the column seconds differ too little relative to their size",
        ),
        (
            "regression",
            "image,meters",
            ["1e-50", "2e-50"],
            {"label_column": "meters"},
            "or are too small, for float32: 1e-50. Subtract the mean, or use another unit",
        ),
        (
            "regression",
            "image,age",
            ["31", "32"],
            {"label_columns": ["agee"]},
            "data.label_columns: agee is not a column. Did you mean age?",
        ),
        (
            "regression",
            "image,age",
            ["31", "32"],
            {},
            "data.label_column: label is not a column",
        ),
    ],
)
def test_invalid_labels_and_numbers_are_rejected(
    read, task, header, cells, settings, words
):
    with pytest.raises(DataError) as error:
        read(header, cells, task, **settings)
    assert words in str(error.value)


def test_column_with_too_many_labels_is_rejected(read, monkeypatch):
    monkeypatch.setattr(target_columns, "MOST_LABELS", 3)
    with pytest.raises(DataError, match="the column label has 4 labels, more than 3"):
        read("image,label", ["a", "b|c", "d"], "multi_label")


def test_targets_differing_only_in_late_digits_are_a_contradiction(read):
    with pytest.raises(DataError, match="named twice with different classes"):
        read(
            "image,age",
            ["1234567", f"1\n{NAMES[0]},1234568"],
            "regression",
            label_column="age",
        )


def test_identical_images_with_different_labels_are_a_conflict(read, images):
    content = (images / f"{NAMES[0]}.png").read_bytes()
    copy = images / f"{NAMES[1]}.png"
    before = copy.read_bytes()
    copy.write_bytes(content)
    try:
        with pytest.raises(DataError, match="2 images are filed under two classes"):
            read("image,hair,ink,ruler", LABELS, "multi_label")
    finally:
        copy.write_bytes(before)


def test_splits_and_folds_are_stratified_by_label_and_grouped():
    random = np.random.default_rng(3)
    targets = (random.random((211, 4)) < [0.5, 0.2, 0.1, 0.02]).astype("float32")
    groups = np.arange(211) // 2
    kinds = kinds_of_labels(targets)
    held = hold_out(kinds, groups, 0.25, seed=1)
    totals = targets.sum(axis=0)
    assert np.abs(targets[held].sum(axis=0) - totals * 0.25).max() <= 1.5
    assert not set(groups[held]) & set(groups[~held])
    folds = assign_folds(kinds, groups, 3, seed=1)
    for fold in range(3):
        assert np.abs(targets[folds == fold].sum(axis=0) - totals / 3).max() <= 2


def test_holdout_is_stratified_by_quantiles_of_each_target():
    targets = np.random.default_rng(5).lognormal(size=(200, 2))
    held = hold_out(kinds_of_numbers(targets), np.arange(200), 0.3, seed=0)
    assert held.mean() == pytest.approx(0.3, abs=0.05)
    for number in targets.T:
        for quantile in (0.25, 0.5, 0.75):
            below = number <= np.quantile(number, quantile)
            assert below[held].mean() == pytest.approx(quantile, abs=0.06)


def test_multi_label_split_has_targets_instead_of_labels(read, images, tmp_path):
    read("image,hair,ink,ruler", LABELS, "multi_label")  # writes the table
    data = ImageData.from_csv(
        tmp_path / "t.csv",
        task="multi_label",
        image_root=str(images),
        image_size=32,
        batch_size=4,
        cache_dir=tmp_path / "cache",
    )
    assert (data.task, data.train.labels) == ("multi_label", None)
    assert data.train.target_values.shape == (data.train.num_examples, 3)
    assert data.train.class_counts == data.train.target_values.sum(axis=0).tolist()
    split_names = (tmp_path / "run", tmp_path / "run" / "split.csv")
    split_names[0].mkdir()
    data.write_tables(split_names[0])
    assert "hair|ruler" in split_names[1].read_text()
    shown, words = data.sample_images()
    assert len(shown) == len(words) == data.train.num_examples


def test_regression_rejects_folders_and_class_balance_before_reading():
    overrides = ["task=regression", "data.train=folder", "data.class_balance=sampling"]
    with pytest.raises(ConfigError) as error:
        load_config(["classify"], overrides)
    assert "`task=regression` needs a table of images" in str(error.value)
    assert "`data.class_balance` is for images of one class each" in str(error.value)


def test_losses_and_metrics_depend_on_the_task():
    config = load_config(["classify"], ["task=regression", "data.train=t.csv"])
    assert config.model.loss == "mean_squared_error"
    assert config.model.metrics == ["root_mean_squared_error", "r2"]
    assert config.search.objective == "val_loss"
    again = load_config([], [f"task={config.task}", "data.train=t.csv", "model.loss=huber"])
    assert again.model.loss == "huber"
    with pytest.raises(
        ConfigError, match=r"`model.loss` must be chosen from crossentropy, focal "
    ):
        load_config([], ["task=multi_label", "data.train=t.csv", "model.loss=huber"])
    with pytest.raises(ConfigError, match=r"`model.metrics` must be chosen from accuracy"):
        load_config([], ["model.metrics=[r2]"])


def test_class_counts_are_label_sums_or_row_counts(read):
    found = read("image,hair,ink,ruler", LABELS, "multi_label").index
    total = found.class_counts(TRAIN) + found.class_counts(VALIDATION)
    assert total.tolist() == found.targets.sum(axis=0).tolist()
    numbers = read("image,age", ["1", "2"], "regression", label_column="age").index
    assert numbers.class_counts(TRAIN).tolist() == [(numbers.splits == TRAIN).sum()]
