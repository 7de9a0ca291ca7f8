"""Tables of metadata, joined to the images that folders and other tables list."""

import re
from pathlib import Path
from typing import Any

import pytest
from helpers import smooth_image
from keraunos import ConfigError, DataError, ImageData
from keraunos.configs import DataConfig
from keraunos.core.errors import KeraunosError
from keraunos.core.table_features import NumberColumn, WordColumn
from keraunos.data.index.sources import list_sources

IDS = [f"ISIC_{number}" for number in range(8)]
# As the ISIC archive has them: one-hot labels, and metadata, both by id.
GROUND_TRUTH = [
    "image,MEL,NV",
    *(f"{id},{n % 2}.0,{1 - n % 2}.0" for n, id in enumerate(IDS)),
]
METADATA = [
    "image,age_approx,anatom_site_general,lesion_id,sex",
    *(
        f"{id},{30 + 5 * n if n else ''},{'arm' if n % 3 else 'NA'},L{n // 2},male"
        for n, id in reversed(list(enumerate(IDS)))
    ),
]
OTHERS = ("anatom_site_general", "lesion_id", "sex")


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Images next to two tables, and the same images in class folders."""
    for number, id in enumerate(IDS):
        image = smooth_image(number, 32, 32)
        for folder in ("images", f"folders/{'mel' if number % 2 else 'nv'}"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / folder / f"{id}.jpg")
    write(tmp_path / "images/GroundTruth.csv", GROUND_TRUTH)
    write(tmp_path / "meta.csv", METADATA)
    return tmp_path


def scans(root: Path, train: str = "images/GroundTruth.csv", **options: Any) -> Any:
    given: dict[str, Any] = {
        "train": str(root / train),
        "metadata": [str(root / "meta.csv")],
        **options,
    }
    return list_sources(DataConfig(**given), 0, None)  # type: ignore[arg-type]


def refusal(root: Path, **options: Any) -> str:
    with pytest.raises(KeraunosError) as caught:
        scans(root, **options)
    return str(caught.value)


@pytest.mark.parametrize("train", ["images/GroundTruth.csv", "folders"])
def test_rows_are_joined_by_image_name(root: Path, train: str) -> None:
    features = ["age_approx", "anatom_site_general"]
    found = scans(root, train, features=features, group_column="lesion_id")["train"]
    assert len(found.paths) == 8
    assert set(found.columns) == {*features, "sex"}
    for place, path in enumerate(found.paths):
        number = int(Path(path).stem[-1])
        age, site = (found.columns[name][place] for name in features)
        assert age == (str(30 + 5 * number) if number else "")
        assert site == ("arm" if number % 3 else "")
        assert found.groups[place] == f"L{number // 2}"


def test_features_may_come_from_both_tables(root: Path) -> None:
    lines = [f"{line},{'hair' if not n else n % 2}" for n, line in enumerate(GROUND_TRUTH)]
    write(root / "images/GroundTruth.csv", lines)
    data = ImageData.from_csv(
        root / "images/GroundTruth.csv",
        label_columns=["MEL", "NV"],
        metadata=[str(root / "meta.csv")],
        features=["age_approx", "hair"],
        categorical_features=["hair"],
        image_size=32,
        cache_dir=root / "cache",
    )
    columns = data.train.table_features
    assert columns is not None
    assert list(map(type, columns.columns)) == [NumberColumn, WordColumn]


def test_folders_need_metadata_for_features(root: Path) -> None:
    options: dict[str, Any] = {"features": ["age_approx"], "cache_dir": root / "cache"}
    data = ImageData.from_folder(root / "folders", metadata=root / "meta.csv", **options)
    assert data.train.table_features is not None
    assert set(data.train.columns) == {"age_approx", *OTHERS}
    with pytest.raises(ConfigError, match=r"data\.features. is for tables"):
        ImageData.from_folder(root / "folders", **options)


def test_train_and_test_may_have_separate_metadata_tables(root: Path) -> None:
    (root / "more").mkdir()
    smooth_image(50, 32, 32).save(root / "more/T1.png")
    test = write(root / "more/test.csv", ["image,MEL,NV", "T1,1,0"])
    other = write(root / "more/meta.csv", ["image,age_approx,lesion_id,sex", "T1.png,9,x,"])
    metadata = [str(root / "meta.csv"), str(other)]
    options = {"test": str(test), "metadata": metadata}
    found = scans(root, features=["age_approx"], **options)
    assert found["test"].columns["age_approx"] == ("9",)
    assert found["test"].columns["anatom_site_general"] == ("",)
    text = refusal(root, features=["anatom_site_general"], **options)
    assert f"{other}: it has no column anatom_site_general" in text


def test_metadata_rows_without_an_image_are_counted(root: Path) -> None:
    write(root / "meta.csv", [*METADATA, "ISIC_98,1,,x,", "ISIC_99,1,,x,"])
    (line,) = [each for each in scans(root)["train"].remarks if "metadata" in each]
    assert line == "2 rows of data.metadata match no image of the run: ISIC_98; ISIC_99"


@pytest.mark.parametrize(
    ("lines", "options", "reason"),
    [
        (METADATA[:-2], {}, r"2 images have no row: .*ISIC_\d\.jpg; .*ISIC_\d\.jpg"),
        ([*METADATA, "ISIC_3.jpg,1,,x,"], {}, r"1 image has more than one row: .*line 6"),
        ([*METADATA, METADATA[1]], {}, r"1 image has more than one row: .*ISIC_7"),
        (["id,sex", "ISIC_0,male"], {}, "it has no column image"),
        (METADATA, {"features": ["age"]}, "age is not a column"),
        (METADATA, {"features": ["age"], "train": "folders"}, "it has no column age"),
        (["image,sex,sex", "a,b,c"], {"features": ["sex"]}, "sex occurs more than once"),
        (METADATA, {"features": ["sex"], "group_column": "sex"}, "labels or groups"),
    ],
)
def test_metadata_that_cannot_be_joined_is_rejected(
    root: Path, lines: list[str], options: dict[str, Any], reason: str
) -> None:
    write(root / "meta.csv", lines)
    text = refusal(root, **options)
    assert re.search(reason, text), text


def test_row_that_matches_two_images_is_rejected(root: Path) -> None:
    (root / "folders/mel/ISIC_0.png").write_bytes(b"another")
    text = refusal(root, train="folders")
    assert "1 row matches more than one image: ISIC_0 (meta.csv, line 9: " in text


def test_column_in_both_tables_is_rejected(root: Path) -> None:
    lines = [f"{line},{'sex' if not n else 'male'}" for n, line in enumerate(GROUND_TRUTH)]
    write(root / "images/GroundTruth.csv", lines)
    text = refusal(root, features=["sex"], label_columns=["MEL", "NV"])
    assert "the column sex is also in the table of `data.train`" in text


def test_unreadable_metadata_is_rejected(root: Path) -> None:
    with pytest.raises(DataError, match=r"data\.metadata. must be a readable table"):
        scans(root, metadata=[str(root / "none.csv")])
    with pytest.raises(ConfigError, match=r"data\.metadata. must be tables, \.csv"):
        ImageData.from_folder(root / "folders", metadata=["meta.xlsx"])
