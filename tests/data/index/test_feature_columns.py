"""Columns of a table that a model takes besides the image."""

from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_image
from keraunos import Augmentation, ConfigError, DataError, ImageData
from keraunos.configs import load_config
from keraunos.core.table_features import (
    NumberColumn,
    TableFeatures,
    WordColumn,
    number_in,
)

# The label, age and sex of training images, and those of two for validation.
TRAIN = ["a,30,male", "b,,female", "a,50,male", "b,70,", "a,40,female"]
VALIDATION = ["b,90,male", "a,20,other"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number in range(len(TRAIN) + len(VALIDATION)):
        smooth_image(number, 32, 32).save(folder / f"p{number}.png")
    return folder


@pytest.fixture
def read(images: Path, tmp_path: Path):
    """Reads a table of these images."""

    def run(
        train: list[str] = TRAIN,
        validation: list[str] = VALIDATION,
        header: str = "label,age,sex",
        **options: object,
    ) -> ImageData:
        splits = ["train"] * len(train) + ["val"] * len(validation)
        rows = [
            f"p{number},{split},{cells}"
            for number, (split, cells) in enumerate(
                zip(splits, [*train, *validation], strict=True)
            )
        ]
        table = tmp_path / "t.csv"
        table.write_text("\n".join([f"image,split,{header}", *rows]))
        given = {"features": ["age", "sex"], "image_size": 32, **options}
        return ImageData.from_csv(table, image_root=str(images), **given)  # type: ignore[arg-type]

    return run


def test_numeric_and_categorical_columns_are_distinguished(read):
    assert read().train.table_features == TableFeatures(
        (
            NumberColumn("age", 47.5, np.std([30, 50, 70, 40]), has_missing=True),
            WordColumn("sex", ("", "female", "male")),
        )
    )


def test_statistics_use_training_images_only(read):
    other = read(validation=["b,-1000,robot", "a,5e6,male"])
    assert other.train.table_features == read().train.table_features
    assert other.validation.table_features == read().train.table_features


def test_cells_follow_their_image_in_any_draw_order(read):
    train = read(augmentation=Augmentation(strength=0)).train
    draws = train.draws(epoch=3)
    part = train.arrays(draws)
    cells = [TRAIN[int(Path(train.names[row]).stem[1:])].split(",") for row in draws.rows]
    ages = np.array([[float(age or "nan")] for _, age, _ in cells], np.float32)
    np.testing.assert_array_equal(part["column:age"], ages)
    assert part["column:sex"].ravel().tolist() == [sex.encode() for _, _, sex in cells]
    inputs, _, _ = train.prepare(part)
    assert [*inputs] == ["image", "age", "sex"]


def test_validation_images_have_their_own_cells(read):
    held_out = read().validation
    part = held_out.arrays(held_out.draws(0))
    numbers = [int(Path(name).stem[1:]) - len(TRAIN) for name in held_out.names]
    cells = [VALIDATION[number].split(",") for number in numbers]
    assert part["column:age"].ravel().tolist() == [float(age) for _, age, _ in cells]
    assert part["column:sex"].ravel().tolist() == [sex.encode() for _, _, sex in cells]


def test_without_columns_yields_images_only(read):
    train = read(augmentation=Augmentation(strength=0)).train.without_columns
    inputs, _, _ = train.prepare(train.arrays(train.draws(0)))
    assert inputs.shape == (len(TRAIN), 32, 32, 3)


def test_values_unseen_in_training_are_reported_once(read):
    lines = read(
        train=[*TRAIN[:3], "b,70,male", TRAIN[4]], validation=VALIDATION
    ).describe()
    assert "table features: age (47.5 ± 14.79), sex (2 categories)" in lines
    found = [line for line in lines if "no training image" in line]
    assert found == ["1 validation images have a sex that no training image has: other"]
    lacking = read(
        train=["a,1,x", "b,2,y", "a,3,x", "b,4,y", "a,5,x"], validation=["a,,x"] * 2
    )
    assert (
        "2 validation images lack age, which no training image does" in lacking.describe()
    )


@pytest.mark.parametrize(
    ("age", "problem"),
    [
        ("7", "the column age has one value only: 7 (of the training images)"),
        ("", "the column age has no value for any training image"),
        ("inf", r"1 cell of the column age is text, and others numbers .*p1.png \(inf\)"),
    ],
)
def test_constant_empty_or_nonfinite_column_is_rejected(read, age, problem):
    ages = [age] * 5 if age != "inf" else ["1", "inf", "3", "4", "5"]
    rows = [f"{'ab'[n % 2]},{each},male" for n, each in enumerate(ages)]
    with pytest.raises(DataError) as error:
        read(train=rows)
    assert "data.features=" in str(error.value)
    assert "the column sex has one value only (of the training images): male" in str(
        error.value
    )
    import re

    assert re.search(problem if "\\" in problem else re.escape(problem), str(error.value))


def test_text_in_a_numeric_validation_column_is_rejected(read):
    with pytest.raises(
        DataError, match=r"1 cell of the column age is text.*p6.png \(old\)"
    ):
        read(validation=["b,90,male", "a,old,male"])


def test_numbers_can_be_categories(read):
    train = read(categorical_features=["age"]).train
    assert train.table_features.columns[0] == WordColumn(
        "age", ("", "30", "40", "50", "70")
    )


def test_column_with_too_many_categories_is_rejected(read, monkeypatch):
    monkeypatch.setattr("keraunos.data.index.feature_columns.MOST_WORDS", 2)
    with pytest.raises(
        DataError, match="the column sex has 3 different words, more than 2"
    ):
        read()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"features": ["agee"]}, "data.features: agee is not a column. Did you mean age?"),
        ({"features": ["label"]}, "label is the column of images, labels, groups"),
        (
            {"features": ["sex"], "group_column": "sex"},
            "sex is the column of images, labels, groups or splits",
        ),
    ],
)
def test_feature_column_must_exist_and_be_unused(read, options, problem):
    with pytest.raises(DataError, match=r"`data\.train` must be a table") as error:
        read(**options)
    assert problem in str(error.value)


