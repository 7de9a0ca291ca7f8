import hashlib
import os
import socket
from pathlib import Path

import pytest
from keraunos.core.cache_folder import TAG
from keraunos.core.errors import ConfigError
from keraunos.core.shared_store import open_store
from keraunos.core.store import Store

CHECKSUMS = 28  # bytes that they take at the end of a small entry


def key(name, kind="features"):
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()}"


def put(store, name, size, age):
    with store.writing(key(name)) as path:
        path.write_bytes(b"x" * (size - CHECKSUMS))
    os.utime(store.directory / key(name), (1e9 - age, 1e9 - age))


def test_entry_counts_only_when_complete(tmp_path):
    store = Store(tmp_path, limit_bytes=1000)
    with pytest.raises(RuntimeError, match="stop"), store.writing(key("a")) as path:
        path.write_bytes(b"half")
        assert store.find(key("a")) is None
        raise RuntimeError("stop")
    assert store.find(key("a")) is None
    assert os.listdir(tmp_path) == [TAG]


def test_store_creates_its_folder_on_first_write(tmp_path):
    store = Store(tmp_path / "new" / "cache", limit_bytes=1000)
    assert store.find(key("a")) is None
    assert store.open(key("a"), "u1", (-1,)) is None
    assert store.sizes() == {}
    assert os.listdir(tmp_path) == []
    put(store, "a", 100, age=0)
    assert sorted(os.listdir(store.directory)) == [TAG, key("a")]


def test_store_writes_nothing_into_a_foreign_folder(tmp_path):
    (tmp_path / "thesis.txt").touch()
    store = Store(tmp_path, limit_bytes=1000)
    with pytest.raises(ConfigError, match=r"thesis\.txt"):
        put(store, "a", 100, age=0)
    with pytest.raises(ConfigError, match=r"thesis\.txt"):
        store.clear()
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_least_recently_used_entry_is_evicted_first(tmp_path):
    store = Store(tmp_path, limit_bytes=250)
    put(store, "old", 100, age=300)
    put(store, "older", 100, age=400)
    assert store.find(key("older")) is not None  # used just now
    with store.writing(key("new")) as path:
        path.write_bytes(b"x" * (100 - CHECKSUMS))
    assert store.find(key("old")) is None
    assert store.find(key("older")) is not None
    assert store.find(key("new")) is not None


def test_entry_removed_by_another_process_during_eviction_is_skipped(tmp_path, monkeypatch):
    store = Store(tmp_path, limit_bytes=250)
    for name in ("a", "b"):
        put(store, name, 100, age=300)
    original = Path.iterdir

    def removed_after(path):
        listed = [*original(path)]
        (path / key("a")).unlink(missing_ok=True)
        return iter(listed)

    monkeypatch.setattr(Path, "iterdir", removed_after)
    with store.writing(key("n")) as path:
        path.write_bytes(b"x" * (100 - CHECKSUMS))
    there = [store.find(key(name)) is not None for name in ("a", "b", "n")]
    assert there == [False, True, True]
    assert sum(map(sum, store.sizes().values())) == 200


def test_open_entry_stays_readable_after_eviction(tmp_path):
    store = Store(tmp_path, limit_bytes=150)
    put(store, "old", 100, age=300)
    with open(tmp_path / key("old"), "rb") as file:
        put(store, "new", 100, age=0)
        assert store.find(key("old")) is None
        assert file.read().startswith(b"x" * (100 - CHECKSUMS))


def test_the_folder_comes_from_the_argument_then_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAUNOS_CACHE_DIR", str(tmp_path / "env"))
    assert open_store().directory == tmp_path / "env"
    assert open_store(tmp_path / "own").directory == tmp_path / "own"


def test_error_of_an_unwritable_folder_names_the_settings(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"`cache_dir` must be.*KERAUNOS_CACHE_DIR"):
        open_store(tmp_path / "file" / "below")


def test_non_numeric_limit_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAUNOS_CACHE_LIMIT_GB", "lots")
    with pytest.raises(ConfigError, match="KERAUNOS_CACHE_LIMIT_GB='lots'"):
        open_store(tmp_path)


