"""Files whose SHA-256 is recorded next to them."""

import contextlib
import os

import pytest
from keraunos.core import checked_files, files
from keraunos.core.checked_files import (
    CHECKSUMS_FILE,
    append_checked_line,
    is_absent,
    is_damaged,
    read_checked_json,
    read_checked_text,
    write_checked_json,
    write_checked_text,
)
from keraunos.core.errors import CheckpointError


def directory(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[:5]),
    "flip": lambda path: path.write_bytes(path.read_bytes().replace(b"1", b"3")),
    "not text": lambda path: path.write_bytes(b"\xff\xfe"),
    "delete": os.unlink,
    "directory": directory,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_detected(tmp_path, damage):
    path = tmp_path / "scores.json"
    write_checked_json(path, {"accuracy": 0.1})
    assert not is_damaged(path)
    assert read_checked_json(path) == {"accuracy": 0.1}
    DAMAGES[damage](path)
    assert is_damaged(path)
    assert not is_absent(path)
    with pytest.raises(
        CheckpointError, match=r"scores.json must be as it was written; .*copy"
    ):
        read_checked_json(path)


def test_rewritten_and_appended_files_verify(tmp_path):
    path = tmp_path / "metrics.jsonl"
    append_checked_line(path, "one")
    append_checked_line(path, "two")
    assert read_checked_text(path) == "one\ntwo\n"
    write_checked_text(path, "three\n")
    append_checked_line(path, "four")
    assert read_checked_text(path) == "three\nfour\n"


def test_crash_between_checksum_and_file_leaves_the_old_file_valid(tmp_path):
    path = tmp_path / "best.txt"
    write_checked_text(path, "one")
    noted = (tmp_path / CHECKSUMS_FILE).read_text()
    write_checked_text(path, "two")
    path.write_text("one")  # as if it had not been replaced yet
    assert read_checked_text(path) == "one"
    assert (tmp_path / CHECKSUMS_FILE).read_text().startswith(noted)


@pytest.mark.parametrize("write", [write_checked_text, append_checked_line])
@pytest.mark.parametrize(
    "point", ["before-best.txt-is-replaced", "after-best.txt-is-written"]
)
def test_crash_while_writing_a_new_file_leaves_none_or_a_valid_one(
    tmp_path, monkeypatch, write, point
):
    """Even if it dies again when it changes the file."""
    path = tmp_path / "best.txt"
    for content in ("one", "two"):

        def dies(reached):
            if reached == point:
                raise KeyboardInterrupt

        for module in (files, checked_files):
            monkeypatch.setattr(module, "fault_point", dies)
        with contextlib.suppress(KeyboardInterrupt):
            write(path, content)
        monkeypatch.undo()
        assert is_absent(path) or not is_damaged(path)
    write(path, "three")
    assert read_checked_text(path).endswith(
        "three\n" if write is append_checked_line else "three"
    )


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n\nx", None])
def test_files_without_checksums_are_accepted(tmp_path, content):
    path, checksums = tmp_path / "best.txt", tmp_path / CHECKSUMS_FILE
    write_checked_text(path, "one")
    checksums.unlink() if content is None else checksums.write_bytes(content)
    path.write_text("two")
    assert read_checked_text(path) == "two"
    assert is_absent(tmp_path / "last.txt")


def test_checksums_have_the_format_of_sha256sum(tmp_path):
    write_checked_text(tmp_path / "best.txt", "")
    line = (tmp_path / CHECKSUMS_FILE).read_text()
    assert line.startswith(
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert line.endswith("  best.txt\n")
