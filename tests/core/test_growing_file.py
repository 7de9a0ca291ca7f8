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
    """Appends parts and fails then, if that is wanted; returns what was there before."""
    with store.growing(ONE) as file:
        before = file.size
        for part in parts:
            file.append(part)
        if error is not None:
            raise error
    return before


def test_what_was_begun_is_gone_on_with_and_counts_when_it_is_whole(store):
    with pytest.raises(KeyboardInterrupt):
        grow(store, [b"abc", b"de"], KeyboardInterrupt())
    assert store.find(ONE) is None
    assert store.sizes() == {}
    assert grow(store, [b"fg"]) == 5
    assert bytes(store.open(ONE, "u1", (-1,))) == b"abcdefg"
    names = {each.name for each in store.directory.iterdir()}
    assert names == {ONE, TAG}


def test_what_does_not_fit_on_the_disk_leaves_it_to_others(store):
    full = OSError(errno.ENOSPC, "no space left on device")
    with pytest.raises(OSError, match="no space left"):
        grow(store, [b"abc"], full)
    assert [each.name for each in store.directory.iterdir()] == [TAG]


def test_what_was_begun_counts_as_room_for_the_rest(store, monkeypatch):
    with pytest.raises(RuntimeError):
        grow(store, [b"x" * 600], RuntimeError())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=400))
    assert store.fits(ONE, 900)  # of which 600 bytes are there
    assert not store.fits(TWO, 900)
    assert not store.fits(ONE, 950)
    assert not store.fits(ONE, 1001)  # the limit of the store


def test_only_what_is_certain_is_gone_on_with(tmp_path, monkeypatch):
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


def test_clearing_removes_what_was_begun_unless_somebody_is_at_it(store):
    with pytest.raises(RuntimeError):
        grow(store, [b"abc"], RuntimeError())
    with store.lock(ONE):
        assert Store(store.directory, 1000).clear() == 0
    assert store.clear("images") == 0
    assert store.clear("features") > 0
    assert grow(store, [b"x"]) == 0


@pytest.mark.parametrize("left", [b"", b"ab", b"abX", b"Xbc and more"])
def test_what_was_begun_and_is_damaged_is_begun_again(tmp_path, left, capsys):
    path = tmp_path / "file"
    with GrowingFile(path) as file:
        file.append(b"abc")
    path.write_bytes(left)
    with GrowingFile(path) as again:
        assert again.size == 0
        again.append(b"abcd")
    assert path.read_bytes() == b"abcd"
    assert "damaged" in capsys.readouterr().err


def test_what_was_cut_is_gone_on_with(tmp_path):
    path = tmp_path / "file"
    with GrowingFile(path) as file:
        file.append(b"abcde")
        file.cut(3)
        file.append(b"x")
    with GrowingFile(path) as again:
        assert again.size == 4
