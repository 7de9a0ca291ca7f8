"""An untrusted `model.json` is either valid or rejected with a reason."""

import copy
import hashlib
import json
import os

import pytest
from keraunos.core.errors import ConfigError
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.export.description import Description
from keraunos.export.open_export import open_export
from keraunos.export.portable.document import parse_document, read_model_files
from keraunos.export.portable.fields import ModelFileError

DECISIONS = {
    "prediction_sets": {"coverage": 0.9, "thresholds": {"a": 0.3, "b": None}},
    "operating_points": {"b": {"classes": ["b"], "threshold": 0.5}},
    "groups": {"one": ["b"]},
    "abstention": {"risk": 0.05, "threshold": 0.6},
    "warnings": ["few images"],
}
CORRECTION = Correction("vector", None, (0.5, 1.0), (0.0, -1.0))
GOOD = Description("run", ("a", "b"), 32, correction=CORRECTION, decisions=DECISIONS)

NOTHING = object()
WRONG = [
    ("version", NOTHING),
    ("version", True),
    ("name", ""),
    ("classes", []),
    ("classes", ["a", "a"]),
    ("classes", ["a", 1]),
    ("classes", ["a", "\ud800"]),
    ("classes", {"a": 1}),
    ("image_size", 10**9),
    ("image_size", 32.0),
    ("decoding", None),
    ("decoding.max_pixels", 0),
    ("decoding.max_pixels", 10**15),
    ("decoding.bit_depth", 99),
    ("applied_in_graph", "yes"),
    ("correction", [1]),
    ("correction.kind", NOTHING),
    ("correction.scale", [1.0]),
    ("correction.scale", [1.0, -1.0]),
    ("correction.bias", [0.0, float("nan")]),
    ("decisions", NOTHING),
    ("decisions.prediction_sets.thresholds.a", "0.3"),
    ("decisions.operating_points.b.classes", ["c"]),
    ("decisions.operating_points.b.threshold", float("inf")),
    ("decisions.operating_points.b", None),
    ("decisions.groups.one", []),
    ("decisions.abstention", {}),
    ("decisions.warnings", "few images"),
    ("decisions.warnings", [1]),
]


def document():
    return copy.deepcopy(GOOD.as_json())


def change(content, dotted, value):
    *outer, last = dotted.split(".")
    for name in outer:
        content = content[name]
    content.pop(last)
    if value is not NOTHING:
        content[last] = value


@pytest.mark.parametrize(("dotted", "value"), WRONG)
def test_every_invalid_field_is_rejected(dotted, value):
    assert parse_document(document()).classes == ("a", "b")
    content = document()
    change(content, dotted, value)
    with pytest.raises(ModelFileError, match=dotted.split(".")[0]):
        parse_document(content)


@pytest.mark.parametrize("content", [None, 3, [], "model", {}])
def test_values_that_are_not_documents_are_rejected(content):
    with pytest.raises(ModelFileError):
        parse_document(content)


def test_later_version_is_rejected_with_upgrade_advice():
    with pytest.raises(ModelFileError, match=r"version=3\. Upgrade Keraunos"):
        parse_document(document() | {"version": 3})


@pytest.fixture
def export(tmp_path):
    directory = tmp_path / "export"
    (directory / "model").mkdir(parents=True)
    (directory / "model" / "part").write_bytes(b"part")
    write(directory)
    return directory


def write(directory, **changes):
    digest = hashlib.sha256(b"part").hexdigest()
    files = {"format": "saved_model", "file": "model", "files": {"model/part": digest}}
    content = document() | files | changes
    (directory / "model.json").write_text(json.dumps(content))
    return content


def test_files_of_an_export_are_found(export):
    found = read_model_files(export, write(export))
    assert (found.format, found.file) == ("saved_model", export / "model")


@pytest.mark.parametrize(
    "name", ["/etc/hostname", "../secret", "model/../../secret", "a\0b"]
)
def test_files_outside_the_export_are_not_read(export, name):
    """The digest is correct, so that reading the file would succeed."""
    (export.parent / "secret").write_bytes(b"part")
    digest = hashlib.sha256(b"part").hexdigest()
    for changes in ({"file": name}, {"files": {name: digest}}):
        with pytest.raises(ModelFileError, match="must lie in its directory"):
            read_model_files(export, write(export, **changes))


def test_links_leaving_the_export_are_rejected(export):
    (export.parent / "secret").write_bytes(b"part")
    (export / "model" / "part").unlink()
    (export / "model" / "part").symlink_to(export.parent / "secret")
    with pytest.raises(ModelFileError, match="must lie in its directory"):
        read_model_files(export, write(export))


def test_links_within_the_export_are_followed(export):
    """As in a mounted volume that is replaced as a whole."""
    (export / "model").rename(export / "of-today")
    (export / "model").symlink_to("of-today")
    assert read_model_files(export, write(export)).file == export / "model"


@pytest.mark.parametrize("name", ["added", "variables/added"])
def test_added_files_are_rejected(export, name):
    (export / "model" / name).parent.mkdir(exist_ok=True)
    (export / "model" / name).write_bytes(b"x")
    with pytest.raises(ModelFileError, match="not an exported file"):
        read_model_files(export, write(export))


def test_changed_files_are_rejected(export):
    (export / "model" / "part").write_bytes(b"other")
    with pytest.raises(ModelFileError, match="not the file that was exported"):
        read_model_files(export, write(export))


def test_named_pipes_do_not_block(export):
    (export / "model" / "part").unlink()
    os.mkfifo(export / "model" / "part")
    with pytest.raises(ModelFileError, match="not a regular file"):
        read_model_files(export, write(export))
    (export / "model.json").unlink()
    os.mkfifo(export / "model.json")
    with pytest.raises(ConfigError, match="not a regular file"):
        open_export(export)


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[" * 100_000, b'{"version": ' + b"9" * 5000 + b"}"]
)
def test_damaged_description_raises_a_config_error(export, content):
    (export / "model.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"model\.json|version"):
        open_export(export)


@pytest.mark.parametrize("format", ["pickle", "../keras", "Keras"])
def test_unknown_format_is_rejected(export, format):
    write(export, format=format)
    with pytest.raises(ConfigError, match="`format` must be one of"):
        open_export(export)
