"""Damaged files of a finished run are detected."""

import shutil
from pathlib import Path

import pytest
from damages import DAMAGES


@pytest.fixture
def damaged_run(small_run: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to be damaged."""
    return shutil.copytree(small_run, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", ["test", "predict"])
def test_damaged_model_file_is_named_in_the_error(
    keraunos, damaged_run, lesions, command, damage
):
    DAMAGES[damage](damaged_run / "model.keras")
    arguments = [lesions / "test"] if command == "predict" else ["--split=validation"]
    answer = keraunos(command, damaged_run, *arguments)
    assert answer.code == (2 if damage == "delete" else 4), answer.err
    assert "model.keras" in answer.err
    assert "Traceback" not in answer.err


def test_single_bit_flips_in_the_model_file_are_detected(keraunos, damaged_run, lesions):
    file = damaged_run / "model.keras"
    content = file.read_bytes()
    places = range(len(content) // 3, len(content) // 2, len(content) // 20)
    for place in (content.index(b"keras_version"), *places):
        damaged = bytearray(content)
        damaged[place] ^= 16
        file.write_bytes(damaged)
        answer = keraunos("predict", damaged_run, lesions / "test")
        assert answer.code == 4, place


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_classes_file_falls_back_to_the_checkpoint(
    keraunos, damaged_run, lesions, damage
):
    expected = keraunos("predict", damaged_run, lesions / "test")
    DAMAGES[damage](damaged_run / "classes.txt")
    answer = keraunos("predict", damaged_run, lesions / "test")
    assert (answer.code, answer.out) == (0, expected.out)
    assert "using the classes of the newest checkpoint" in answer.err


@pytest.mark.slow
def test_damaged_classes_without_checkpoint_exit_with_code_4(
    keraunos, damaged_run, lesions
):
    shutil.rmtree(damaged_run / "checkpoints")
    assert keraunos("predict", damaged_run, lesions / "test").code == 0
    for content in ("", "a\nb\n", (damaged_run / "classes.txt").read_text().upper()):
        (damaged_run / "classes.txt").write_text(content)
        assert keraunos("predict", damaged_run, lesions / "test").code == 4


@pytest.mark.parametrize("command", ["test", "predict"])
def test_changed_image_size_in_config_exits_with_code_4(
    keraunos, damaged_run, lesions, command
):
    file = damaged_run / "config.yaml"
    file.write_text(file.read_text().replace("image_size: 32", "image_size: 33"))
    arguments = [lesions / "test"] if command == "predict" else ["--split=validation"]
    answer = keraunos(command, damaged_run, *arguments)
    assert answer.code == 4
    assert "differs from what the run wrote" in answer.err
    assert "the model takes images of 32 pixels, not of 33" in answer.err
