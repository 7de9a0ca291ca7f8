import csv
import json
from pathlib import Path

import pytest
from keraunos import ConfigError
from keraunos.cli.benchmarked_models import find_benchmarked, names_of
from onnx_models import write_onnx_export

QUICK = ["--seconds", "0.01", "--threads", "1", "--batch-sizes", "1,3"]


@pytest.fixture
def export(tmp_path) -> Path:
    write_onnx_export(tmp_path / "onnx")
    return tmp_path / "onnx"


@pytest.mark.feature("benchmark")
def test_table_is_printed_and_written_to_files(keraunos, export):
    answer = keraunos(
        "benchmark", export, *QUICK, "--output", "times.json", "--output", "times.csv"
    )
    assert answer.code == 0, answer.err
    assert all(word in answer.out for word in ("p50 ms", "images/s", "1 threads", "onnx"))
    document = json.loads(Path("times.json").read_text())
    assert (document["threads"], document["seconds"]) == (1, 0.01)
    assert document["processor"]
    assert document["versions"]["onnxruntime"]
    rows = document["rows"]
    assert [(row["model"], row["batch_size"]) for row in rows] == [("onnx", 1), ("onnx", 3)]
    with Path("times.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["p50_ms"] for row in table] == [str(row["p50_ms"]) for row in rows]
    assert {row["threads"] for row in table} == {"1"}


def test_images_option_decodes_the_files_of_a_folder(keraunos, export, image_folder):
    answer = keraunos("benchmark", export, *QUICK, "--images", image_folder)
    assert answer.code == 0, answer.err
    assert f"files of {image_folder}" in answer.out


def broken_image(export: Path) -> list[str]:
    (export.parent / "images").mkdir()
    (export.parent / "images" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return [str(export), "--images", "images"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (lambda export: [export, "--batch-sizes", "1,0"], "whole numbers from 1 on"),
        (lambda export: [export, "--output", "times.txt"], "must end with .json or .csv"),
        (
            lambda export: [export, "--output", "no/times.csv"],
            "writable",
        ),
        (lambda export: [export.parent], "the directory of a run"),
        (lambda export: [export, export], "must be named once"),
        (lambda export: [export, "--images", "onnx"], "a folder with image files"),
        (broken_image, "must be readable images"),
    ],
)
def test_invalid_benchmark_arguments_are_rejected(keraunos, export, arguments, words):
    answer = keraunos("benchmark", *arguments(export), *QUICK[:4])
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ") or "error: " in answer.err
    assert words in answer.err


def test_single_run_is_benchmarked_together_with_its_exports(tmp_path):
    run, other = tmp_path / "run", tmp_path / "other"
    for each in (run, other):
        each.mkdir()
        (each / "config.yaml").touch()
    exports = [run / "export" / name for name in ("litert", "onnx-int8")]
    for each in (*exports, run / "export" / "unfinished"):
        each.mkdir(parents=True)
    for each in exports:
        (each / "model.json").touch()
    assert find_benchmarked([run]) == [run, *exports]
    assert find_benchmarked([run, other]) == [run, other]
    with pytest.raises(ConfigError, match="the directory of a run"):
        find_benchmarked([run / "export" / "unfinished"])


def test_models_with_the_same_name_are_labeled_by_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = tmp_path / "one" / "onnx", tmp_path / "two" / "onnx"
    assert names_of([first, second.with_name("litert-int8")]) == ["onnx", "litert-int8"]
    assert names_of([first, second]) == ["one/onnx", "two/onnx"]
