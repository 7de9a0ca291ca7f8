"""Run directories in use, full or read-only, and runs that fail in theirs."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from helpers import SECONDS_AT_MOST, contents, make_images
from keraunos import CheckpointError, ConfigError, OutOfMemoryError
from keraunos.callbacks import Callback
from keraunos.core.bundle import verify_bundle
from programs import fork_keraunos
from resumable_runs import STEPS, assert_equal, fit, state

HOLDER = """
import sys, time
from pathlib import Path
from keraunos.core.lock import directory_lock

with directory_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def held_by_another_process(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a directory's lock until it is killed."""
    command = [sys.executable, "-c", HOLDER, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_second_process_is_refused_with_the_id_of_the_first(tmp_path: Path) -> None:
    with held_by_another_process(tmp_path) as process:
        before = contents(tmp_path)
        with pytest.raises(ConfigError, match="must not be in use") as error:
            fit(tmp_path, max_epochs=1)
        assert f"process {process.pid} on {socket.gethostname()}" in str(error.value)
        assert contents(tmp_path) == before


@pytest.mark.slow
def test_lock_of_a_killed_process_does_not_block_others(tmp_path: Path) -> None:
    with held_by_another_process(tmp_path) as process:
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert (tmp_path / ".lock").exists()
    assert str(process.pid) in (tmp_path / ".lock-owner").read_text()
    assert fit(tmp_path, max_epochs=1).is_finished
    assert not (tmp_path / ".lock-owner").exists()


DIES_WRITING = """
import os, signal, sys
from pathlib import Path
from keraunos.core.files import write_json_atomic

os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
write_json_atomic(Path(sys.argv[1]) / "environment.json", {})
"""


def test_temporary_file_of_a_killed_process_does_not_block_others(
    tmp_path: Path,
) -> None:
    done = subprocess.run([sys.executable, "-c", DIES_WRITING, tmp_path], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".environment.json-")
    assert fit(tmp_path, max_epochs=1).is_finished
    assert not left.exists()


def typed(folder: Path, run_dir: str) -> tuple[str, ...]:
    """What is typed after `keraunos` to train on images there."""
    data = make_images(folder / "images", {"cat": 3, "dog": 3})
    settings = (f"data.train={data}", "model.weights=null", "data.image_size=32", run_dir)
    return ("fit", "classify", *settings)


def fit_in_a_process(folder: Path, run_dir: str, prefix: Sequence[str] = ()) -> Any:
    """Runs `keraunos fit`, if wanted under a command that drops privileges."""
    return subprocess.run(
        [*prefix, sys.executable, "-m", "keraunos", *typed(folder, run_dir)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
        check=False,
    )


@pytest.mark.slow
def test_directory_in_use_exits_with_code_2_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with held_by_another_process(tmp_path / "run") as process:
        done = fork_keraunos(*typed(tmp_path, "run_dir=run"), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"used_by='process {process.pid} on {socket.gethostname()}'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "run_dir", [pytest.param("locked", marks=pytest.mark.nightly), "locked/run"]
)
def test_read_only_directory_is_refused_before_any_work(
    run_dir: str, tmp_path: Path
) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked").chmod(0o555)
    # Root ignores permissions, so it runs without that privilege.
    prefix = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    done = fit_in_a_process(tmp_path, f"run_dir={run_dir}", prefix=prefix)
    assert done.returncode == 2, done.stderr
    assert f"{tmp_path}/locked can't be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(tmp_path / "locked") == {}


class Witness(Callback):
    """Keeps the error that ended the fit, as a callback that cleans up sees it."""

    every_n_steps = None

    def reset(self) -> None:
        self.error: BaseException | None = None

    def on_exception(self, run: Any, error: BaseException) -> None:
        self.error = error


class Limits(Callback):
    """Limits the size of this process's files once a checkpoint is there."""

    def __init__(self, checkpoint: str, largest_bytes: int) -> None:
        self.checkpoint, self.largest_bytes = checkpoint, largest_bytes
        self.is_reached = False

    def on_checkpoint_saved(self, run: Any, path: Path) -> None:
        if path.name == self.checkpoint:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest_bytes, hard))
            self.is_reached = True

    def on_exception(self, run: Any, error: BaseException) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.slow
def test_checkpoint_that_does_not_fit_leaves_only_earlier_ones(
    tmp_path: Path, whole: Any
) -> None:
    limits, witness = Limits("step-00000004", largest_bytes=300), Witness()
    with pytest.raises(CheckpointError, match="A checkpoint must be written") as error:
        fit(tmp_path, limits, witness)
    assert limits.is_reached
    assert witness.error is error.value
    assert error.value.exit_code == 4
    for words in ("step-00000006-mid-epoch", "free_megabytes=", "free some space"):
        assert words in str(error.value)
    assert_whole(tmp_path, ["step-00000003-mid-epoch", "step-00000004"])
    assert fit(tmp_path).is_finished
    assert_equal(state(tmp_path), whole())


def assert_whole(run: Path, names: list[str]) -> None:
    """Exactly these checkpoints are there, intact, and no temporary file."""
    found = sorted(path.name for path in (run / "checkpoints").glob("step-*"))
    assert found == names
    for name in names:
        verify_bundle(run / "checkpoints" / name)
    assert {path.name for path in run.rglob(".*")} <= {".checksums", ".lock"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mounted)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user can't mount a file system")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


class FillsTheDisk(Callback):
    """Leaves this many bytes free on the run's disk, at a hook."""

    def __init__(self, hook: str, at_step: int, free_bytes: int) -> None:
        self.is_full = False

        def fill(run: Any, *args: Any) -> None:
            if run.step == at_step and not self.is_full:
                left = shutil.disk_usage(run.run_dir).free - free_bytes
                (run.run_dir.parent / "ballast").write_bytes(b"x" * max(left, 0))
                self.is_full = shutil.disk_usage(run.run_dir).free <= free_bytes

        setattr(self, hook, fill)

    def on_train_step_end(self, run: Any) -> None:
        """Defined, so that the loop returns after every step."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hook", "at_step", "free_bytes"),
    [
        ("on_fit_begin", 0, 0),
        ("on_train_step_end", STEPS + 1, 0),
        ("on_train_step_end", STEPS + 1, 8192),
        ("on_epoch_end", 2 * STEPS, 0),
        ("on_checkpoint_saved", 3 * STEPS, 0),
        ("on_fit_end", 3 * STEPS, 4096),
    ],
)
def test_full_disk_raises_checkpoint_error_and_the_run_resumes(
    hook: str, at_step: int, free_bytes: int, small_disk: Path, whole: Any
) -> None:
    filler, witness = FillsTheDisk(hook, at_step, free_bytes), Witness()
    run = small_disk / "run"
    with pytest.raises(CheckpointError, match="No space left on device") as error:
        fit(run, filler, witness)
    assert filler.is_full
    of_the_disk = CheckpointError | OSError | tf.errors.ResourceExhaustedError
    assert isinstance(witness.error, of_the_disk | None)
    assert (witness.error is None) == (hook == "on_fit_end")  # all else was done
    assert error.value.exit_code == 4
    assert "free_megabytes=" in str(error.value)
    assert "free some space" in str(error.value)
    assert {path.name for path in run.rglob(".*")} <= {".checksums", ".lock"}
    (small_disk / "ballast").unlink()
    assert fit(run).is_finished
    assert_equal(state(run), whole())


class Fails(Callback):
    """A user's callback with a bug."""

    def __init__(self, hook: str, at_step: int, error: BaseException) -> None:
        self.times = 0

        def fail(run: Any, *args: Any) -> None:
            if run.step == at_step:
                self.times += 1
                raise error

        setattr(self, hook, fail)

    def on_train_step_end(self, run: Any) -> None:
        """Defined, so that the loop returns after every step."""


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("hook", "at_step"),
    [
        ("on_train_step_end", 6),
        pytest.param("on_validation_end", 8, marks=pytest.mark.slow),
        pytest.param("on_epoch_end", 8, marks=pytest.mark.slow),
        pytest.param("on_fit_end", 12, marks=pytest.mark.slow),
    ],
)
def test_run_resumes_from_its_checkpoint_after_a_callback_error(
    hook: str, at_step: int, tmp_path: Path, whole: Any
) -> None:
    mistake = LookupError("the user's own")
    failing, witness = Fails(hook, at_step, mistake), Witness()
    with pytest.raises(LookupError, match="the user's own") as caught:
        fit(tmp_path, failing, witness)
    assert failing.times == 1
    assert caught.value is witness.error is mistake
    assert any("fail" in entry.name for entry in caught.traceback)
    for path in (tmp_path / "checkpoints").glob("step-*"):
        verify_bundle(path)
    assert fit(tmp_path).is_finished
    assert_equal(state(tmp_path), whole())


