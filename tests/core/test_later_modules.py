"""Modules that are loaded when they are first used."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from keraunos.core.later_modules import deferred_imports


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package whose module `charts.costly` is imported by `charts.cheap`."""
    package = tmp_path / "charts"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "costly.py").write_text("price = 7\n")
    (package / "cheap.py").write_text("import charts.costly as costly\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith("charts")]:
        del sys.modules[name]


def test_module_is_loaded_on_first_use() -> None:
    with deferred_imports("charts.costly"):
        cheap = importlib.import_module("charts.cheap")
    assert "charts.costly" not in sys.modules
    assert cheap.costly.price == 7
    assert sys.modules["charts.costly"].price == 7
    with pytest.raises(AttributeError, match="rebate"):
        _ = cheap.costly.rebate


def test_later_import_gets_the_real_module() -> None:
    with deferred_imports("charts.costly"):
        importlib.import_module("charts.cheap")
    module = importlib.import_module("charts.costly")
    assert Path(str(module.__file__)).name == "costly.py"
    assert vars(module)["price"] == 7


def test_module_used_within_the_block_or_loaded_before_is_the_real_one() -> None:
    with deferred_imports("charts.costly"):
        assert importlib.import_module("charts.cheap").costly.price == 7
        module = sys.modules["charts.costly"]
    with deferred_imports("charts.costly"):
        assert importlib.import_module("charts.costly") is module
    assert sys.modules["charts.costly"] is module
