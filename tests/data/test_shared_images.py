"""Processes share decoded images: decoded once, within a limit, or else not cached."""

import hashlib
import json
import os
import pickle
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import make_images
from keraunos import ImageData
from keraunos.core.cache_folder import UNFINISHED
from keraunos.core.shared_store import LIMIT_VARIABLE, open_store
from keraunos.data.files.file_records import FileRecord, FileRecords
from programs import fork_keraunos, wait_for

SIZE, IMAGES = 64, 30

# Reads a folder as a run does; prints what it opened, said, and saw.
READER = """
import hashlib, json, os, resource, sys, time
from pathlib import Path
import numpy as np
from keraunos import ImageData
folder, store, largest_file, start = sys.argv[1:]
opened = []
def note(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".png"):
        opened.append(arguments[0])
sys.addaudithook(note)
Path(start, str(os.getpid())).touch()
while not Path(start, "go").exists():
    time.sleep(0.01)
if int(largest_file):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest_file),) * 2)
data = ImageData.from_folder(
    folder, image_size=64, cache="auto", cache_dir=store, validation_split=0
)
at_start = len(opened)
images = data.train.images(np.arange(data.train.num_examples))
print(json.dumps({
    "opened": at_start,
    "opened_later": len(opened) - at_start,
    "said": data.describe(),
    "seen": hashlib.sha256(images.tobytes()).hexdigest(),
}))
"""


def read_at_once(
    count: int, folder: Path, store: Path, tmp_path: Path, largest_file: int = 0
) -> list[dict[str, Any]]:
    """The answers of `count` processes that read a folder at the same time."""
    script, start = tmp_path / "reader.py", tmp_path / "start"
    script.write_text(READER)
    start.mkdir()
    arguments = (folder, store, largest_file, start)
    with ThreadPoolExecutor(count) as pool:
        asked = [
            pool.submit(fork_keraunos, *arguments, cwd=tmp_path, script=script)
            for _ in range(count)
        ]
        wait_for(lambda: len(list(start.iterdir())) == count)
        (start / "go").touch()
        done = [each.result() for each in asked]
    assert [each.returncode for each in done] == [0] * count, done
    return [json.loads(each.stdout.splitlines()[-1]) for each in done]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shared")
    return make_images(root, {"cat": 17, "dog": IMAGES - 17}, size=SIZE)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with hardly any free space."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def entries(store: Path) -> list[str]:
    return sorted(each.name for each in store.iterdir() if each.name.startswith("images-"))


def leftovers(store: Path) -> list[str]:
    return [each.name for each in store.iterdir() if UNFINISHED.fullmatch(each.name)]


def undisturbed(folder: Path, store: Path) -> Any:
    """The images, read without keeping any."""
    data = ImageData.from_folder(
        folder, image_size=SIZE, cache="none", cache_dir=store, validation_split=0
    )
    return data.train.images(np.arange(IMAGES))


def seen(folder: Path, store: Path) -> str:
    return hashlib.sha256(undisturbed(folder, store).tobytes()).hexdigest()


@pytest.mark.slow
def test_two_processes_starting_together_decode_each_image_once(folder, tmp_path):
    store = tmp_path / "store"
    seen(folder, store)  # all files are known now, and no image is kept
    answers = read_at_once(2, folder, store, tmp_path)
    assert sum(each["opened"] for each in answers) == IMAGES
    assert [each["opened_later"] for each in answers] == [0, 0]
    assert {each["seen"] for each in answers} == {seen(folder, store)}
    assert len(entries(store)) == 1


@pytest.mark.slow
def test_images_are_decoded_on_demand_when_the_cache_cannot_grow(folder, tmp_path):
    largest_file = IMAGES * SIZE * SIZE * 3 // 2  # half of what is needed
    store = tmp_path / "store"
    (answer,) = read_at_once(1, folder, store, tmp_path, largest_file)
    said = "\n".join(answer["said"])
    assert "30 decoded images" in said
    assert "File too large" in said  # the fault did land
    assert answer["opened_later"] == IMAGES
    assert (entries(store), leftovers(store)) == ([], [])
    assert answer["seen"] == seen(folder, store)


@pytest.mark.parametrize("cache", ["auto", "disk"])
def test_images_are_decoded_on_demand_when_the_disk_is_full(
    folder, full_disk, cache, tmp_path
):
    open_store(full_disk)
    (full_disk / "ballast").write_bytes(bytes(56 * 1024))
    data = ImageData.from_folder(
        folder, image_size=SIZE, cache=cache, validation_split=0, cache_dir=full_disk
    )
    said = "\n".join(data.describe())
    assert ("No space left on device" if cache == "disk" else "don't fit") in said
    images = data.train.images(np.arange(IMAGES))
    np.testing.assert_array_equal(images, undisturbed(folder, tmp_path / "store"))
    assert (entries(full_disk), leftovers(full_disk)) == ([], [])
    assert (full_disk / "ballast").stat().st_size == 56 * 1024
    with pytest.raises(OSError, match="No space left"):
        (full_disk / "more").write_bytes(bytes(64 * 1024))


def test_images_exceeding_the_cache_limit_are_not_cached(folder, tmp_path, monkeypatch):
    options = {"image_size": SIZE, "validation_split": 0, "cache_dir": tmp_path}
    needed = IMAGES * SIZE * SIZE * 3
    monkeypatch.setenv(LIMIT_VARIABLE, str((needed - 1) / 1e9))
    data = ImageData.from_folder(folder, **options)
    assert any("don't fit into the cache" in line for line in data.describe())
    assert entries(tmp_path) == []
    monkeypatch.setenv(LIMIT_VARIABLE, str((needed + 1) / 1e9))
    kept = ImageData.from_folder(folder, **options)
    assert not any("cache" in line for line in kept.describe())
    assert len(entries(tmp_path)) == 1
    rows = np.arange(IMAGES)
    np.testing.assert_array_equal(kept.train.images(rows), data.train.images(rows))


def test_each_image_size_has_its_own_cache_entry(folder, tmp_path):
    for size in (32, SIZE):
        ImageData.from_folder(folder, image_size=size, cache_dir=tmp_path)
    assert len(entries(tmp_path)) == 2
    ImageData.from_folder(folder, image_size=SIZE, seed=9, cache_dir=tmp_path)
    assert len(entries(tmp_path)) == 2  # the split makes no difference


def test_leftovers_of_a_killed_process_are_removed_after_a_day(folder, tmp_path):
    names = ".part-old4old4", f".images-{'0' * 64}-fresh123"
    old, fresh = (tmp_path / name for name in names)
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (1, 1))
    ImageData.from_folder(folder, image_size=32, cache_dir=tmp_path)
    assert leftovers(tmp_path) == [fresh.name]


def test_damaged_file_database_is_rebuilt(tmp_path):
    path, image = tmp_path / "files.sqlite", tmp_path / "a.png"
    image.write_bytes(b"image")
    path.write_bytes(b"no database at all" * 100)
    records = FileRecords(path, 1)
    record = FileRecord(b"d" * 32, 3, 4, "")
    status = image.stat()
    records.remember(
        {str(image): record}, {str(image): (status.st_size, status.st_ctime_ns)}
    )
    assert FileRecords(path, 1).find([str(image)]) == {str(image): record}


def test_replaced_file_is_reopened_despite_equal_size_and_mtime(tmp_path):
    root = make_images(tmp_path / "data", {"cat": 3, "dog": 3}, size=32)
    options: dict[str, Any] = {"image_size": 32, "cache_dir": tmp_path / "store"}
    ImageData.from_folder(root, **options)
    first, second = root / "cat/cat-000.png", root / "dog/dog-000.png"
    pixels = [path.read_bytes() for path in (first, second)]
    size = max(map(len, pixels))
    for path, content in zip((first, second), pixels, strict=True):
        path.write_bytes(content.ljust(size, b"\0"))
    ImageData.from_folder(root, **options)
    status = first.stat()
    first.write_bytes(pixels[0][::-1].ljust(size, b"\0"))
    os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (first.stat().st_size, first.stat().st_mtime_ns) == (size, status.st_mtime_ns)
    data = ImageData.from_folder(root, on_unreadable="drop", **options)
    assert str(first) not in [*data.train.names, *data.validation.names]


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_pickled_data_refers_to_shared_images(cache, tmp_path):
    folder = make_images(tmp_path / "images", {"cat": 6, "dog": 5}, size=40)
    store = tmp_path / "store"
    data = ImageData.from_folder(folder, image_size=64, cache=cache, cache_dir=store)
    sent = pickle.dumps(data)
    assert cache == "memory" or len(sent) < 11 * 64 * 64  # less than a tenth of them
    received = pickle.loads(sent)
    for own, other in ((data, received), (data.fold(2, 3), received.fold(2, 3))):
        assert other.train.fingerprint == own.train.fingerprint
        places = np.arange(own.train.num_examples)
        np.testing.assert_array_equal(other.train.images(places), own.train.images(places))
