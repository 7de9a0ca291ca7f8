"""A file of rows is intact up to its noted position, and resumes only as it began."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from keraunos.core.errors import CheckpointError, ConfigError
from keraunos.data.streams.image_names import ImageName
from keraunos.prediction.output import Progress, ResumableFile

HEAD = b"file\n"
MADE_OF = {"model": "abc", "columns": ("file", "x"), "images": ["a", "b\udcff"]}


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def opened(folder: Path, resume: bool = False, **options: Any) -> ResumableFile:
    made_of = MADE_OF | options.pop("made_of", {})
    return ResumableFile(folder / "it.csv", HEAD, made_of, resume, **options)


def write(output: ResumableFile, *rows: int) -> None:
    for row in rows:
        last = ImageName(f"{row}\udcff.png", argument=1, number=row)
        output.append(f"{row}\n".encode(), Progress(last, output.progress.rows + 1, row))


@pytest.fixture
def interrupted(tmp_path: Path) -> Path:
    with opened(tmp_path) as output:
        write(output, 1, 2)
    return tmp_path


def test_file_gets_its_name_when_finished(tmp_path: Path) -> None:
    (tmp_path / "it.csv").write_text("earlier")
    with opened(tmp_path) as output:
        write(output, 1)
        assert (tmp_path / "it.csv").read_text() == "earlier"
        output.finish()
    assert contents(tmp_path) == {"it.csv": b"file\n1\n"}


def test_interrupted_file_resumes_after_its_last_row(interrupted: Path) -> None:
    with (interrupted / "it.csv.partial").open("ab") as file:
        file.write(b"torn")
    with opened(interrupted, resume=True) as output:
        last = ImageName("2\udcff.png", argument=1, number=2)
        assert output.progress == Progress(last, 2, 2)
        write(output, 3)
        output.finish()
    assert contents(interrupted) == {"it.csv": b"file\n1\n2\n3\n"}


def test_resume_with_nothing_to_resume_starts_a_new_file(tmp_path: Path) -> None:
    with opened(tmp_path, resume=True) as output:
        write(output, 1)
        output.finish()
    assert contents(tmp_path) == {"it.csv": b"file\n1\n"}


def test_no_file_is_left_if_nothing_was_predicted(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), opened(tmp_path):
        raise ZeroDivisionError
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("made_of", "words"),
    [
        ({"model": "abd"}, "model_then='abc', model_now='abd'"),
        ({"columns": ("file", "y")}, "columns_then"),
        ({"images": ["a"]}, "images_now"),
        ({"new": 1}, "new_then=None"),
    ],
)
def test_rows_of_another_model_or_other_images_are_refused(
    interrupted: Path, made_of: dict[str, Any], words: str
) -> None:
    before = contents(interrupted)
    with pytest.raises(ConfigError, match=words):
        opened(interrupted, resume=True, made_of=made_of)
    assert contents(interrupted) == before


def test_omitting_resume_does_not_overwrite_unfinished_rows(interrupted: Path) -> None:
    before = contents(interrupted)
    with pytest.raises(ConfigError, match="Continue them with --resume"):
        opened(interrupted)
    assert contents(interrupted) == before


def test_complete_file_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "it.csv").write_text("whole")
    with pytest.raises(ConfigError, match="these are complete"):
        opened(tmp_path, resume=True)
    assert contents(tmp_path) == {"it.csv": b"whole"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("it.csv.partial", b"file\n1\n3\n", "it differs from what was written"),
        ("it.csv.partial", b"file\n1\n", "it differs from what was written"),
        ("it.csv.progress", b"{}", "no intact it.csv.progress"),
        ("it.csv.progress", b"\xff", "no intact it.csv.progress"),
        ("it.csv.progress", None, "no intact it.csv.progress"),
    ],
)
def test_damaged_rows_or_progress_are_refused(
    interrupted: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is None:
        (interrupted / name).unlink()
    else:
        (interrupted / name).write_bytes(content)
    before = contents(interrupted)
    with pytest.raises(CheckpointError, match=words):
        opened(interrupted, resume=True)
    assert contents(interrupted) == before


def test_one_process_writes_at_a_time(interrupted: Path) -> None:
    with opened(interrupted, resume=True) as output:
        with pytest.raises(ConfigError, match="one process at a time"):
            opened(interrupted, resume=True)
        write(output, 3)
        output.finish()
    assert contents(interrupted) == {"it.csv": b"file\n1\n2\n3\n"}


@pytest.mark.parametrize("name", ["it.csv.partial", "it.csv.progress"])
def test_symbolic_links_are_not_written_through(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").write_text("mine")
    os.symlink("mine", tmp_path / name)
    with pytest.raises(ConfigError, match="a symbolic link"):
        opened(tmp_path, resume=True)
    assert (tmp_path / "mine").read_text() == "mine"


def test_full_disk_keeps_the_rows_already_noted(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"), opened(tmp_path) as output:
        write(output, 1)
        output._write_note()
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, output._file.fileno())
        os.close(full)
        write(output, 2)
    with opened(tmp_path, resume=True) as output:
        assert output.progress.rows == 1


def test_growing_file_keeps_its_progress_and_resumes(tmp_path: Path) -> None:
    for rows in ((1, 2), (3,)):
        with opened(tmp_path, resume=True, grows=True) as output:
            write(output, *rows)
            assert (tmp_path / "it.csv").read_bytes().endswith(b"%d\n" % rows[-1])
            output.finish()
    assert (tmp_path / "it.csv").read_bytes() == b"file\n1\n2\n3\n"
    assert json.loads((tmp_path / "it.csv.progress").read_text())["rows"] == 3
    with pytest.raises(ConfigError, match="--resume"):
        opened(tmp_path, grows=True)
