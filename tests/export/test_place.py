"""An export replaces a previous export, and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import contents
from keraunos.core.errors import ConfigError
from keraunos.export.place import NotKeptError, export_directory, require_own_place


def earlier(output: Path) -> Path:
    """Makes an export as written by `write_export` and then run."""
    (output / "runtime" / "__pycache__").mkdir(parents=True)
    (output / "model.onnx").write_text("weights")
    (output / "runtime" / "model.py").write_text("code")
    (output / "runtime" / "__pycache__" / "model.pyc").write_text("compiled")
    (output / "model.json").write_text('{"applied_in_graph": true}')
    files = ["model.json", "model.onnx", "runtime/model.py"]
    (output / "parity.json").write_text(json.dumps({"files": files}))
    return output


def with_notes(output: Path) -> None:
    (earlier(output) / "notes.txt").write_text("mine")


def with_a_link(output: Path) -> None:
    (earlier(output) / "runtime" / "link").symlink_to("/dev/null")


def with_a_damaged_record(output: Path) -> None:
    (earlier(output) / "parity.json").write_text("{")


def with_an_odd_record(output: Path) -> None:
    (earlier(output) / "parity.json").write_text('{"files": 3}')


def of_another_program(output: Path) -> None:
    (earlier(output) / "model.json").write_text('{"class_name": "Functional"}')


def a_file(output: Path) -> None:
    output.write_text("mine")


def a_link(output: Path) -> None:
    output.symlink_to(earlier(output.with_name("elsewhere")))


def a_broken_link(output: Path) -> None:
    output.symlink_to("nowhere")


OTHERS = [
    with_notes, with_a_link, with_a_damaged_record, with_an_odd_record,
    of_another_program, a_file, a_link, a_broken_link,
]  # fmt: skip


@pytest.mark.parametrize("make", OTHERS, ids=lambda make: make.__name__)
def test_other_files_are_kept_and_are_an_error(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "onnx")
    before = contents(tmp_path)
    with (
        pytest.raises(ConfigError, match="its own directory"),
        export_directory(tmp_path / "onnx"),
    ):
        raise AssertionError("work has begun")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("make", [earlier, Path.mkdir, lambda output: None])
def test_previous_export_or_empty_directory_is_replaced(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "onnx")
    with export_directory(tmp_path / "onnx") as temporary:
        (temporary / "model.json").write_text("new")
    assert [*contents(tmp_path)] == ["onnx", "onnx/model.json"]


@pytest.mark.parametrize("error", [NotKeptError, KeyboardInterrupt, SystemExit, OSError])
def test_failed_export_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    earlier(tmp_path / "onnx")
    before = contents(tmp_path)
    for output in (tmp_path / "onnx", tmp_path / "new" / "onnx"):
        try:
            with export_directory(output) as temporary:
                (temporary / "model.json").write_text("new")
                raise error
        except error:
            assert error is not NotKeptError
    assert contents(tmp_path) == before


def test_error_names_the_files_in_the_way(tmp_path: Path) -> None:
    with_notes(tmp_path / "onnx")
    with pytest.raises(
        ConfigError, match=r"contains files that no export wrote: notes\.txt"
    ):
        require_own_place(tmp_path / "onnx")


def test_files_created_during_an_export_are_kept(tmp_path):
    output = tmp_path / "onnx"
    with pytest.raises(ConfigError, match=r"notes\.txt"), export_directory(output) as made:
        (made / "model.json").write_text("{}")
        output.mkdir()
        (output / "notes.txt").write_text("mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["onnx", "notes.txt"]
