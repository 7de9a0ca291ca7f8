"""What MkDocs is told beside mkdocs.yml.

Pages link to files of the repository, as readers of the repository need them. On the site
these files are there as well, under `source/`, so that no link leads elsewhere; README.md,
CONTRIBUTING.md and the like become pages. Names of tests, which are long sentences, become
short links to their files.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(\))")
_TEST = re.compile(r"`((tests/[\w/]+\.py)(?:::\w+)?)`")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages at the root of the repository, and all files that pages link to."""
    for name, page in PAGES.items():
        content = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=content))
    linked = set()
    for file in files.documentation_pages():
        for _, path, _, _ in _LINK.findall(file.content_string):
            linked.add(_in_repository(file, path))
        linked.update(path for _, path in _TEST.findall(file.content_string))
    for path in sorted(filter(_is_source, linked)):
        files.append(
            File.generated(config, f"source/{path}.txt", abs_src_path=str(ROOT / path))
        )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links as the repository has them into those of the site."""

    def of_site(match: re.Match[str]) -> str:
        begin, path, anchor, end = match.groups()
        target = _on_site(_in_repository(page.file, path))
        if target is None:
            return match.group()
        here = posixpath.dirname(page.file.src_uri)
        return f"{begin}{posixpath.relpath(target, here or '.')}{anchor or ''}{end}"

    def of_test(match: re.Match[str]) -> str:
        name, path = match.groups()
        if not _is_source(path):
            return match.group()
        here = posixpath.dirname(page.file.src_uri)
        target = posixpath.relpath(f"source/{path}.txt", here or ".")
        return f'[test]({target} "{name}")'

    return _TEST.sub(of_test, _LINK.sub(of_site, markdown))


def _in_repository(file: File, path: str) -> str:
    """Where a link leads, from the root of the repository."""
    is_of_root = file.src_uri in PAGES.values()
    folder = "" if is_of_root else posixpath.join("docs", posixpath.dirname(file.src_uri))
    return posixpath.normpath(posixpath.join(folder, path))


def _on_site(path: str) -> str | None:
    if path in PAGES:
        return PAGES[path]
    if _is_source(path):
        return f"source/{path}.txt"
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def _is_source(path: str) -> bool:
    """Whether it is a file of the repository that is no page or image of the site."""
    is_of_site = path.startswith("docs/") and not path.startswith("docs/clusters/")
    return path not in PAGES and not is_of_site and (ROOT / path).is_file()
