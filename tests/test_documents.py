"""What the documents show exists: commands, settings, links, files and tests."""

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import keraunos
import pytest
import typer
import yaml
from keraunos.cli.main import app
from keraunos.cli.probe_request import read_request
from keraunos.configs import RunConfig, load_config, split_arguments, to_yaml
from keraunos.configs.recipes import recipes
from keraunos.core import errors
from shown_blocks import PAGES, ROOT, blocks_of, write_files

DOCUMENTS = PAGES
README = (ROOT / "README.md").read_text(encoding="utf-8")

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SECTIONS = "|".join(RunConfig.model_fields)
SETTING = re.compile(rf"(?<![\w.])(?:{SECTIONS})(?:\.\w+)*=\S+")


def blocks(text: str, language: str) -> list[str]:
    """The fenced code of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """The text without fenced code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each `keraunos ...`, in fenced code and between backticks."""
    lines = "\n".join(blocks(text, "bash")).splitlines()
    lines += re.findall(r"`(keraunos [^`]+)`", prose(text))
    for line in lines:
        for words in typed(line):
            while words and "=" in words[0]:  # environment variables
                words.pop(0)
            if words and Path(words[0]).name == "keraunos":
                yield words[1:]


def typed(line: str) -> Iterator[list[str]]:
    """The commands of a line of bash, without redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    for is_punctuation, words in groupby(
        lexer, key=lambda word: set(word) <= set("();<>|&")
    ):
        if not is_punctuation:
            yield [*words]


def headings(text: str) -> set[str]:
    """The anchors to which a document can be linked."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def all_commands() -> list[tuple[str, str]]:
    return [
        (document.relative_to(ROOT).as_posix(), shlex.join(command))
        for document in DOCUMENTS
        for command in commands(document.read_text(encoding="utf-8"))
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the files that the documents mention."""
    (tmp_path / "runs/lesions-folds").mkdir(parents=True)
    for name in (
        "mine.yaml",
        "lesions.yaml",
        "config.yaml",
        "best.yaml",
        "runs/lesions-folds/best.yaml",
    ):
        (tmp_path / name).write_text(to_yaml(load_config(["classify"])))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("document", "command"), all_commands())
def test_every_shown_command_is_valid(document, command, folder):
    write_files(blocks_of(ROOT / document), folder)
    name, *arguments = shlex.split(command)
    if not arguments or arguments == ["..."]:
        assert name in COMMANDS or name == "--help"
        return
    context = COMMANDS[name].make_context(name, arguments)
    if name == "probe":
        read_request(context.params["arguments"])
    elif "arguments" in context.params:
        load_config(*split_arguments(context.params["arguments"]))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_shown_setting_is_valid(document):
    spans = re.findall(r"`([^`\n]+)`", prose(document.read_text(encoding="utf-8")))
    for span in spans:
        named = [word for word in span.split() if word in recipes()]
        load_config(named, SETTING.findall(span))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_shown_configuration_is_valid(document, tmp_path):
    for block in blocks(document.read_text(encoding="utf-8"), "yaml"):
        assert isinstance(yaml.safe_load(block), dict)
        path = tmp_path / "shown.yaml"
        path.write_text(block)
        load_config([str(path)])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_merge_conflict_markers_are_left(document):
    text = document.read_text(encoding="utf-8")
    assert not re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_has_a_target(document):
    text = prose(document.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), f"{document.name}: {link}"
        if anchor:
            assert anchor in headings(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_linked_name_exists_in_its_file(document):
    """Links such as [`Loop`](../trainer/loop/loop.py) name something in that file."""
    text = prose(document.read_text(encoding="utf-8"))
    for name, path in re.findall(r"\[`([\w.]+)`\]\(([^)#]+\.(?:py|yaml))\)", text):
        source = (document.parent / path).read_text(encoding="utf-8")
        for part in name.split("."):
            assert re.search(rf"\b{part}\b", source), f"{document.name}: {name} in {path}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_named_test_exists(document):
    """Names such as `tests/core/test_files.py::test_sha256_of_files_and_json`."""
    text = document.read_text(encoding="utf-8")
    for path, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", text):
        assert (ROOT / path).is_file(), f"{document.name}: {path}"
        source = (ROOT / path).read_text(encoding="utf-8")
        assert f"def {name}(" in source, f"{document.name}: {path}::{name}"


def test_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## ([\d.]+) - (?:\d{4}-\d\d-\d\d|unreleased)$", text, re.M)
    assert versions[0] == keraunos.__version__


def test_documented_exit_codes_match_the_errors():
    text = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    kinds = [errors.KeraunosError, *errors.KeraunosError.__subclasses__()]
    assert listed == {0} | {kind.exit_code for kind in kinds}
    for kind in kinds[1:]:
        assert re.search(rf"^\| {kind.exit_code} \|.*`{kind.__name__}`", text, re.M)


def comparison() -> list[list[str]]:
    """The cells of each row of the table of other frameworks."""
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    table = page.partition("\n## Feature by feature\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line[:2] == "| "]
    return [[cell.strip() for cell in row] for row in rows if "---" not in row[0]][1:]


def test_every_feature_in_the_comparison_has_a_command_that_shows_it():
    for what, ours, *_, command in comparison():
        assert (ours != "no") == command.startswith(("`pytest ", "`keraunos ")), what
        for path in re.findall(r"tests/[\w/]+\.py", command):
            assert (ROOT / path).is_file(), path


def test_comparison_admits_at_least_two_missing_features():
    wins = [what for what, ours, *_ in comparison() if ours == "no"]
    assert len(wins) >= 2


def test_tests_named_in_continuous_integration_exist():
    for script in (ROOT / ".ci").iterdir():
        for path in re.findall(r"tests(?:/\w+)+(?:\.py)?", script.read_text("utf-8")):
            assert (ROOT / path).exists(), f"{script.name}: {path}"


def test_continuous_integration_runs_the_test_command_of_the_readme():
    run = (ROOT / ".ci" / "run").read_text("utf-8")
    assert 'pytest -m "not nightly"\n' in run
    assert '/pytest -m "not nightly"\n' in README


def test_nightly_workflow_runs_every_test_once():
    nightly = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text("utf-8"))
    job = nightly["jobs"]["tests"]
    assert job["steps"][-1] == {"run": ".ci/nightly ${{ matrix.tests }}"}
    *parts, rest = (part.split() for part in job["strategy"]["matrix"]["tests"])
    paths = [path for part in parts for path in part]
    assert all((ROOT / path).exists() for path in paths)
    assert len({*paths}) == len(paths)
    assert rest == ["tests", *(f"--ignore={path}" for path in paths)]
