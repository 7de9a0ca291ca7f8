"""The output of `keraunos pack` trains like the original files."""

import csv
from pathlib import Path

import keraunos as kr
import numpy as np
import pytest
from helpers import make_images
from keraunos.cli.main import main
from keraunos.configs import DataConfig
from keraunos.core.store import Store
from keraunos.data.index.sources import list_sources
from keraunos.data.packing import TABLE_FILE, pack

pytest.importorskip("array_record")


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for split, counts in (
        ("train", {"=cat": 7, "dog": 5}),
        ("test", {"=cat": 2, "dog": 3}),
    ):
        make_images(folder / split, counts, size=40)
    return folder


@pytest.fixture(scope="module")
def packed(image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "images"
    assert main(["pack", str(image_folder), str(folder)]) == 0
    return folder


def read(table: Path, cache: Path) -> kr.ImageData:
    return kr.ImageData.from_csv(
        table, image_size=32, batch_size=4, cache_dir=cache, on_leak="keep"
    )


def test_packed_images_equal_the_files(
    image_folder: Path, packed: Path, tmp_path: Path
) -> None:
    files = kr.ImageData.from_folder(
        image_folder, image_size=32, batch_size=4, cache_dir=tmp_path / "a", on_leak="keep"
    )
    records = read(packed / TABLE_FILE, tmp_path / "b")
    assert records.class_names == files.class_names
    assert records.train.fingerprint == files.train.fingerprint
    for name in ("train", "validation", "test"):
        ours, theirs = getattr(records, name), getattr(files, name)
        places = np.arange(ours.num_examples)
        assert [Path(each).name for each in ours.names] == [
            Path(each).name for each in theirs.names
        ]
        np.testing.assert_array_equal(ours.images(places), theirs.images(places))


def test_images_are_packed_into_shards_of_limited_size(
    image_folder: Path, tmp_path: Path
) -> None:
    config = DataConfig(train=str(image_folder / "train"))
    scans = list_sources(config, 0, Store(tmp_path / "cache", 10**9))
    size = Path(scans["train"].paths[0]).stat().st_size
    rows = pack(scans, tmp_path / "small", shard_bytes=2 * size)
    shards = {row.image.split("/")[0] for row in rows}
    assert len(shards) == len([*(tmp_path / "small").glob("*.array_record")]) > 2
    assert not any(row.split for row in rows)


def test_damaged_record_is_an_error_that_names_it(packed: Path, tmp_path: Path) -> None:
    (shard,) = packed.glob("*.array_record")
    (tmp_path / shard.name).write_bytes(shard.read_bytes())
    (tmp_path / TABLE_FILE).write_bytes((packed / TABLE_FILE).read_bytes())
    read(tmp_path / TABLE_FILE, tmp_path / "cache")
    with (packed / TABLE_FILE).open() as file:
        rows = list(csv.DictReader(file))
    assert {len(row["sha256"]) for row in rows} == {64}
    content = bytearray((tmp_path / shard.name).read_bytes())
    place = len(content) // 4
    content[place] ^= 1
    (tmp_path / shard.name).write_bytes(content)
    with pytest.raises(kr.DataError, match="array_record/"):
        read(tmp_path / TABLE_FILE, tmp_path / "cache")


def test_packed_images_can_be_repacked(packed: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert main(["pack", str(packed / TABLE_FILE), str(again)]) == 0
    first = read(packed / TABLE_FILE, tmp_path / "a")
    assert (
        read(again / TABLE_FILE, tmp_path / "b").train.fingerprint
        == first.train.fingerprint
    )


def test_additional_table_columns_are_kept(image_folder: Path, tmp_path: Path) -> None:
    rows = [
        (path.relative_to(image_folder), path.parent.name, "ab"[n % 2], "" if n else "é, x")
        for n, path in enumerate(sorted(image_folder.rglob("train/*/*.png")))
    ]
    table, odd = tmp_path / "labels.csv", "sha256"  # a column of ours, too
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("image", "label", "sex", "site, side", odd)])
        writer.writerows([(*row, "none") for row in rows])
    settings = f"data.image_root={image_folder}"
    assert main(["pack", str(table), str(tmp_path / "packed"), settings]) == 0
    with (tmp_path / "packed" / TABLE_FILE).open(newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["image", "label", "sha256", "sex", "site, side"]
    sexes = {Path(row["image"]).name: row["sex"] for row in found}
    assert sexes == {path.name: sex for path, _, sex, _ in rows}
    assert [row["site, side"] for row in found].count("é, x") == 1
    assert "none" not in {row["sha256"] for row in found}
    records = read(tmp_path / "packed" / TABLE_FILE, tmp_path / "cache")
    assert {"sex", "site, side"} < set(records.train.columns)


def test_existing_target_folder_is_rejected_untouched(
    image_folder: Path, packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(packed.iterdir())
    assert main(["pack", str(image_folder), str(packed)]) == 2
    assert "must not exist" in capsys.readouterr().err
    assert sorted(packed.iterdir()) == before


def test_packing_multi_label_data_is_rejected(tmp_path, capsys):
    typed = ["task=multi_label", "data.label_columns=[hair,ink]"]
    assert main(["pack", str(tmp_path / "t.csv"), str(tmp_path / "packed"), *typed]) == 2
    assert "`pack` writes the class of each image" in capsys.readouterr().err
    assert not (tmp_path / "packed").exists()
