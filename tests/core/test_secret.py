"""The token of a run comes from the environment, or from a file of the user."""

import os
from pathlib import Path

import pytest
from keraunos import ConfigError
from keraunos.core.secret import TOKEN_VARIABLE, find_token, is_loopback, new_token

HERE = ["127.0.0.1", "localhost"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the user's token file, which does not exist yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    return tmp_path / "state" / "keraunos" / "token"


def test_token_from_the_environment_is_stripped_of_newlines() -> None:
    for hosts in (HERE, ["gpu01", "gpu02"]):
        assert (
            find_token(hosts, {TOKEN_VARIABLE: "0123456789abcdef\n"}) == "0123456789abcdef"
        )


@pytest.mark.parametrize("hosts", [["gpu01"], [*HERE, "10.0.0.2"], ["0.0.0.0"]])
def test_several_machines_require_a_token(hosts: list[str], file: Path) -> None:
    with pytest.raises(ConfigError, match=f"{TOKEN_VARIABLE} is not set.*token_hex"):
        find_token(hosts)
    assert not file.exists()


def test_short_token_is_rejected_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="at least 16 characters") as caught:
        find_token(HERE, {TOKEN_VARIABLE: "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_new_tokens_differ_and_are_long_enough() -> None:
    tokens = {new_token() for _ in range(10)}
    assert len(tokens) == 10
    assert all(find_token([], {TOKEN_VARIABLE: token}) == token for token in tokens)


def test_token_on_one_machine_is_a_private_file(file: Path) -> None:
    before = os.umask(0)
    try:
        token = find_token(HERE)
    finally:
        os.umask(before)
    assert len(token) == 64
    assert find_token(HERE) == token == file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_concurrent_processes_get_the_same_token(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.lexists", lambda path: False)  # another one is faster
    assert {find_token(HERE) for _ in range(3)} == {file.read_text()}
    assert os.listdir(file.parent) == ["token"]


def is_a_link(file: Path) -> None:
    file.with_name("elsewhere").write_text(new_token())
    file.with_name("elsewhere").chmod(0o600)
    file.symlink_to("elsewhere")


def is_readable(file: Path) -> None:
    file.write_text(new_token())
    file.chmod(0o640)


def is_a_pipe(file: Path) -> None:
    os.mkfifo(file, 0o600)


def is_empty(file: Path) -> None:
    file.touch(0o600)


def is_a_directory(file: Path) -> None:
    file.mkdir(0o700)


@pytest.mark.parametrize(
    "spoil", [is_a_link, is_readable, is_a_pipe, is_empty, is_a_directory]
)
def test_untrusted_token_file_is_rejected(spoil: object, file: Path) -> None:
    file.parent.mkdir(parents=True)
    spoil(file)  # type: ignore[operator]
    with pytest.raises(ConfigError, match=TOKEN_VARIABLE):
        find_token(HERE)


def test_error_of_an_unwritable_home_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match=f"Set {TOKEN_VARIABLE}"):
        find_token(HERE)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected
