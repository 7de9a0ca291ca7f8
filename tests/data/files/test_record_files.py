"""Images in record files are read like separate files."""

import os
from pathlib import Path

import pytest
from keraunos.data.files.file_records import stamp
from keraunos.data.files.record_files import (
    Record,
    file_on_disk,
    is_image_file,
    num_records,
    read_record,
    record_of,
)


@pytest.mark.parametrize(
    "path",
    [
        "nevus/a.jpg",
        "images.array_record",
        "images.array_record/",
        "images.array_record/nevus/17.jpg",
        "images.array_record/-1/a.jpg",
        "images.array_records/17/a.jpg",
    ],
)
def test_ordinary_path_is_not_a_record(path: str) -> None:
    assert record_of(path) is None
    assert file_on_disk(path) == path


def test_image_name_may_look_like_a_record_file() -> None:
    path = "/x/images-1.array_record/3/b.array_record"
    assert record_of(path) == Record("/x/images-1.array_record", 3)


def test_repacked_image_belongs_to_the_outer_record_file() -> None:
    path = "/x.array_record/images-1.array_record/3/images-0.array_record/7/a.jpg"
    assert record_of(path) == Record("/x.array_record/images-1.array_record", 3)


def test_record_has_the_stamp_of_its_file(tmp_path: Path) -> None:
    shard = tmp_path / "images.array_record"
    image = f"{shard}/0/a.jpg"
    assert not is_image_file(image)
    assert stamp(image) == (-1, -1)
    shard.write_bytes(b"123")
    assert is_image_file(image)
    assert stamp(image) == stamp(str(shard))


def test_missing_or_damaged_record_raises(tmp_path: Path) -> None:
    pytest.importorskip("array_record")
    with pytest.raises(FileNotFoundError):
        read_record(Record(str(tmp_path / "none.array_record"), 0))
    empty = tmp_path / "empty.array_record"
    empty.write_bytes(b"")
    os.truncate(empty, 100)
    with pytest.raises(OSError, match="record file"):
        num_records(str(empty))
    with pytest.raises(OSError, match="record file"):
        read_record(Record(str(empty), 0))
