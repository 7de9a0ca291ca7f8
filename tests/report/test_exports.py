"""The report shows the exports of a run, even if files are damaged."""

import json
from pathlib import Path
from typing import Any

import pytest
from keraunos.report.exports import read_exports
from keraunos.report.facts import RunFacts, read_facts
from keraunos.report.page.page import page
from keraunos.report.run_report import RunReport
from report_pages import Page

LOSS = {"value": 0.0123, "interval": [-0.004, 0.02]}
PARITY = {
    "split": "test",
    "images": 1069,
    "largest_difference": 1.7e-6,
    "agreement": 1.0,
    "warnings": [],
}


def write_export(run: Path, name: str, **changes: Any) -> Path:
    directory = run / "export" / name
    (directory / "1").mkdir(parents=True)
    (directory / "1" / "model.onnx").write_bytes(bytes(1_250_000))
    (directory / "parity.json").write_text(json.dumps(PARITY | changes))
    return directory


def test_each_export_has_a_row_on_the_page(tmp_path: Path) -> None:
    write_export(tmp_path, "onnx", warnings=["No image was compared of <b>emu</b>."])
    int8 = {"scores": {"balanced_accuracy": {"loss": LOSS}}, "warnings": ["Too few."]}
    write_export(tmp_path, "litert-int8", agreement=0.98, int8=int8)
    write_export(tmp_path, ".onnx-1234abcd")  # is being written
    facts = read_facts(tmp_path)
    assert facts.exports.table.rows == [
        ["litert-int8", "1.3 MB", "1,069 test images", "1.7e-06", "98.0%",
         "0.012 (-0.004 to 0.020)"],
        ["onnx", "1.3 MB", "1,069 test images", "1.7e-06", "100.0%", ""],
    ]  # fmt: skip
    shown = Page(page([RunReport(facts)]))
    assert "onnx: No image was compared of <b>emu</b>." in shown.text
    assert "litert-int8 1.3 MB 1,069 test images 1.7e-06 98.0% 0.012" in shown.text
    assert "litert-int8: Too few." in shown.text
    assert {"href": "#run1-exports"} in shown.all("a")


def test_exports_section_is_omitted_without_exports(tmp_path: Path) -> None:
    assert read_exports(tmp_path).table is None
    assert "Exports" not in Page(page([RunReport(RunFacts("run"))])).text


DAMAGES = [
    "", "{", "[]", "3", "null", "{}", json.dumps(PARITY | {"images": "many"}),
    json.dumps(PARITY | {"agreement": None}), json.dumps(PARITY | {"int8": {}}),
    json.dumps(PARITY | {"warnings": 3}), json.dumps(PARITY | {"int8": []}),
    json.dumps(PARITY | {"int8": {"scores": {"balanced_accuracy": {"loss": {
        "value": 0, "interval": []}}}}}),
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGES)
def test_damaged_parity_file_is_reported_as_a_gap(tmp_path: Path, content: str) -> None:
    write_export(tmp_path, "onnx")
    (write_export(tmp_path, "litert") / "parity.json").write_text(content)
    found = read_exports(tmp_path)
    assert [row[0] for row in found.table.rows] == ["onnx"]
    (gap,) = found.gaps
    assert gap.startswith(
        "not shown: export/litert/parity.json, because it can't be read ("
    )
    assert gap in read_facts(tmp_path).gaps


def test_missing_or_binary_parity_file_is_a_gap_and_links_are_ignored(
    tmp_path: Path,
) -> None:
    write_export(tmp_path, "onnx")
    (tmp_path / "export" / "elsewhere").symlink_to(tmp_path / "export" / "onnx")
    (tmp_path / "export" / "empty").mkdir()
    (tmp_path / "export" / "notes.txt").write_text("mine")
    (write_export(tmp_path, "binary") / "parity.json").write_bytes(b"\xff\xfe")
    found = read_exports(tmp_path)
    assert [row[0] for row in found.table.rows] == ["onnx"]
    assert len(found.gaps) == 2
