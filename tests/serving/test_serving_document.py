"""docs/serving.md: its table of limits matches the code, and its commands work."""

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from color_network import halves, write_color_export
from helpers import SECONDS_AT_MOST
from keraunos.cli.field_options import described
from keraunos.core.table_features import NumberColumn, TableFeatures, WordColumn
from keraunos.serving.settings import ServeSettings
from prometheus_client.parser import text_string_to_metric_families
from serving_processes import serving

DOCUMENT = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8000"
LINES = [
    line
    for block in re.findall(r"^```bash\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if "curl" in line
]
COLUMNS = TableFeatures(
    (NumberColumn("age", 40.0, 10.0), WordColumn("sex", ("female", "male")))
)


def test_documented_limits_match_the_settings():
    texts = described(ServeSettings)
    rows = [
        f"| `--{name.replace('_', '-')}` | {shown(default)} | {texts[name]} |"
        for name, default in ((each.name, each.default) for each in fields(ServeSettings))
        if name != "token"
    ]
    assert "\n".join(["| Option | Default | |", "| --- | --- | --- |", *rows]) in DOCUMENT


def shown(value):
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, str]:
    """Output of each command; a model takes table columns if the command has some."""
    folder = tmp_path_factory.mktemp("asked")
    exports = {False: folder / "images", True: folder / "columns"}
    write_color_export(exports[False])
    write_color_export(exports[True], COLUMNS)
    (folder / "lesion.jpg").write_bytes(halves((255, 0, 0), (255, 0, 0), 100))
    (folder / "token.txt").write_text("any")
    scratch = folder / "tmp"
    scratch.mkdir()
    before = sorted(folder.rglob("*"))
    variables = {"TMPDIR": str(scratch)}
    found = {}
    for beside_columns, export in exports.items():
        lines = [line for line in LINES if has_columns(line) is beside_columns]
        with serving(export, "--name", "skin", folder=folder, **variables) as url:
            found |= {line: asked(line.replace(ADDRESS, url), folder) for line in lines}
            left = set(folder.rglob("*")) - {*before, folder / "serve.log"}
            assert not left, "images are not written to disk"
    return found


def has_columns(line):
    return '"age"' in line


def asked(line, folder):
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS_AT_MOST,
    )
    assert done.returncode == 0, (line, done.stderr)
    return done.stdout


@pytest.mark.nightly
def test_every_documented_curl_command_works(answers):
    assert len(answers) == len(LINES) >= 12
    assert not [each for each in answers.values() if '"error"' in each]
    found = {line: each for line, each in answers.items() if not has_columns(line)}
    predicted = [each for line, each in found.items() if ":predict" in line]
    probabilities, everything = (json.loads(each)["predictions"][0] for each in predicted)
    assert probabilities[0] == pytest.approx(0.995, abs=1e-3)
    assert everything["class"] == "red"
    (inferred,) = (json.loads(each) for line, each in found.items() if "/infer" in line)
    by_name = {each["name"]: each["data"] for each in inferred["outputs"]}
    assert by_name["class"] == ["red"]
    assert by_name["probabilities"] == pytest.approx(probabilities, abs=1e-6)
    (metrics,) = (each for line, each in found.items() if "/metrics" in line)
    names = [each.name for each in text_string_to_metric_families(metrics)]
    assert "keraunos_requests" in names
    (described_api,) = (each for line, each in found.items() if "/openapi" in line)
    assert "/v2/models/{name}/infer" in json.loads(described_api)["paths"]


@pytest.mark.nightly
def test_documented_columns_change_the_prediction(answers):
    found = [json.loads(each) for line, each in answers.items() if has_columns(line)]
    instances, inputs, tensors = found  # age and sex, no age, and age and sex again
    with_age = instances["predictions"][0]
    by_name = {each["name"]: each["data"] for each in tensors["outputs"]}
    assert by_name["probabilities"] == pytest.approx(with_age, abs=1e-6)
    assert inputs["outputs"][0] != pytest.approx(with_age, abs=1e-3)