def test_cleanup_error_hides_neither_the_first_error_nor_other_callbacks(
    tmp_path: Path,
) -> None:
    first, second = LookupError("the first"), OSError(errno.EIO, "in cleaning up")
    failing, witness = Fails("on_train_step_end", 2, first), Witness()
    worse = Fails("on_exception", 2, second)
    with pytest.raises(LookupError, match="the first") as caught:
        fit(tmp_path, worse, failing, witness)
    assert worse.times == failing.times == 1
    assert witness.error is caught.value is first
    assert "in cleaning up" in "".join(first.__notes__)


class TakesAllMemory(Callback):
    """Asks TensorFlow for more than any machine has."""

    def on_train_step_end(self, run: Any) -> None:
        if run.step == STEPS + 1:
            tf.ones([10**6, 10**9])


@pytest.mark.feature("out of memory")
@pytest.mark.slow
def test_checkpoints_survive_running_out_of_memory(tmp_path: Path) -> None:
    witness = Witness()
    with pytest.raises(
        OutOfMemoryError, match=r"batch_size.*mixed_float16.*accumul"
    ) as error:
        fit(tmp_path, TakesAllMemory(), witness)
    assert witness.error is error.value.__cause__
    assert isinstance(witness.error, tf.errors.ResourceExhaustedError)
    assert error.value.exit_code == 7
    verify_bundle(tmp_path / "checkpoints" / "step-00000004")
    assert fit(tmp_path).is_finished
