"""Folds of images that were read once, and folds that a search rejects."""

import csv
import shutil

import keraunos as kr
import numpy as np
import pytest
from helpers import make_images, with_other_validation
from keraunos.core.errors import DataError
from keraunos.data.folds import require_folds


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Images of three classes, one of which has three images."""
    folder = tmp_path_factory.mktemp("images")
    return make_images(folder / "train", {"cat": 12, "dog": 9, "emu": 3})


def read(images, **settings):
    return kr.ImageData.from_folder(images, image_size=32, batch_size=5, **settings)


def table(images, groups):
    """A table of images, grouped by a function of class and number."""
    file = images / f"{groups.__name__}.csv"
    rows = [
        [path.relative_to(images), path.parent.name, groups(path.parent.name, number)]
        for folder in sorted(images.iterdir())
        if folder.is_dir()
        for number, path in enumerate(sorted(folder.iterdir()))
    ]
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([["image", "label", "patient"], *rows])
    return kr.ImageData.from_csv(
        file, group_column="patient", image_size=32, batch_size=5, validation_split=0
    )


def folds_of(data, count):
    return [data.fold(number, count) for number in range(1, count + 1)]


@pytest.mark.parametrize("more", [{}, {"test_split": 0.25, "class_balance": "weights"}])
def test_fold_of_loaded_data_equals_data_loaded_as_that_fold(images, more):
    data = read(images, **more)
    for number, fold in enumerate(folds_of(data, 3), 1):
        wanted = read(images, folds=3, fold=number, **more)
        assert fold.settings() == wanted.settings()
        assert fold.train.names == wanted.train.names
        assert fold.validation.fingerprint == wanted.validation.fingerprint
        assert fold.train.class_counts == wanted.train.class_counts
        assert fold.describe() == wanted.describe()
        assert fold.train.is_of_fold
        assert fold.validation.is_of_fold


def test_fold_keeps_the_augmentation_of_its_data(images):
    strong = kr.Augmentation(views=2, strength=0.5)
    data = read(images).with_augmentation(strong)
    assert data.fold(2, 3).train.augmentation is strong


def test_all_folds_share_one_cache_entry_of_features(images):
    """One cache entry: no features are computed again for the held-out part."""
    data = read(images, augmentation=kr.Augmentation(strength=0))
    splits = [
        split.in_order
        for fold in folds_of(data, 3)
        for split in (fold.train, fold.validation)
    ]
    everything = [split.whole for split in splits]
    assert len({whole.fingerprint for whole, _ in everything}) == 1
    for split, (whole, places) in zip(splits, everything, strict=True):
        assert [whole.names[place] for place in places] == split.names


def test_folds_are_rejected_when_validation_images_are_given(images, tmp_path):
    other = make_images(tmp_path / "other", {"cat": 3, "dog": 2, "emu": 2}, seed=9)
    with pytest.raises(DataError, match="there are validation images already"):
        read(images, validation=other).fold(1, 3)
    for name in ("train", "val"):
        (tmp_path / "both").mkdir(exist_ok=True)
        (tmp_path / "both" / name).symlink_to(images if name == "train" else other)
    with pytest.raises(DataError, match="there are validation images already"):
        read(tmp_path / "both", folds=3, fold=1)


@pytest.mark.parametrize(
    ("objective", "count", "words"),
    [
        ("val_balanced_accuracy", 4, r"missing in fold \d \(emu\)"),
        ("val_macro_roc_auc", 4, "`val_macro_roc_auc` needs images of each class"),
        ("val_recall_emu", 4, "Use fewer search.folds"),
        ("val_loss", 4, None),
        ("val_balanced_accuracy", 3, None),
        ("val_loss", 30, "as many images as folds, 30; .* so there are 24"),
    ],
)
def test_objective_that_a_fold_cannot_measure_is_rejected(images, objective, count, words):
    folds = folds_of(read(images), count)
    if words is None:
        require_folds(folds, objective)
    else:
        with pytest.raises(DataError, match=words):
            require_folds(folds, objective)


def of_two_patients(label, number):
    return f"patient {number % 2}"


def of_a_large_one(label, number):
    return "large" if label == "cat" and number < 9 else f"{label} {number}"


def of_classes(label, number):
    return label if label == "emu" else f"{label} {number}"


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (of_two_patients, "as many images as folds, 3; .* so there are 2.*search.folds=2"),
        (
            of_a_large_one,
            r"larger than a fold \(24 .*that of \S*cat-\d+.png has 9 .*search.folds=2",
        ),
    ],
)
def test_groups_too_few_or_too_large_for_folds_are_rejected(images, groups, words):
    with pytest.raises(DataError, match=words):
        require_folds(folds_of(table(images, groups), 3), "val_loss")


def test_class_consisting_of_one_group_is_rejected(images):
    with pytest.raises(DataError, match=r"these have fewer: emu"):
        table(images, of_classes).fold(1, 3)


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_training_fold_is_independent_of_its_validation_fold(images, balance):
    """Weights, draws, counts and partners of mixing, whatever the other fold holds."""
    mixing = kr.Augmentation(mixup=0.4, cutmix=0.5)
    data = read(images, class_balance=balance, augmentation=mixing, validation_split=0)
    fold = data.fold(2, 3)
    train, other = fold.train, with_other_validation(fold).train
    assert train.class_counts == other.class_counts
    assert sum(train.class_counts) == train.num_examples == 16
    for epoch in range(2):
        ours, theirs = (each.arrays(each.draws(epoch)) for each in (train, other))
        assert any(name.startswith("partner_") for name in ours)
        for name, array in ours.items():
            np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def test_error_of_a_fold_lacking_a_class_mentions_dropped_images(tmp_path):
    root = make_images(tmp_path, {"cat": 12, "dog": 9, "emu": 6})
    for path in sorted((root / "emu").iterdir())[:4]:
        shutil.copy(path, root / "cat")
    folds = folds_of(read(root, on_conflict="drop"), 3)
    cause = r"Images were dropped before: 4 of emu by data\.on_conflict\."
    with pytest.raises(DataError, match=rf"fold \d \(emu\)\. {cause} Copies and"):
        require_folds(folds, "val_balanced_accuracy")
