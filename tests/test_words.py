"""Identifiers use the words of docs/glossary.md, and not those that they replaced."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_architecture import sources

# Each with what is used in its place.
RETIRED = {
    r"picture": "image",
    r"(?<![a-z])(say|said|tell|told)(?![a-z])": "report, describe, notify",
    r"^go_on|_go_on": "resume",
    r"^_?(decide|deal)$": "a verb with an object",
    r"clear_the_way|OF_STEPS|_HARMLESS|^Looks$|^Place$": "a name that says what it is",
    r"^Trained$|^Parts$": "trainee, stage",
}
# What users see, and keep; an oracle is asked and told, as elsewhere in the field.
KEPT = {"Pictures", "pictures", "tell", "told"}


def identifiers(source: str) -> Iterator[str]:
    """The names that a file gives to things."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@functools.cache
def all_names() -> dict[Path, set[str]]:
    """The names of every file, read once for all words."""
    return {file: set(identifiers(file.read_text())) - KEPT for file in sources()}


@pytest.mark.parametrize("word", RETIRED)
def test_retired_words_stay_retired(word):
    for file, names in all_names().items():
        wrong = {name for name in names if re.search(word, name)}
        assert not wrong, f"{file}: {wrong}; use {RETIRED[word]}"


def test_a_retired_word_is_noticed():
    source = "def _say(image_picture):\n    self.said = 1\n    for picture_file in x: pass"
    found = [n for n in identifiers(source) if any(re.search(w, n) for w in RETIRED)]
    assert set(found) == {"_say", "image_picture", "said", "picture_file"}
