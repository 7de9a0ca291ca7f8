"""`keraunos tensorboard`: arguments, signals and exit code, without TensorBoard."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from keraunos.cli.commands import tensorboard
from keraunos.cli.commands.tensorboard import run_forwarding


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The commands that would have been started; each exits with code 7."""
    commands = []
    monkeypatch.setattr(
        tensorboard, "run_forwarding", lambda command: commands.append(command) or 7
    )
    for name in ("runs/a", "runs/b", "others/a", "odd,name"):
        (tmp_path / name).mkdir(parents=True)
    return commands


def arguments(started):
    (command,) = started
    assert command[:4] == [sys.executable, "-P", "-m", "tensorboard.main"]
    return command[4:]


def test_single_folder_becomes_the_logdir_and_exit_code_is_returned(
    keraunos, started, tmp_path
):
    assert keraunos("tensorboard", "runs/a").code == 7
    assert arguments(started) == ["--logdir", f"{tmp_path}/runs/a", "--host", "127.0.0.1"]


def test_without_a_folder_all_runs_are_shown(keraunos, started, tmp_path):
    keraunos("tensorboard")
    assert arguments(started)[1] == f"{tmp_path}/runs"


def test_several_runs_are_passed_with_their_names(keraunos, started, tmp_path):
    keraunos("tensorboard", "runs/a", "runs/b")
    spec = f"a:{tmp_path}/runs/a,b:{tmp_path}/runs/b"
    assert arguments(started)[:2] == ["--logdir_spec", spec]


def test_runs_with_the_same_name_are_labeled_by_path(keraunos, started, tmp_path):
    keraunos("tensorboard", "runs/a", "others/a")
    names = [part.split(":")[0] for part in arguments(started)[1].split(",")]
    assert names == [f"{tmp_path}/runs/a"[1:], f"{tmp_path}/others/a"[1:]]


@pytest.mark.parametrize("option", ["--bind_all", "--host=0.0.0.0"])
def test_options_after_two_dashes_are_passed_through(keraunos, started, option):
    keraunos("tensorboard", "runs/a", "--", "--port", "6007", option)
    assert arguments(started)[2:] == ["--port", "6007", option]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["nowhere"], "RUN must be a folder. Received: runs=['nowhere']"),
        (["runs/a", "odd,name"], "separates several folders by commas"),
    ],
)
def test_invalid_folders_exit_with_code_2(keraunos, started, names, words):
    answer = keraunos("tensorboard", *names)
    assert (answer.code, started) == (2, [])
    assert words in answer.err


def test_signal_is_forwarded_and_the_exit_code_is_returned(tmp_path):
    script = (
        "import pathlib, signal, sys\n"
        f"ready = pathlib.Path({str(tmp_path / 'ready')!r})\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "ready.touch()\n"
        "signal.pause()\n"
    )

    def send(ready: Path) -> None:
        while not ready.exists():
            pass_time.wait(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    pass_time = threading.Event()
    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=send, args=(tmp_path / "ready",), daemon=True).start()
    assert run_forwarding([sys.executable, "-S", "-c", script]) == 5
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("count", [40, 41])
@pytest.mark.parametrize("part", ["scores", "events"])
def test_url_filter_is_suggested_beyond_40_runs(
    keraunos, tmp_path, monkeypatch, count, part
):
    monkeypatch.setattr("keraunos.cli.commands.tensorboard.run_forwarding", lambda _: 0)
    for name in [part, *(f"run-{number}" for number in range(1, count))]:
        (tmp_path / name).mkdir()
        for file in "ab":
            (tmp_path / name / f"events.out.tfevents.{file}").touch()
    answer = keraunos("tensorboard", tmp_path)
    assert answer.code == 0
    assert "append #custom_scalars&_smoothingWeight=0" in answer.err
    for line in ("selects none of 41 runs", f"&regexInput={part} "):
        assert (line in answer.err) == (count == 41)
