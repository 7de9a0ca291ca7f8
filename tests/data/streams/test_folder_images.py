"""Images are listed in the order of their paths, a page of names at a time."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from keraunos.data.files import record_files
from keraunos.data.streams import folder_images
from keraunos.data.streams.folder_images import images_below, images_in_record_file

NAMES = [
    "a.png",
    "a-b/1.png",
    "a/2.jpg",
    "a/deep/er/3.png",
    "a.d/4.png",
    "a.png.d/5.png",
    "new\nline.png",
    "=formula.png",
    os.fsdecode(b"not-utf8-\xff.png"),
    os.fsdecode(b"z\xfe/6.png"),
    ".hidden/7.png",
    "b/.8.png",
    "b/notes.txt",
    "runs/run-001/config.yaml",
    "runs/run-001/split.csv",
    "runs/run-001/samples.png",
    *(f"many/{number}.png" for number in range(7)),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files whose paths sort differently from their names, links, and skipped files."""
    root = tmp_path / "tree"
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    (root / "a" / "loop").symlink_to(root)
    (root / "q").symlink_to(root / "many")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "9.png").write_bytes(b"")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "link-again").symlink_to(tmp_path / "outside")
    (root / "lost.png").symlink_to(tmp_path / "nowhere")
    return root


@pytest.fixture(params=[2, 100_000])
def pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_images, "MOST_HELD", request.param)


def names(found: Iterator[folder_images.FoundImage]) -> list[str]:
    return [each.name for each in found if not each.problem]


@pytest.mark.usefixtures("pages")
def test_images_are_listed_once_sorted_by_path(tree: Path) -> None:
    passed_by = (".hidden", "b/", "runs/")
    shown = [name for name in NAMES if not name.startswith(passed_by)]
    every = [*shown, "link-again/9.png", "lost.png"]
    wanted = sorted(os.path.join(tree, name) for name in every)
    assert names(images_below(str(tree))) == wanted
    unordered = names(images_below(str(tree), in_order=False))  # by any of their links
    assert sorted(map(os.path.basename, unordered)) == sorted(map(os.path.basename, wanted))


@pytest.mark.usefixtures("pages")
def test_listing_resumes_after_any_image(tree: Path) -> None:
    every = names(images_below(str(tree)))
    for place, name in enumerate(every):
        assert names(images_below(str(tree), after=name)) == every[place + 1 :]


class Name(str):
    """A name that is counted for as long as it is referenced."""

    held = 0
    most_held = 0

    def __init__(self, _: str) -> None:
        Name.held += 1
        Name.most_held = max(Name.most_held, Name.held)

    def __del__(self) -> None:
        Name.held -= 1


@dataclass(frozen=True)
class Entry:
    """In place of `os.DirEntry`."""

    name: str

    def is_symlink(self) -> bool:
        return False

    def is_dir(self) -> bool:
        return False


@pytest.mark.slow
def test_listing_a_large_folder_holds_few_names_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(folder_images, "MOST_HELD", 500)

    def scandir(folder: str) -> AbstractContextManager[Iterator[Entry]]:
        numbers = (number * 7919 % 5_000 for number in range(5_000))
        return nullcontext(Entry(Name(f"image-{number:04}.png")) for number in numbers)

    monkeypatch.setattr(folder_images.os, "scandir", scandir)
    wanted = [f"folder/image-{number:04}.png" for number in range(5_000)]
    for found, name in zip(images_below("folder"), wanted, strict=True):
        assert found.name == name
    assert Name.most_held < 1_200  # two pages and a few


def test_image_without_extension_is_recognized_by_content(tree: Path) -> None:
    (tree / "b" / "scan").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8))
    assert str(tree / "b" / "scan") in names(images_below(str(tree), "content"))
    assert str(tree / "b" / "scan") not in names(images_below(str(tree)))


def test_vanished_folder_is_reported_and_the_rest_is_listed(tree: Path) -> None:
    images = images_below(str(tree))
    first = next(images)
    shutil.rmtree(tree / "many")
    rest = list(images)
    (lost,) = [each for each in rest if each.problem]
    assert lost.name == f"{tree}/many/"
    assert "can't be opened (No such file or directory)" in lost.problem
    assert f"{tree}/{NAMES[9]}" in [each.name for each in rest]
    kept = [each.name for each in rest]
    assert sorted([first.name, *kept]) == [first.name, *kept]


def test_every_image_of_a_record_file_is_listed(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reader:
        def num_records(self) -> int:
            return 3

    monkeypatch.setattr(record_files, "_reader", lambda file, *stamp: Reader())
    file = tree / "m.array_record"
    file.write_bytes(b"12")
    wanted = [f"{file}/000000{number}" for number in range(3)]
    assert names(images_in_record_file(str(file))) == wanted
    assert names(images_in_record_file(str(file), wanted[0])) == wanted[1:]
    every = names(images_below(str(tree)))
    assert sorted(every) == every
    assert [name for name in every if "array_record" in name] == wanted
