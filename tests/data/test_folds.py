"""Folds of images that were read once, and which of them can't be searched over."""

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
    """Images of three classes, of which one has three."""
    folder = tmp_path_factory.mktemp("images")
    return make_images(folder / "train", {"cat": 12, "dog": 9, "emu": 3})


def read(images, **settings):
    return kr.ImageData.from_folder(images, image_size=32, batch_size=5, **settings)


def table(images, groups):
    """A table of images whose group a function of class and number gives."""
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
def test_images_that_were_read_are_cut_into_the_folds_of_the_settings(images, more):
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


def test_a_fold_is_varied_as_the_images_that_it_is_cut_from(images):
    strong = kr.Augmentation(views=2, strength=0.5)
    data = read(images).with_augmentation(strong)
    assert data.fold(2, 3).train.augmentation is strong


def test_what_a_network_makes_of_images_is_the_same_for_all_folds(images):
    """One entry of the cache: none is computed again for the part that is held out."""
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


def test_validation_images_that_are_given_leave_nothing_to_cut(images, tmp_path):
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
def test_an_objective_that_a_fold_cannot_measure_is_refused(
    images, objective, count, words
):
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
def test_groups_that_no_fold_can_hold_are_refused(images, groups, words):
    with pytest.raises(DataError, match=words):
        require_folds(folds_of(table(images, groups), 3), "val_loss")


def test_a_class_of_one_group_cannot_be_trained_and_validated(images):
    with pytest.raises(DataError, match=r"these have fewer: emu"):
        table(images, of_classes).fold(1, 3)


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_nothing_of_a_validation_fold_is_in_what_a_fold_trains_on(images, balance):
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


def test_images_that_were_left_out_explain_why_a_fold_lacks_a_class(tmp_path):
    root = make_images(tmp_path, {"cat": 12, "dog": 9, "emu": 6})
    for path in sorted((root / "emu").iterdir())[:4]:
        shutil.copy(path, root / "cat")
    folds = folds_of(read(root, on_conflict="drop"), 3)
    cause = r"Images were dropped before: 4 of emu by data\.on_conflict\."
    with pytest.raises(DataError, match=rf"fold \d \(emu\)\. {cause} Copies and"):
        require_folds(folds, "val_balanced_accuracy")
