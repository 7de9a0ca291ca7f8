import errno
import shutil
from types import SimpleNamespace

import pytest
from keraunos.core import growing_file
from keraunos.core.cache_folder import TAG
from keraunos.core.growing_file import GrowingFile
from keraunos.core.store import Store

ONE, TWO = (f"features-{digit * 64}" for digit in "12")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path, limit_bytes=1000)


def grow(store, parts, error=None):
    """Appends parts, then raises the error if there is one; returns the size before."""
    with store.growing(ONE) as file:
        before = file.size
        for part in parts:
            file.append(part)
        if error is not None:
            raise error
    return before


def test_interrupted_entry_resumes_and_counts_only_when_complete(store):
    with pytest.raises(KeyboardInterrupt):
        grow(store, [b"abc", b"de"], KeyboardInterrupt())
    assert store.find(ONE) is None
    assert store.sizes() == {}
    assert grow(store, [b"fg"]) == 5
    assert bytes(store.open(ONE, "u1", (-1,))) == b"abcdefg"
    names = {each.name for each in store.directory.iterdir()}
    assert names == {ONE, TAG}


def test_entry_that_fills_the_disk_is_removed(store):
    full = OSError(errno.ENOSPC, "no space left on device")
    with pytest.raises(OSError, match="no space left"):
        grow(store, [b"abc"], full)
    assert [each.name for each in store.directory.iterdir()] == [TAG]


def test_partial_entry_counts_toward_the_required_space(store, monkeypatch):
    with pytest.raises(RuntimeError):
        grow(store, [b"x" * 600], RuntimeError())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=400))
    assert store.fits(ONE, 900)  # 600 bytes of it exist already
    assert not store.fits(TWO, 900)
    assert not store.fits(ONE, 950)
    assert not store.fits(ONE, 1001)  # the limit of the store


def test_resume_uses_only_data_known_to_be_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(growing_file, "SECONDS_BETWEEN_NOTES", 0.0)
    path = tmp_path / "file"
    file = GrowingFile(path)
    file.append(b"abc")
    monkeypatch.setattr(growing_file, "SECONDS_BETWEEN_NOTES", 1e9)
    file.append(b"not on the disk for certain")
    file._file.close()  # as a kill does
    assert path.stat().st_size > 3
    with GrowingFile(path) as again:
        assert again.size == 3
        again.append(b"d")
    assert path.read_bytes() == b"abcd"


def test_clear_removes_partial_entries_unless_locked(store):
    with pytest.raises(RuntimeError):
        grow(store, [b"abc"], RuntimeError())
    with store.lock(ONE):
        assert Store(store.directory, 1000).clear() == 0
    assert store.clear("images") == 0
    assert store.clear("features") > 0
    assert grow(store, [b"x"]) == 0


@pytest.mark.parametrize("left", [b"", b"ab", b"abX", b"Xbc and more"])
def test_damaged_partial_entry_starts_over(tmp_path, left, capsys):
    path = tmp_path / "file"
    with GrowingFile(path) as file:
        file.append(b"abc")
    path.write_bytes(left)
    with GrowingFile(path) as again:
        assert again.size == 0
        again.append(b"abcd")
    assert path.read_bytes() == b"abcd"
    assert "damaged" in capsys.readouterr().err


def test_truncated_entry_can_be_resumed(tmp_path):
    path = tmp_path / "file"
    with GrowingFile(path) as file:
        file.append(b"abcde")
        file.cut(3)
        file.append(b"x")
    with GrowingFile(path) as again:
        assert again.size == 4
