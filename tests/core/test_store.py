import os
from pathlib import Path

import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.store import Store, open_store


def put(store, key, size, age):
    with store.writing(key) as path:
        path.write_bytes(b"x" * size)
    os.utime(store.directory / key, (1e9 - age, 1e9 - age))


def test_an_entry_counts_only_when_it_is_whole(tmp_path):
    store = Store(tmp_path, limit_bytes=1000)
    with pytest.raises(RuntimeError, match="stop"), store.writing("a") as path:
        path.write_bytes(b"half")
        assert store.find("a") is None
        raise RuntimeError("stop")
    assert store.find("a") is None
    assert os.listdir(tmp_path) == []


def test_what_was_used_longest_ago_goes_first(tmp_path):
    store = Store(tmp_path, limit_bytes=250)
    put(store, "old", 100, age=300)
    put(store, "older", 100, age=400)
    assert store.find("older") is not None  # used just now
    with store.writing("new") as path:
        path.write_bytes(b"x" * 100)
    assert store.find("old") is None
    assert store.find("older") is not None
    assert store.find("new") is not None


def test_an_entry_that_another_process_removes_meanwhile_is_passed_over(
    tmp_path, monkeypatch
):
    store = Store(tmp_path, limit_bytes=250)
    for key in ("a", "b"):
        put(store, key, 100, age=300)
    original = Path.is_file

    def removed_after(path):
        is_file = original(path)
        if path.name == "a":
            path.unlink(missing_ok=True)
        return is_file

    monkeypatch.setattr(Path, "is_file", removed_after)
    with store.writing("new") as path:
        path.write_bytes(b"x" * 100)
    assert [store.find(key) is not None for key in ("a", "b", "new")] == [False, True, True]
    assert sum(map(sum, store.sizes().values())) == 200


def test_an_entry_that_is_open_can_still_be_read_when_it_goes(tmp_path):
    store = Store(tmp_path, limit_bytes=150)
    put(store, "old", 100, age=300)
    with open(tmp_path / "old", "rb") as file:
        put(store, "new", 100, age=0)
        assert store.find("old") is None
        assert file.read() == b"x" * 100


def test_the_folder_comes_from_the_argument_then_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAUNOS_CACHE_DIR", str(tmp_path / "env"))
    assert open_store().directory == tmp_path / "env"
    assert open_store(tmp_path / "own").directory == tmp_path / "own"


def test_a_folder_that_cannot_be_written_is_an_error_that_says_what_to_set(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"`cache_dir` must be.*KERAUNOS_CACHE_DIR"):
        open_store(tmp_path / "file" / "below")


def test_a_limit_that_is_no_number_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAUNOS_CACHE_LIMIT_GB", "lots")
    with pytest.raises(ConfigError, match="KERAUNOS_CACHE_LIMIT_GB='lots'"):
        open_store(tmp_path)
