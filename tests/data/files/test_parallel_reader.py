"""Processes read the same as threads, and a killed process is not needed."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_image
from keraunos.core.errors import ConfigError, DataError
from keraunos.data.files import parallel_reader
from keraunos.data.files.decoding_process import DecodingProcess
from keraunos.data.files.parallel_reader import (
    CPUS_FOR_THREADS,
    FILES_FOR_THREADS,
    PROCESSES_VARIABLE,
    ParallelReader,
    num_processes,
)
from keraunos.data.files.pixel_rules import DEFAULT_RULES
from keraunos.data.files.read_file import File, read_into
from PIL import ExifTags, Image

SIZE = 32


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[File]:
    """Images of several formats and sizes, one of them to be rotated."""
    folder = tmp_path_factory.mktemp("images")
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    for number, name in enumerate(["a.jpg", "b.png", "c.webp", "d.bmp", "e.gif", "f.jpg"]):
        smooth_image(number, 150 + number, 90).save(folder / name)
    smooth_image(9, 300, 200).save(folder / "turned.jpg", exif=turned)
    paths = sorted(folder.iterdir())
    return [(str(path), hashlib.sha256(path.read_bytes()).digest()) for path in paths]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(PROCESSES_VARIABLE, "2")
    yield
    monkeypatch.undo()


def read(files: list[File], reader: ParallelReader) -> np.ndarray:
    return np.stack(list(reader.read(files, SIZE, DEFAULT_RULES)))


@pytest.mark.slow
def test_processes_and_threads_read_identical_pixels(files, processes, monkeypatch):
    (bad := Path(files[0][0]).with_name("bad.jpg")).write_bytes(b"\xff\xd8\xff no image")
    paths = [*(path for path, _ in files), str(bad), str(bad.with_name("none.jpg"))]
    with ParallelReader(len(files)) as reader:
        found = read(files, reader), list(reader.inspect(paths, True, DEFAULT_RULES))
        batch = reader.read_batch(files, SIZE, DEFAULT_RULES)
        other = [(path, b"another") for path, _ in files]
        with pytest.raises(DataError, match="its content has changed") as by_process:
            reader.read_batch(other, SIZE, DEFAULT_RULES)
    monkeypatch.setenv(PROCESSES_VARIABLE, "0")
    with ParallelReader(len(files)) as reader:
        expected = read(files, reader)
        inspections = list(reader.inspect(paths, True, DEFAULT_RULES))
        with pytest.raises(DataError) as by_thread:
            reader.read_batch(other, SIZE, DEFAULT_RULES)
    np.testing.assert_array_equal(found[0], expected)
    np.testing.assert_array_equal(batch, expected)
    assert len({image.tobytes() for image in expected}) == len(files)
    assert [each.record for each in found[1]] == [each.record for each in inspections]
    assert [e.fingerprint for e in found[1]] == [e.fingerprint for e in inspections]
    assert str(by_process.value) == str(by_thread.value)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "lines"), [(signal.SIGTERM, 0), (signal.SIGKILL, 1)])
def test_files_of_a_killed_process_are_read_in_this_process(
    files, monkeypatch, capsys, number, lines
):
    started = []

    class Signalled(DecodingProcess):
        def __init__(self) -> None:
            super().__init__()
            self.inspect_files([], False, DEFAULT_RULES)  # it has begun
            started.append(self._process)
            os.kill(self._process.pid, number)

    expected = np.empty((len(files), SIZE, SIZE, 3), np.uint8)
    read_into(expected, files, DEFAULT_RULES)
    monkeypatch.setenv(PROCESSES_VARIABLE, "1")
    monkeypatch.setattr(parallel_reader, "DecodingProcess", Signalled)
    with ParallelReader(len(files)) as reader:
        np.testing.assert_array_equal(read(files, reader), expected)
    assert capsys.readouterr().err.count("was ended by SIGKILL") == lines
    assert [process.poll() for process in started] == [-signal.SIGKILL]


OWNER = """
import time
from keraunos.data.files.decoding_process import DecodingProcess
owned = DecodingProcess()
print(owned._process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_decoding_process_ends_when_its_owner_is_killed():
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        child = Path("/proc", owner.stdout.readline().decode().strip())
        assert child.exists()
        owner.kill()
    deadline = time.monotonic() + 30
    while child.exists() and "(zombie)" not in (child / "status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("cpus", "num_files", "expected"),
    [
        (CPUS_FOR_THREADS, 10**6, 0),
        (CPUS_FOR_THREADS + 1, 10**6, CPUS_FOR_THREADS + 1),
        (16, FILES_FOR_THREADS - 1, 0),
        (16, FILES_FOR_THREADS, 16),
        (256, 10**6, 64),
    ],
)
def test_processes_are_used_only_for_many_files_and_cpus(
    monkeypatch, cpus, num_files, expected
):
    monkeypatch.setattr(parallel_reader, "usable_cpus", lambda: cpus)
    assert num_processes(num_files) == expected


def test_environment_variable_sets_the_number_of_processes(monkeypatch):
    for text in ("0", "3"):
        monkeypatch.setenv(PROCESSES_VARIABLE, text)
        assert num_processes(10**6) == num_processes(1) == int(text)
    monkeypatch.setenv(PROCESSES_VARIABLE, "many")
    with pytest.raises(ConfigError, match="KERAUNOS_DECODING_PROCESSES='many'"):
        num_processes(1)