def test_image_listed_twice_with_different_cells_is_rejected(read, images):
    (images / "q").mkdir(exist_ok=True)
    with pytest.raises(
        DataError, match=r"named twice with different data.features.*a\|1, a\|2"
    ):
        read(
            train=["a,x,a\np0,train,a,x,a", "b,x,b"],
            header="label,age,sex\np0,train,a,1,a\np0,train,a,2,a",
            features=["sex", "age"],
        )


def test_mixup_and_cutmix_reject_feature_columns(read):
    with pytest.raises(ConfigError, match="can't be combined with columns"):
        read(augmentation=Augmentation(mixup=0.2))
    with pytest.raises(ConfigError, match="can't be combined with columns"):
        read().with_augmentation(Augmentation(cutmix=1.0))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (["data.train=photos"], "`data.features` is for tables"),
        (["data.train=t.csv", "data.test=photos"], "needs a table in `data.test`, too"),
        (["data.train=t.csv", "augmentation.mixup=0.2"], "can't be combined with columns"),
        (
            ["data.train=t.csv", "model.head=ridge"],
            "Columns of a table need a trained head",
        ),
        (
            ["data.train=t.csv", "model.builder=a:b"],
            "`data.features` is for models of Keraunos",
        ),
        (["data.train=t.csv", "data.features=[age,age]"], "it occurs more than once"),
        (["data.train=t.csv", "data.features=[image]"], "the name of the image itself"),
        (["data.train=t.csv", "data.features=[a/b]"], "can't be empty or contain a slash"),
        (
            ["data.train=t.csv", "data.categorical_features=[sit]", "data.features=[site]"],
            "must be a subset of `data.features`; sit is not in it.",
        ),
    ],
)
def test_incompatible_settings_are_rejected(settings, problem):
    with pytest.raises(ConfigError) as error:
        load_config(["classify"], ["data.features=[age]", *settings])
    assert problem in str(error.value)


def test_features_of_a_folder_require_metadata():
    with pytest.raises(ConfigError, match=r"or set data\.metadata to a table"):
        ImageData.from_folder("photos", features=["age"])


def test_cells_are_parsed_as_numbers():
    assert number_in("5.5") == 5.5
    assert np.isnan(number_in(""))
    with pytest.raises(ValueError, match="'1_000' is not a number"):
        number_in("1_000")


def test_binary_feature_columns_are_not_taken_as_labels(read):
    rows = ["1,0,1", "0,1,1", "1,0,0", "0,1,0", "0,1,1"]
    train = read(rows, ["1,0,1"] * 2, "mel,nv,smokes", features=["smokes"]).train
    assert train.class_names == ("mel", "nv")
    assert train.table_features.names == ("smokes",)
    labels = read(
        rows, ["1,0,1"] * 2, "hair,ink,smokes", features=["smokes"], task="multi_label"
    ).train
    assert labels.class_names == ("hair", "ink")
