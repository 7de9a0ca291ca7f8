import os

import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.user_path import user_path


def test_tilde_is_expanded_to_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/data") == tmp_path / "data"
    assert str(user_path("a/../~b")) == "a/../~b"


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "x" * 300, "y/" * 3000, "a\0b"])
def test_impossible_path_is_rejected_with_an_explanation(path):
    with pytest.raises(ConfigError, match=r"A path .* Received: path="):
        user_path(path)


def test_circular_symlink_is_rejected_with_an_explanation(tmp_path):
    os.symlink("loop", tmp_path / "loop")
    with pytest.raises(ConfigError, match="symbolic links"):
        user_path(tmp_path / "loop" / "x")
