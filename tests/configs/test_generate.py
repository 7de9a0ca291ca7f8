"""Generated files match the schema."""

from pathlib import Path
from typing import Literal

import pytest
from keraunos.configs import choices
from keraunos.configs.generate import (
    annotation_source,
    options_file,
    own_parameters,
    reference_page,
)
from keraunos.configs.optimizer import keras_options
from keraunos.configs.reference import groups, in_words
from keraunos.configs.section import PathText

ROOT = Path(__file__).parents[2]
AGAIN = "Run `python -m keraunos.configs.generate`."


@pytest.mark.parametrize(
    ("path", "text"),
    [("configs/options.py", options_file), ("docs/settings.md", reference_page)],
)
def test_generated_files_are_up_to_date(path, text):
    assert (ROOT / path).read_text() == text(), AGAIN


def test_explicitly_declared_parameters_are_detected():
    source = "class A:\n    def __init__(self, a, *, b=1, **options): ...\nclass B: ..."
    assert own_parameters(source, "A") == ("a", "b")
    assert own_parameters(source, "B") == own_parameters(source, "C") == ()


def test_reference_page_lists_every_setting():
    page = reference_page()
    for group in groups():
        for setting in group.settings:
            assert f"| `{setting.name}` | {setting.kind} | " in page
    assert all(f"`{option}`" in page for option in keras_options())


@pytest.mark.parametrize(
    ("annotation", "source"),
    [
        (choices.Check, "Check"),
        (Literal["auto"] | int | None, 'Literal["auto"] | int | None'),
        (PathText | None, "str | os.PathLike[str] | None"),
        (list[choices.MetricName], "Sequence[MetricName]"),
    ],
)
def test_annotation_is_rendered_as_source(annotation, source):
    assert annotation_source(annotation) == source


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, "number (>= 0, < 1)"),
        (
            {"type": "integer", "minimum": 1, "maximum": 1_000_000_000},
            "whole number (>= 1)",
        ),
        ({"enum": ["a", "b"], "type": "string"}, "a or b"),
        ({"type": "array", "items": {"type": "integer"}}, "list of: whole number"),
        ({"anyOf": [{"const": "auto"}, {"type": "null"}]}, "auto or null"),
    ],
)
def test_json_schema_type_is_described_in_words(schema, words):
    assert in_words(schema) == words


def test_no_set_of_choices_is_defined_twice():
    sets = [each for name, each in vars(choices).items() if name[0].isupper()]
    assert len(set(map(str, sets))) == len(sets)
