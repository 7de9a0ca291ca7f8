"""`predict.py` predicts files on its own, without Keraunos and TensorFlow."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checked_exports import CLASSES, DESCRIPTION, onnx_format, tiny_model
from helpers import SECONDS_AT_MOST, smooth_image
from keraunos.cli.main import main as keraunos_main
from keraunos.core.files import sha256_of_file
from keraunos.export.description import Description
from keraunos.export.formats.contract import Format
from keraunos.export.formats.registry import format_of
from keraunos.export.open_export import open_export
from keraunos.export.portable.command import main
from keraunos.export.portable_files import write_portable_files

pytestmark = pytest.mark.slow
# Simulates a machine on which these packages are not installed.
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in {names}:
            raise ImportError(name + " must not be imported")
sys.meta_path.insert(0, Blocked())
"""


def write(directory: Path, format: Format, description: Description = DESCRIPTION) -> Path:
    """Writes an export without the check on images."""
    directory.mkdir()
    format.write(tiny_model(), description, directory)
    names = [each for each in directory.rglob("*") if each.is_file()]
    digests = {os.fspath(n.relative_to(directory)): sha256_of_file(n) for n in names}
    document = {"format": format.name, "file": format.file, "files": digests}
    content = json.dumps(description.as_json() | document)
    (directory / "model.json").write_text(content)
    write_portable_files(directory, format.requirements)
    return directory


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("exports") / "onnx", onnx_format())


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Seven images, with three invalid files among them."""
    made = [tmp_path / f"{number}.jpg" for number in range(7)]
    for seed, file in enumerate(made):
        smooth_image(seed).save(file)
    (tmp_path / "text.jpg").write_text("hello")
    os.mkfifo(tmp_path / "pipe.jpg")
    broken = [tmp_path / name for name in ("text.jpg", "gone.jpg", "pipe.jpg")]
    return [str(file) for file in [*made[:3], *broken, *made[3:]]]


def rows(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_file_gets_a_line_with_a_prediction_or_an_error(export, files, capsys):
    assert main(export, ["--batch-size", "4", *files]) == 3
    found = rows(capsys.readouterr().out)
    assert [row["file"] for row in found] == files
    reasons = [row["error"] for row in found if "error" in row]
    assert "no known image format" in reasons[0]
    assert reasons[1:] == ["No such file or directory", "it is not a regular file"]
    model = open_export(export)
    for row in found:
        if "error" not in row:
            pixels = model.decode(Path(row["file"]).read_bytes())
            (wanted,) = model.describe(model.answers(pixels[np.newaxis]))
            assert row["class"] == wanted["class"]
            assert row["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-6)
    assert len({row["class"] for row in found if "class" in row}) > 1


def test_table_of_a_folder_equals_that_of_keraunos_predict(export, files, capsys, tmp_path):
    (tmp_path / "deep" / ".hidden").mkdir(parents=True)
    smooth_image(8).save(tmp_path / "deep" / "=8.PNG")
    smooth_image(9).save(tmp_path / "deep" / ".hidden" / "9.png")
    (tmp_path / "notes.txt").write_text("no image")
    output = tmp_path / "predictions.csv"
    output.write_text("of an earlier call")
    assert main(export, [str(tmp_path), "--output", str(output), "--batch-size", "3"]) == 3
    assert capsys.readouterr() == ("", "")
    assert not list(tmp_path.glob("*.partial"))
    table = read_table(output)
    found = sorted({*files, f"{tmp_path}/deep/=8.PNG"} - {str(tmp_path / "gone.jpg")})
    assert [row["file"] for row in table] == found
    assert list(table[0]) == [
        "file",
        "prediction",
        *(f"probability:{name}" for name in CLASSES),
        *(f"corrected:{name}" for name in CLASSES),
        "error",
    ]
    with_error = {Path(row["file"]).name for row in table if row["error"]}
    assert with_error == {"text.jpg", "pipe.jpg"}
    for row, wanted in zip(table, predict_table(export, tmp_path), strict=True):
        assert numbers_of(row) == pytest.approx(numbers_of(wanted), abs=1e-6)
        assert row.keys() == wanted.keys()
        for name in ("file", "prediction", "error"):
            assert row[name] == wanted[name]


def numbers_of(row: dict[str, str]) -> list[float]:
    return [float(cell) for name, cell in row.items() if ":" in name and cell]


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def predict_table(export: Path, folder: Path) -> list[dict[str, str]]:
    """Returns the table of `keraunos predict` for the images of a folder."""
    output = folder.parent / f"{folder.name}.csv"
    assert (
        keraunos_main(["predict", str(export), str(folder), "--output", str(output)]) == 3
    )
    return read_table(output)


def test_empty_folder_and_table_output_from_bytes_are_rejected(
    export, files, capsys, tmp_path
):
    (tmp_path / "empty").mkdir()
    output = tmp_path / "predictions.csv"
    assert main(export, [str(tmp_path / "empty"), "--output", str(output)]) == 2
    assert "empty must contain images: files ending in .avif," in capsys.readouterr().err
    assert not output.exists()
    with pytest.raises(SystemExit):
        main(export, [files[0], "--from-bytes", "--output", str(output)])
    assert main(export, [files[0], "--output", str(tmp_path / "no" / "where.csv")]) == 2
    assert "where.csv can't be written: No such file" in capsys.readouterr().err


def test_file_names_are_read_from_standard_input(export, files, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{files[0]}\n\n{files[1]}\n"))
    assert main(export, [files[2], "-"]) == 0
    found = rows(capsys.readouterr().out)
    assert [row["file"] for row in found] == [files[2], *files[:2]]


def test_damaged_export_is_reported_in_one_line(export, files, capsys, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    assert main(tmp_path, files) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.startswith("`version` must be a whole number")
    assert main(export, ["--from-bytes", files[0]]) == 2
    assert "Only a SavedModel decodes images itself" in capsys.readouterr().err


def test_help_documents_the_exit_status_for_unreadable_files(capsys):
    with pytest.raises(SystemExit) as ended:
        main(Path(), ["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in (
        "exit status is then 3",
        "--from-bytes",
        "standard input",
        "--batch-size",
    ):
        assert words in shown


def run(program: str, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    names = {"keraunos", "tensorflow", "keras", "scipy", "pydantic", "yaml", "matplotlib"}
    start = BLOCKED.format(names=names)
    command = [sys.executable, "-B", "-c", start + program, *arguments]
    return subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
        check=False,
    )


SCRIPT = "import runpy; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
IMPORT = """
sys.path.append(sys.argv[1])
from predict import Model
model = Model.open()
import json
for row in model.predict(sys.argv[2:], batch_size=2):
    print(json.dumps(row))
"""


def test_predict_py_is_importable_without_keraunos_and_tensorflow(export, files, tmp_path):
    imported = run(IMPORT, str(export), *files, cwd=tmp_path)
    assert (imported.returncode, imported.stderr) == (0, "")
    assert [row["file"] for row in rows(imported.stdout)] == files
    assert set(rows(imported.stdout)[0]["probabilities"]) == set(CLASSES)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["onnx", "litert", "openvino"])
def test_each_format_runs_without_tensorflow(name, files, tmp_path):
    export = write(tmp_path / "export", format_of(name))
    script = run(SCRIPT, str(export / "predict.py"), *files, cwd=tmp_path)
    assert script.returncode == 3, script.stderr
    assert len(rows(script.stdout)) == len(files)


def test_requirements_pin_the_versions_used_for_the_check(export):
    lines = (export / "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin.split("==")[0] for pin in pins] == ["numpy", "pillow", "onnxruntime"]
    assert f"numpy=={np.__version__}" in pins
