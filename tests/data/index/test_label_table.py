"""Labels from a table like that of HAM10000."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import make_images
from keraunos import ConfigError, DataError, ImageData

COLUMNS = {"image_column": "image_id", "label_column": "dx", "group_column": "lesion_id"}


@pytest.fixture
def ham(tmp_path: Path) -> Path:
    """Two folders of images without classes, and a table: 36 images, 18 lesions."""
    drawn = make_images(tmp_path / "drawn", {"nv": 20, "mel": 10, "bcc": 6}, size=33)
    lines = ["lesion_id,image_id,dx,age"]
    for number, file in enumerate(sorted(drawn.rglob("*.png"))):
        folder = tmp_path / f"HAM10000_images_part_{1 + number % 2}"
        folder.mkdir(exist_ok=True)
        file.rename(folder / f"ISIC_{number:07d}.png")
        lines.append(f"HAM_{number // 2:03d},ISIC_{number:07d},{file.parent.name},55")
    shutil.rmtree(drawn)
    (tmp_path / "metadata.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def read(table: Path, **options: object) -> ImageData:
    settings = {"image_size": 32, "batch_size": 5, "cache": "none", **COLUMNS, **options}
    return ImageData.from_csv(table, cache_dir=table.parent / "cache", **settings)


def stems(split: object) -> set[str]:
    return {Path(name).stem for name in split.names}  # type: ignore[attr-defined]


def test_names_without_extension_are_found_in_subfolders(ham: Path) -> None:
    data = read(ham / "metadata.csv")
    assert data.class_names == ("bcc", "mel", "nv")
    assert data.train.num_examples + data.validation.num_examples == 36
    table = dict(
        line.split(",")[1:3] for line in (ham / "metadata.csv").read_text().splitlines()
    )
    for split in (data.train, data.validation):
        for name, label in zip(split.names, split.labels, strict=True):
            assert table[Path(name).stem] == data.class_names[label]


def test_images_of_one_lesion_stay_in_one_split(ham: Path) -> None:
    data = read(ham / "metadata.csv", validation_split=0.3)
    held = {int(stem[5:]) // 2 for stem in stems(data.validation)}
    trained = {int(stem[5:]) // 2 for stem in stems(data.train)}
    assert held
    assert held.isdisjoint(trained)


def test_images_of_one_lesion_may_be_split_without_group_column(ham: Path) -> None:
    data = read(ham / "metadata.csv", validation_split=0.3, group_column=None)
    held = {int(stem[5:]) // 2 for stem in stems(data.validation)}
    assert held & {int(stem[5:]) // 2 for stem in stems(data.train)}


def test_test_split_keeps_lesions_together_and_is_stratified(ham: Path) -> None:
    data = read(ham / "metadata.csv", validation_split=0.2, test_split=0.25)
    parts = [
        {int(stem[5:]) // 2 for stem in stems(split)}
        for split in (data.train, data.validation, data.test)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 18
    bcc, mel, nv = np.bincount(data.test.labels).tolist()
    assert (bcc, mel) == (2, 2)  # of 6 and 10, in pairs
    assert nv in (4, 6)  # of 20, in pairs


def test_semicolons_spaces_and_byte_order_marks_are_accepted(ham: Path) -> None:
    text = (ham / "metadata.csv").read_text().replace(",", " ; ")
    (ham / "other.csv").write_text("\ufeff" + text, encoding="utf-8")
    assert stems(read(ham / "other.csv").train) == stems(read(ham / "metadata.csv").train)


def test_image_root_may_be_a_folder_of_symlinks(ham: Path) -> None:
    links = ham / "links"
    links.mkdir()
    for file in ham.glob("HAM*/*.png"):
        (links / file.name).symlink_to(file)
    (ham / "elsewhere").mkdir()
    table = shutil.copy(ham / "metadata.csv", ham / "elsewhere" / "t.csv")
    data = read(Path(table), image_root=links)
    assert data.train.num_examples + data.validation.num_examples == 36


def test_all_problems_of_a_table_are_reported_at_once(ham: Path) -> None:
    twin = ham / "HAM10000_images_part_2" / "ISIC_0000000.png"
    shutil.copy(ham / "HAM10000_images_part_1" / "ISIC_0000000.png", twin)
    lines = (ham / "metadata.csv").read_text().splitlines()
    lines += ["HAM_999,ISIC_missing,nv,1", "HAM_998,ISIC_0000003,mel,1", "a,b"]
    lines += ["HAM_997,ISIC_0000005,NV,3"]
    (ham / "metadata.csv").write_text("\n".join(lines))
    with pytest.raises(DataError) as error:
        read(ham / "metadata.csv")
    text = str(error.value)
    for words in (
        "line 38: ISIC_missing",
        "1 name matches more than one image",
        "part_1/ISIC_0000000.png",
        "named twice with different classes",
        "1 row has a different number of cells than the header: line 40 (2)",
        "1 pair of classes differs only in upper and lower case: NV and nv",
    ):
        assert words in text, words


def test_missing_column_suggests_the_closest_name(ham: Path) -> None:
    with pytest.raises(DataError, match=r"data\.label_column: dxx is not a column\. .*dx"):
        read(ham / "metadata.csv", label_column="dxx")


def test_column_settings_require_a_table(ham: Path) -> None:
    with pytest.raises(ConfigError, match=r"`data\.label_column` is for tables"):
        ImageData.from_csv(ham, label_column="dx")
