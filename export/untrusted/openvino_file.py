"""Inspects the XML of an OpenVINO model."""

import re
import xml.parsers.expat
from pathlib import Path

from .refusal import refusal

_OPERATIONS = re.compile(r"opset\d{1,2}")


def require_harmless(file: Path) -> None:
    """Checks that a model is OpenVINO's own form, of operations that it knows.

    OpenVINO finds out by the content of a file which of its readers it is for; and it loads
    libraries for extensions.

    Raises:
        ModelFileError: It is something else, or has other operations.
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
