import os
import re
from pathlib import Path

import pytest
from helpers import contents
from keraunos.core import files
from keraunos.core.errors import ConfigError
from outside import KINDS, make_outside, plant, snapshot


def test_atomic_write_replaces_the_file_and_leaves_no_temporary(tmp_path):
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


def test_new_directory_appears_only_when_complete(tmp_path):
    path = tmp_path / "made"
    with files.new_directory(path) as part:
        (part / "a").write_text("1")
        assert not path.exists()
    assert (path / "a").read_text() == "1"


def test_failed_new_directory_leaves_nothing(tmp_path):
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


def test_sha256_of_files_and_json(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256_of_file(path) == expected
    assert files.sha256_of_json({"a": 1, "b": 2}) == files.sha256_of_json({"b": 2, "a": 1})
    assert files.sha256_of_json({"a": 1}) != files.sha256_of_json({"a": 2})


WRITERS = {
    "text": lambda path: files.write_text_atomic(path, "ours"),
    "json": lambda path: files.write_json_atomic(path, {"ours": 1}),
    "csv": lambda path: files.write_csv(path, ["ours"], [[1]]),
    "append": lambda path: files.open_to_append(path).close(),
    "folder": files.own_directory,
    "below": lambda path: files.new_directory(path / "step-1").__enter__(),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_is_written_through_a_link_or_into_a_special_file(tmp_path, kind, writer):
    outside = make_outside(tmp_path / "outside")
    plant(tmp_path / "run" / "ours", kind, outside)
    before = snapshot(tmp_path)
    with pytest.raises(ConfigError, match=r"must be a .*ours is .*It is left as it is"):
        WRITERS[writer](tmp_path / "run" / "ours")
    assert snapshot(tmp_path) == before


def test_atomic_write_does_not_change_a_hard_linked_file(tmp_path):
    (tmp_path / "backup").write_text("old")
    os.link(tmp_path / "backup", tmp_path / "ours")
    files.write_text_atomic(tmp_path / "ours", "new")
    assert (tmp_path / "backup").read_text() == "old"


def test_symlink_created_during_a_write_is_not_followed(tmp_path):
    outside = make_outside(tmp_path / "outside")
    before = snapshot(outside)
    with (
        pytest.raises(ConfigError, match="symbolic link"),
        files.replacing(tmp_path / "ours") as temporary,
    ):
        temporary.write_text("new")
        (tmp_path / "ours").symlink_to(outside / "thesis.tex")
    assert snapshot(outside) == before
    assert sorted(os.listdir(tmp_path)) == ["ours", "outside"]


@pytest.mark.parametrize("kind", ["fifo", "link to a folder", "dangling link", "socket"])
def test_only_regular_files_are_read_without_blocking(tmp_path, kind):
    plant(tmp_path / "ours", kind, make_outside(tmp_path / "outside"))
    for read in (files.read_text, files.sha256_of_file):
        with pytest.raises(OSError, match=re.escape(str(tmp_path / "ours"))):
            read(tmp_path / "ours")


@pytest.mark.parametrize("mask", [0o002, 0o077])
def test_permissions_follow_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        files.write_text_atomic(tmp_path / "file", "1")
        files.open_to_append(tmp_path / "log").close()
        files.write_csv(tmp_path / "table", ["a"], [])
        files.own_directory(tmp_path / "folder")
        with files.new_directory(tmp_path / "new"):
            pass
    finally:
        os.umask(before)
    modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    wanted = {name: 0o777 if name in ("folder", "new") else 0o666 for name in modes}
    assert modes == {name: mode & ~mask for name, mode in wanted.items()}


def test_require_plain_checks_only_the_named_folder(tmp_path: Path):
    outside = make_outside(tmp_path / "outside")
    run = tmp_path / "run"
    plant(run / "notes" / "link", "link to a file", outside)
    files.require_plain(run, "checkpoints")
    files.require_plain(tmp_path / "nowhere", "checkpoints")
    plant(run / "checkpoints" / "step-1" / "weights", "link to a file", outside)
    with pytest.raises(ConfigError, match="weights is a symbolic link"):
        files.require_plain(run, "checkpoints")


@pytest.mark.parametrize("interrupted", [0, 1])
def test_interrupted_directory_replacement_leaves_the_old_or_new_one(
    tmp_path, monkeypatch, interrupted
):
    """For example, a signal right after the old one was moved away."""
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "old").touch()
    rename, calls = os.rename, []

    def interrupt(source, target):
        calls.append(source)
        rename(source, target)
        if len(calls) == interrupted + 1:
            raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        files.new_directory(tmp_path / "made", replace=True) as temporary,
    ):
        (temporary / "new").touch()
        monkeypatch.setattr("os.rename", interrupt)
    monkeypatch.undo()
    found = [*contents(tmp_path)]
    assert found == ["made", "made/" + ("old", "new")[interrupted]]
