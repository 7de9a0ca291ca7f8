"""Each image of a watched folder is returned once, when it is complete."""

import io
import os
from itertools import chain
from pathlib import Path

import pytest
from helpers import smooth_image
from keraunos.data.streams import watched_folder
from keraunos.data.streams.known_names import KnownNames
from keraunos.data.streams.read_stream import ReadImage
from keraunos.data.streams.watched_folder import WatchedFolder

PATIENCE = 30.0


def png(seed: int) -> bytes:
    file = io.BytesIO()
    smooth_image(seed).save(file, "PNG")
    return file.getvalue()


class Watched:
    """A folder that is polled every second, by its own clock."""

    def __init__(self, folder: Path, known: KnownNames | None = None) -> None:
        self.folder = folder
        self.now = 0.0
        self._watched = WatchedFolder(
            str(folder), "extension", PATIENCE, known or KnownNames(), lambda: self.now
        )

    def look(self, *problems: str) -> list[str]:
        """Names that are accepted in one poll, some of them with a problem."""
        self.now += 1
        stand = []
        for image in self._watched.look():
            name = os.path.basename(image.name.rstrip("/"))
            problem = image.problem or ("damaged" if name in problems else "")
            if self._watched.accept(ReadImage(image, (), problem)):
                stand.append(name)
        return stand


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_existing_and_moved_in_images_are_returned_once(watched: Watched) -> None:
    for name in ("b.png", "a.png", ".hidden.png", "notes.txt"):
        (watched.folder / name).write_bytes(b"x")
    assert watched.look() == []
    assert watched.look() == ["a.png", "b.png"]
    outside = watched.folder / "new.tmp"
    outside.write_bytes(b"x")
    (watched.folder / "sub").mkdir()
    outside.rename(watched.folder / "sub" / "c.png")
    (watched.folder / "a.png").write_bytes(b"another")  # the name is done
    assert [watched.look(), watched.look(), watched.look()] == [[], ["c.png"], []]


def test_growing_file_is_returned_once_complete(watched: Watched) -> None:
    for number in range(4):
        with (watched.folder / "slow.png").open("ab") as file:
            file.write(bytes([number]))
        assert watched.look() == []
    assert watched.look() == ["slow.png"]


def test_partial_file_is_retried_when_it_changes(watched: Watched) -> None:
    (watched.folder / "half.png").write_bytes(b"1")
    assert [watched.look(), watched.look("half.png"), watched.look()] == [[], [], []]
    (watched.folder / "half.png").write_bytes(b"12")
    assert [watched.look(), watched.look(), watched.look()] == [[], ["half.png"], []]


def test_unreadable_file_is_accepted_when_patience_ends(watched: Watched) -> None:
    (watched.folder / "bad.png").write_bytes(b"1")
    looks = [watched.look("bad.png") for _ in range(int(PATIENCE) + 5)]
    assert looks.index(["bad.png"]) == PATIENCE
    assert sum(map(len, looks)) == 1


def test_deleted_file_is_forgotten_and_returned_when_recreated(watched: Watched) -> None:
    (watched.folder / "a.png").write_bytes(b"1")
    watched.look()
    (watched.folder / "a.png").unlink()
    assert [watched.look(), watched.look()] == [[], []]
    (watched.folder / "a.png").write_bytes(b"1")
    assert [watched.look(), watched.look()] == [[], ["a.png"]]


def test_already_processed_files_are_skipped(tmp_path: Path) -> None:
    known = KnownNames()
    known.add(str(tmp_path / "a.png"))
    watched = Watched(tmp_path, known)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"1")
    assert [watched.look(), watched.look()] == [[], ["b.png"]]


def test_number_of_pending_files_is_limited_but_all_are_returned(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_folder, "MOST_WAITING", 3)
    for number in range(8):
        (watched.folder / f"{number}.png").write_bytes(b"1")
    looks = [watched.look() for _ in range(8)]
    assert max(map(len, looks)) == 3
    assert sorted(chain.from_iterable(looks)) == [f"{number}.png" for number in range(8)]


def test_unreadable_folder_is_reported_once(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    (watched.folder / "closed").mkdir()
    (watched.folder / "a.png").write_bytes(b"1")
    looks = [watched.look() for _ in range(int(PATIENCE) + 9)]
    assert looks[1] == ["a.png"]
    assert [look for look in looks if "closed" in look] == [["closed"]]
