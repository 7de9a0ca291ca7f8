"""The images of an unchanged folder are not examined again."""

import os
from pathlib import Path

import pytest
from helpers import make_images, opened_files
from keraunos import ImageData


def opened(folder: Path, store: Path, **options: object) -> list[str]:
    """The images that reading the folder opens."""
    with opened_files() as names:
        ImageData.from_folder(
            folder,
            image_size=32,
            cache_dir=store,
            **options,  # type: ignore[arg-type]
        )
    return sorted({Path(name).name for name in names if name.endswith(".png")})


@pytest.mark.parametrize("options", [{}, {"check": "full"}], ids=["copies", "full"])
def test_the_second_start_opens_no_image(options: dict, tmp_path: Path) -> None:
    folder = make_images(tmp_path / "train", {"cat": 6, "dog": 5})
    assert len(opened(folder, tmp_path / "cache", **options)) == 11
    assert opened(folder, tmp_path / "cache", **options) == []


def test_only_changed_images_are_opened_again(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "train", {"cat": 6, "dog": 5})
    opened(folder, tmp_path / "cache", cache="none")
    changed = folder / "cat" / "cat-002.png"
    other = (folder / "dog" / "dog-001.png").read_bytes()
    changed.write_bytes(changed.read_bytes() + b"\0")
    (folder / "dog" / "dog-new.png").write_bytes(other + b"\0\0")
    os.utime(folder / "dog" / "dog-003.png")
    assert opened(folder, tmp_path / "cache", cache="none") == [
        "cat-002.png",
        "dog-003.png",
        "dog-new.png",
    ]
