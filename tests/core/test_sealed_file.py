"""A file in which any byte has changed since it was sealed is never read."""

import numpy as np
import pytest
from keraunos.core import sealed_file
from keraunos.core.sealed_file import open_sealed, seal


@pytest.fixture
def sealed(tmp_path, monkeypatch):
    """Seven blocks, the last of which is not full."""
    monkeypatch.setattr(sealed_file, "_BLOCK", 64)
    path = tmp_path / "numbers"
    np.arange(100, dtype="<i4").tofile(path)
    seal(path)
    return path


def test_sealed_file_opens_read_only(sealed):
    numbers = open_sealed(sealed, "<i4", (50, 2))
    assert numbers.tolist() == np.arange(100).reshape(50, 2).tolist()
    assert not numbers.flags.writeable


@pytest.mark.slow
def test_flipped_bit_is_detected_at_any_position(sealed):
    content = sealed.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        sealed.write_bytes(damaged)
        with pytest.raises(ValueError, match="it"):
            open_sealed(sealed, "<i4", (-1,))


def test_truncation_is_detected_at_any_length(sealed):
    content = sealed.read_bytes()
    for length in range(len(content)):
        sealed.write_bytes(content[:length])
        with pytest.raises(ValueError, match="it"):
            open_sealed(sealed, "<i4", (-1,))


def test_zeroed_block_is_detected(sealed):
    content = bytearray(sealed.read_bytes())
    content[64:128] = bytes(64)  # as a power cut leaves it
    sealed.write_bytes(content)
    with pytest.raises(ValueError, match="1 of its 7 blocks"):
        open_sealed(sealed, "<i4", (-1,))


def test_unsealed_file_of_an_earlier_version_is_rejected(tmp_path):
    path = tmp_path / "old"
    np.arange(100).tofile(path)
    with pytest.raises(ValueError, match="end is missing"):
        open_sealed(path, "<i8", (-1,))


def test_empty_file_can_be_sealed(tmp_path):
    path = tmp_path / "nothing"
    path.touch()
    seal(path)
    assert open_sealed(path, "<i8", (-1, 2)).shape == (0, 2)


def test_unchanged_file_is_verified_only_once(sealed, monkeypatch):
    compared = []
    compare = sealed_file._compare
    monkeypatch.setattr(
        sealed_file, "_compare", lambda *parts: (compared.append(1), compare(*parts))
    )
    for _ in range(2):
        open_sealed(sealed, "<i4", (-1,))
    assert len(compared) == 1
