"""Extras are installed from the same source as Keraunos itself."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from keraunos.core.extras import install_command
from test_architecture import ROOT, sources

URL = "https://example.org/keraunos"


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'keraunos[onnx]'"),
        ({"url": "file://CLONE", "dir_info": {}}, "pip install 'CLONE[onnx]'"),
        (
            {"url": "file://CLONE", "dir_info": {"editable": True}},
            "pip install -e 'CLONE[onnx]'",
        ),
        ({"url": "file:///is/gone", "dir_info": {}}, "pip install 'keraunos[onnx]'"),
        (
            {"url": URL, "vcs_info": {"vcs": "git", "commit_id": "a1b2"}},
            f"pip install 'keraunos[onnx] @ git+{URL}@a1b2'",
        ),
        (
            {"url": f"{URL}.whl", "archive_info": {}},
            f"pip install 'keraunos[onnx] @ {URL}.whl'",
        ),
    ],
)
def test_install_command_names_the_original_source(
    origin: dict[str, Any] | None, command: str, tmp_path: Path, monkeypatch: Any
) -> None:
    clone = tmp_path / "my clone"
    clone.mkdir()
    information = tmp_path / "keraunos-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: keraunos\nVersion: 1\n")
    if origin is not None:
        text = json.dumps(origin).replace("CLONE", str(clone).replace(" ", "%20"))
        (information / "direct_url.json").write_text(text)
    installed = metadata.PathDistribution(information)
    monkeypatch.setattr(metadata, "distribution", lambda name: installed)
    assert install_command("onnx") == command.replace("CLONE", str(clone))


def test_no_other_file_contains_install_commands() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.ipynb")]
    own = [file for file in sources() if file.name != "extras.py"]
    assert not [file for file in [*own, *pages] if "keraunos[" in file.read_text()]
