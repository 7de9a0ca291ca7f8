"""The examples in docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest
from keraunos.strategies import factory

ROOT = Path(__file__).parents[1]
EXPENSIVE = {
    "keraunos.cli.configured_run",
    "keraunos.data.image_data",
    "keraunos.models.transfer",
    "keraunos.trainer.trainer",
}


def modules_with_examples() -> list[str]:
    """The modules of the tree whose docstrings have examples."""
    found = []
    for package in sorted(init.parent for init in ROOT.glob("*/__init__.py")):
        for file in sorted(package.rglob("*.py")):
            if ">>> " in file.read_text():
                parts = file.relative_to(ROOT).with_suffix("").parts
                own = [part for part in parts if part not in ("api", "__init__")]
                found.append(".".join(["keraunos", *own]))
    return found


MODULES = [
    pytest.param(name, marks=pytest.mark.nightly) if name in EXPENSIVE else name
    for name in modules_with_examples()
]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # An example registers a strategy, which must not stay registered.
    monkeypatch.setattr(factory, "_FACTORIES", dict(factory._FACTORIES))
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0
    assert list(tmp_path.iterdir()) == []


def test_examples_are_found_in_most_packages():
    packages = {name.split(".")[1] for name in modules_with_examples()}
    assert {"core", "configs", "data", "models", "callbacks", "trainer"} <= packages
