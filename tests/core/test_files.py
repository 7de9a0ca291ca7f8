import os

import pytest
from keraunos.core import files


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    files.write_text_atomic(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")
    reached = []

    def refuse(*_):
        reached.append(True)
        raise OSError("no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        files.write_text_atomic(path, "new")
    assert reached
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_directory_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "made"
    with files.new_directory(path) as part:
        (part / "a").write_text("1")
        assert not path.exists()
    assert (path / "a").read_text() == "1"


def test_a_directory_that_fails_leaves_nothing(tmp_path):
    with (
        pytest.raises(RuntimeError, match="stop"),
        files.new_directory(tmp_path / "made") as part,
    ):
        (part / "a").write_text("1")
        raise RuntimeError("stop")
    assert os.listdir(tmp_path) == []


def test_a_directory_is_never_overwritten(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "mine").write_text("1")
    with pytest.raises(FileExistsError), files.new_directory(tmp_path / "made"):
        pass
    assert os.listdir(tmp_path / "made") == ["mine"]


def test_fingerprints(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256_of_file(path) == expected
    assert files.sha256_of_json({"a": 1, "b": 2}) == files.sha256_of_json({"b": 2, "a": 1})
    assert files.sha256_of_json({"a": 1}) != files.sha256_of_json({"a": 2})
