"""Names and texts use the words of docs/glossary.md, not those that they replaced."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_architecture import PACKAGES, ROOT, sources

# Each with what is used in its place.
RETIRED = {
    r"picture": "image",
    r"(?<![a-z])(say|said|tell|told)(?![a-z])": "report, describe, notify",
    r"^go_on|_go_on": "resume",
    r"^_?(decide|deal)$": "a verb with an object",
    r"clear_the_way|OF_STEPS|_HARMLESS|^Looks$|^Place$": "a name that says what it is",
    r"^Trained$|^Parts$": "trainee, stage",
}
# In comments, docstrings, messages and documents, each with what is written in its place.
RETIRED_PHRASES = {
    r"(?i)pictures?(?![a-z])": "image; figure for a plot",
    r"(?i)\b(?:goes|go) on\b": "resume, continue",
    r"(?i)\banew\b": "again; start over for begin anew",
    r"(?i)colour|labelled(?!by)|memoris|(?:quanti|normali|optimi)s(?:e|ing|ation)": (
        "color, labeled, memorize: American spelling, as in Keras"
    ),
    r"\d %(?! ?[\d(}]| len)": "95%, without a space",
    r"(?i)\bbut for\b|\bif need be\b|\blooks whether\b": "except for, if necessary, checks",
}
PHRASES_OF = {  # files with a reason to contain one
    "data/index/split_names.py": "pictures",  # what folders of users are called
}
# An oracle is asked and told, as elsewhere in the field.
KEPT = {"tell", "told"}
DESCRIBED = ("api", "benchmarks", *PACKAGES)
# What functions do; hooks say when they are called, and protocols refer to their classes.
VERB = re.compile(r"[A-Z][a-z-]+s\b|Called\b|See `")
# An argument or attribute described by a fragment: `seed: Of the oracle.`
FRAGMENT = re.compile(r"^ +\**\w+: (?:Of|That|Those|Likewise|As) .*", re.MULTILINE)


def identifiers(source: str) -> Iterator[str]:
    """Yields the names that a file gives to things."""
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
    """Returns the names in every file, read once for all words."""
    return {file: set(identifiers(file.read_text())) - KEPT for file in sources()}


@pytest.mark.parametrize("word", RETIRED)
def test_retired_words_stay_retired(word):
    for file, names in all_names().items():
        wrong = {name for name in names if re.search(word, name)}
        assert not wrong, f"{file}: {wrong}; use {RETIRED[word]}"


@functools.cache
def texts() -> dict[str, str]:
    """Returns the content of all packages, tests, benchmarks and documents by path."""
    folders = {file.relative_to(ROOT).parts[0] for file in sources()} | {"docs", "examples"}
    written = [*ROOT.glob("*.md")]
    for suffix in (".py", ".md", ".html", ".yaml", ".ipynb"):
        for folder in folders:
            written += (ROOT / folder).rglob(f"*{suffix}")
    found = {path.relative_to(ROOT).as_posix(): path.read_text() for path in written}
    return {name: text for name, text in found.items() if name != "tests/test_words.py"}


@pytest.mark.parametrize("phrase", RETIRED_PHRASES)
def test_retired_phrases_stay_retired(phrase):
    for name, text in texts().items():
        wrong = set(re.findall(phrase, text)) - {PHRASES_OF.get(name)}
        assert not wrong, f"{name}: {wrong}; use {RETIRED_PHRASES[phrase]}"


def docstrings(source: str) -> Iterator[tuple[ast.AST, str]]:
    """Yields the functions and classes of a file, with their docstrings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node, ast.get_docstring(node, clean=False) or ""


def without_verb(source: str, has_commands: bool = False) -> list[str]:
    """Returns the summaries of functions that do not begin with a verb.

    Properties are described by nouns, and commands by imperatives.
    """
    return [
        text.splitlines()[0]
        for node, text in docstrings(source)
        if isinstance(node, ast.FunctionDef)
        and not re.search(
            r"property|callback", "".join(map(ast.unparse, node.decorator_list))
        )
        and not (has_commands and not node.name.startswith("_"))
        and text
        and not VERB.match(text)
    ]


@pytest.mark.parametrize("package", DESCRIBED)
def test_docstrings_begin_with_a_verb_and_describe_arguments(package):
    for file in (ROOT / package).rglob("*.py"):
        source = file.read_text()
        assert not without_verb(source, file.parent.name == "commands"), file
        fragments = [
            each for _, text in docstrings(source) for each in FRAGMENT.findall(text)
        ]
        assert not fragments, file


def test_summaries_without_a_verb_and_fragments_are_detected():
    source = '''def seed_of(run):
    """The seed.

    Args:
        run: Of the search.
    """
'''
    assert without_verb(source) == ["The seed."]
    assert [FRAGMENT.findall(text) for _, text in docstrings(source)] == [
        ["        run: Of the search."]
    ]


def test_retired_words_in_names_are_detected():
    source = "def _say(image_picture):\n    self.said = 1\n    for picture_file in x: pass"
    found = [n for n in identifiers(source) if any(re.search(w, n) for w in RETIRED)]
    assert set(found) == {"_say", "image_picture", "said", "picture_file"}
