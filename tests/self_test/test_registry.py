"""The checks and the sentences that they prove."""

import importlib
from pathlib import Path

import pytest
from keraunos.self_test.registry import CHECKS

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("comparison", "hardware", "runs", "your-images")
    ),
]
FILES = {path.stem for path in (ROOT / "self_test" / "checks").glob("*.py")}


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("promise", sorted({check.promise for check in CHECKS}))
def test_every_promise_is_made_in_the_documentation(promise):
    lines = "\n".join(path.read_text(encoding="utf-8") for path in PAGES).splitlines()
    prose = (line for line in lines if not line.startswith("|"))
    assert promise in words(" ".join(prose))


@pytest.mark.parametrize("module", sorted({check.module for check in CHECKS}))
def test_every_check_has_a_measure_function(module):
    assert callable(importlib.import_module(f"keraunos.self_test.checks.{module}").measure)


def test_names_are_unique_and_documented():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    page = words((ROOT / "docs" / "hardware.md").read_text(encoding="utf-8"))
    for check in CHECKS:
        assert f"| {check.name.partition(',')[0]} | {check.promise} |" in page
