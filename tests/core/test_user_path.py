import os

import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.user_path import user_path


def test_the_home_folder_is_that_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/data") == tmp_path / "data"
    assert str(user_path("a/../~b")) == "a/../~b"


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "x" * 300, "y/" * 3000, "a\0b"])
def test_what_can_be_no_path_is_refused_in_words(path):
    with pytest.raises(ConfigError, match=r"A path .* Received: path="):
        user_path(path)


def test_a_link_to_itself_is_refused_in_words(tmp_path):
    os.symlink("loop", tmp_path / "loop")
    with pytest.raises(ConfigError, match="symbolic links"):
        user_path(tmp_path / "loop" / "x")
