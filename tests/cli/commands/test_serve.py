"""`keraunos serve` rejects what can't be served before anything is loaded."""

import dataclasses
import socket
import subprocess
import sys

import pytest
import typer
from helpers import SECONDS_AT_MOST
from keraunos.cli.commands.serve import MODULES, TOKEN_VARIABLE
from keraunos.cli.main import app, main
from keraunos.core.extras import install_command
from keraunos.serving.settings import ServeSettings

COMMANDS = typer.main.get_command(app).commands


def test_each_serve_setting_is_an_option_with_default_and_description():
    options = {each.name: each for each in COMMANDS["serve"].params}
    for field in dataclasses.fields(ServeSettings):
        if field.name != "token":
            assert options[field.name].default == field.default
            assert options[field.name].opts == [f"--{field.name.replace('_', '-')}"]
            assert options[field.name].help.endswith(".")


def test_help_hides_the_worker_command(capsys):
    main(["--help"])
    assert "serve-worker" not in capsys.readouterr().out


@pytest.fixture
def refused(capsys):
    """Runs the command, which must end with code 2, and returns what it wrote."""

    def run(*arguments):
        assert main(["serve", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize("module", MODULES)
def test_missing_package_error_shows_the_install_command(
    refused, tmp_path, monkeypatch, module
):
    monkeypatch.setitem(sys.modules, module, None)
    error = refused(tmp_path)
    assert install_command("serve") in error
    assert f"missing='{module}'" in error


def test_path_that_is_not_a_directory_is_rejected(refused, tmp_path):
    assert "A model is the directory of a run" in refused(tmp_path / "missing")


def test_port_already_in_use_is_an_error(refused, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port={port}" in refused(tmp_path, "--port", port)


def test_all_invalid_settings_are_reported_at_once(refused, tmp_path):
    error = refused(tmp_path, "--workers", 0, "--max-wait-ms", "nan")
    assert "`workers`" in error
    assert "`max_wait_ms`" in error


def test_weak_token_is_rejected_and_never_printed(refused, tmp_path, monkeypatch):
    file = tmp_path / "token"
    file.write_text("tooshort\n")
    error = refused(tmp_path, "--token-file", file)
    assert "16 printable" in error
    assert "tooshort" not in error
    assert "can be read" in refused(tmp_path, "--token-file", tmp_path)
    assert "can be read" in refused(tmp_path, "--token-file", tmp_path / "missing")
    monkeypatch.setenv(TOKEN_VARIABLE, "tooshort")
    assert "tooshort" not in refused(tmp_path)


@pytest.mark.nightly
def test_rejected_model_ends_the_server_with_the_reason(tmp_path):
    """No code of the model is executed, and no process is left running."""
    (tmp_path / "model.json").write_text('{"format": "pickle", "file": "../../etc/passwd"}')
    command = [sys.executable, "-m", "keraunos", "serve", str(tmp_path), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_AT_MOST)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