def outside(root):
    """A snapshot of everything below a folder, to show that it is untouched."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = (
            path.read_bytes()
            if path.is_file()
            else os.readlink(path)
            if path.is_symlink()
            else None
        )
        found[path] = (status.st_ino, status.st_mode, status.st_mtime_ns, content)
    return found


OTHERS = [
    "cat.jpg",
    "features-2024",
    "images-holiday",
    "files.sqlite.bak",
    ".hidden",
    key("a") + ".jpg",
    TAG,
]


@pytest.mark.parametrize("name", OTHERS)
def test_foreign_folder_is_rejected_untouched(tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    (tmp_path / key("old")).write_bytes(b"an entry by name")
    before = outside(tmp_path)
    with pytest.raises(
        ConfigError, match=r"it contains something else .*left as it is"
    ) as error:
        open_store(tmp_path)
    assert name in str(error.value)
    assert outside(tmp_path) == before


@pytest.mark.parametrize("name", OTHERS[:-1])
def test_foreign_files_in_a_cache_are_neither_counted_nor_removed(tmp_path, name):
    store = open_store(tmp_path)
    put(store, "old", 100, age=300)
    (tmp_path / name).write_bytes(b"m" * 5000)
    os.utime(tmp_path / name, (1, 1))
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "dog.jpg").write_bytes(b"m" * 5000)
    store = Store(tmp_path, limit_bytes=250)
    put(store, "new", 100, age=0)
    assert store.sizes() == {"features": [100, 100]}
    assert store.clear() == 200
    assert {each.name for each in tmp_path.iterdir()} == {TAG, name, "album"}
    assert (tmp_path / "album" / "dog.jpg").exists()


def test_cache_of_an_earlier_version_is_recognized_and_tagged(tmp_path):
    growing = f".growing-{key('g')}"
    drawn = tmp_path / "lesions-1-0" / "train" / "nevus"
    drawn.mkdir(parents=True)
    names = [
        key("a"),
        key("b", "weights"),
        key("c", "near-1003-2"),
        "files.sqlite",
        "fingerprints.sqlite",
        "files.sqlite-journal",
        ".part-abc_12xy",
        growing,
        f"{growing}.size",
        f".{growing}.size-abcdefgh",
        f".{key('a')}.lock",
        ".lesions-1-0.lock",
    ]
    for name in names:
        (tmp_path / name).write_bytes(b"1")
    store = open_store(tmp_path)
    assert (
        (tmp_path / TAG)
        .read_text()
        .startswith("Signature: 8a477f597d28d172789f06886806bc55")
    )
    assert store.sizes().keys() == {"features", "files", "fingerprints", "near", "weights"}
    (tmp_path / "notes.txt").write_text("mine")  # from now on that does no harm
    assert open_store(tmp_path).clear() == 7
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert drawn.is_dir()


@pytest.mark.parametrize(
    "name", ["files.sqlite", key("a"), f".{key('a')}.lock", f".growing-{key('a')}", TAG]
)
@pytest.mark.parametrize("kind", ["link", "fifo", "socket"])
def test_cache_with_links_or_special_files_is_rejected_at_once(tmp_path, name, kind):
    (tmp_path / "mine").write_bytes(b"mine")
    cache = tmp_path / "cache"
    if name != TAG:
        open_store(cache)
    cache.mkdir(exist_ok=True)
    if kind == "link":
        (cache / name).symlink_to(tmp_path / "mine")
    elif kind == "fifo":
        os.mkfifo(cache / name)
    else:
        with socket.socket(socket.AF_UNIX) as made:
            folder = os.open(cache, os.O_RDONLY)  # the full path would be too long
            made.bind(f"/proc/self/fd/{folder}/{name}")
            os.close(folder)
    before = outside(tmp_path)
    with pytest.raises(ConfigError, match="must be a regular file or a directory"):
        open_store(cache)
    assert outside(tmp_path) == before


def test_cache_folder_may_be_a_symlink(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "disk")
    store = open_store(tmp_path / "cache")
    put(store, "a", 50, age=0)
    assert store.directory == tmp_path / "disk"
    assert (tmp_path / "disk" / key("a")).stat().st_size == 50


def test_invalid_key_raises_value_error(tmp_path):
    store = open_store(tmp_path)
    for wrong in ("numbers", "../features", "features-1", key("a", "photos")):
        with pytest.raises(ValueError, match="not a key"), store.writing(wrong):
            pass
    assert os.listdir(tmp_path) == [TAG]


@pytest.mark.parametrize("mask", [0o002, 0o077])
def test_permissions_of_entries_and_locks_follow_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        store = open_store(tmp_path / "cache")
        put(store, "a", 50, age=0)
        with store.growing(key("b")) as file:
            file.append(b"1")
        with store.lock(key("a")):
            modes = {each.stat().st_mode & 0o777 for each in store.directory.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o666 & ~mask}
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o777 & ~mask


def directory(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:60]),
        lambda path: path.write_bytes(b"X" + path.read_bytes()[1:]),
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"X"),
        lambda path: path.write_bytes(b"x" * 100),  # as earlier versions wrote it
    ],
)
def test_damaged_entry_is_reported_and_recreated(tmp_path, damage, capsys):
    store = Store(tmp_path, limit_bytes=1000)
    put(store, "a", 100, age=0)
    assert bytes(store.open(key("a"), "u1", (-1,))) == b"x" * 72
    damage(tmp_path / key("a"))
    assert store.open(key("a"), "u1", (-1,)) is None
    assert f"{key('a')} in the cache is damaged" in capsys.readouterr().err
    assert store.find(key("a")) is None
    put(store, "a", 100, age=0)
    assert bytes(store.open(key("a"), "u1", (-1,))) == b"x" * 72


def test_directory_in_place_of_an_entry_is_not_an_entry_and_is_kept(tmp_path):
    store = Store(tmp_path, limit_bytes=1000)
    put(store, "a", 100, age=0)
    directory(tmp_path / key("a"))
    assert store.open(key("a"), "u1", (-1,)) is None
    with pytest.raises(ConfigError, match="must be a regular file"):
        put(store, "a", 100, age=0)
    assert (tmp_path / key("a")).is_dir()
