"""The documentation site has every page, and its links stay on it."""

from pathlib import Path

import keraunos
import pytest
import yaml

ROOT = Path(__file__).parents[1]
WRITTEN = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
OF_ROOT = {"index.md", "contributing.md", "security.md", "changelog.md"}


def pages(nav):
    """The pages of a part of the navigation."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in pages(part)]


def test_every_page_is_in_the_navigation_once():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(pages(nav)) == sorted(WRITTEN | OF_ROOT)


def test_every_public_name_is_in_the_reference():
    written = ROOT.glob("docs/reference/*.md")
    reference = "".join(path.read_text("utf-8") for path in written)
    for name in keraunos.__all__:
        found = getattr(keraunos, name)
        if name != "callbacks":
            assert f"::: {found.__module__}.{found.__qualname__}\n" in reference, name


@pytest.mark.nightly
def test_site_builds_without_warnings(tmp_path, monkeypatch):
    pytest.importorskip("mkdocs")
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "true")  # the theme sets it permanently
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True)
    build(config)
    home = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="comparison/"' in home
    assert 'href="source/models/module.py.txt"' in home
    faults = (tmp_path / "faults/index.html").read_text(encoding="utf-8")
    assert (
        'href="../source/tests/trainer/test_killed.py.txt" title="tests/trainer/' in faults
    )
    trainer = (tmp_path / "reference/trainer/index.html").read_text(encoding="utf-8")
    assert "Trains Keras models" in trainer
    assert "Maximum number of epochs" in trainer, "options are listed one by one"
