"""Checks the XML of an OpenVINO model."""

import re
import xml.parsers.expat
from pathlib import Path

from .refusal import refusal

_OPERATIONS = re.compile(r"opset\d{1,2}")


def require_harmless(file: Path) -> None:
    """Checks that a model is an OpenVINO IR with standard operations only.

    OpenVINO chooses a reader by the content of the file, and loads libraries for
    extensions.

    Raises:
        ModelFileError: It is not an IR, or has other operations.
    """
    roots: list[str] = []
    other: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if not roots:
            roots.append(name)
        version = attributes.get("version", "")
        if name == "layer" and not _OPERATIONS.fullmatch(version):
            other.append(f"{version} {attributes.get('type', '')}".strip() or "a layer")

    def declare(name: str, *rest: object) -> None:
        other.append(f"<!DOCTYPE {name}>")

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = declare
    with file.open("rb") as opened:
        parser.ParseFile(opened)
    if roots != ["net"]:
        raise refusal(file, "is not an OpenVINO model", *roots)
    if other:
        raise refusal(file, "has custom operations", *sorted(set(other)))
