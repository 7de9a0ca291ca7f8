"""Modules that are loaded when they are first used."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from keraunos.core.later_modules import loaded_later


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package whose module `charts.dear` is imported by `charts.cheap`."""
    package = tmp_path / "charts"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "dear.py").write_text("price = 7\n")
    (package / "cheap.py").write_text("import charts.dear as dear\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith("charts")]:
        del sys.modules[name]


def test_a_module_is_loaded_when_something_of_it_is_used() -> None:
    with loaded_later("charts.dear"):
        cheap = importlib.import_module("charts.cheap")
    assert "charts.dear" not in sys.modules
    assert cheap.dear.price == 7
    assert sys.modules["charts.dear"].price == 7
    with pytest.raises(AttributeError, match="rebate"):
        _ = cheap.dear.rebate


def test_what_imports_it_afterwards_gets_the_module_itself() -> None:
    with loaded_later("charts.dear"):
        importlib.import_module("charts.cheap")
    module = importlib.import_module("charts.dear")
    assert Path(str(module.__file__)).name == "dear.py"
    assert vars(module)["price"] == 7


def test_one_that_is_used_within_is_loaded_at_once_and_a_loaded_one_stays() -> None:
    with loaded_later("charts.dear"):
        assert importlib.import_module("charts.cheap").dear.price == 7
        module = sys.modules["charts.dear"]
    with loaded_later("charts.dear"):
        assert importlib.import_module("charts.dear") is module
    assert sys.modules["charts.dear"] is module
