"""Supported image formats, by extension and by the first bytes of a file."""

import os
import stat

# Formats by extension. Decoding ignores extensions, but other tools rely on them.
FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jfif"), ("JPEG", "MPO")),
    ".png": ("PNG",),
    ".gif": ("GIF",),
    ".bmp": ("BMP", "DIB"),
    ".webp": ("WEBP",),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF",)),
    ".avif": ("AVIF",),
    **dict.fromkeys((".pbm", ".pgm", ".pnm", ".ppm"), ("PPM",)),
    **dict.fromkeys((".j2k", ".jp2", ".jpf", ".jpx"), ("JPEG2000",)),
}
EXTENSIONS = frozenset(FORMATS)

_LENGTH = 16
_BEGINNINGS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  \r\n\x87\n",  # JPEG 2000, then its bare codestream
    b"\xff\x4f\xff\x51",
)
_PNM = (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")
_OTHER_KINDS = {
    (b"<!doctype", b"<html", b"<?xml", b"<svg"): "it is a web page or XML, not an image",
    (b"ftyphei", b"ftypmif1"): "it is HEIC; convert it to JPEG",
    (b"%pdf",): "it is a PDF, not an image",
    (b"pk\3\4", b"\x1f\x8b", b"rar!", b"7z\xbc\xaf"): "it is an archive; unpack it",
}


def is_image_start(start: bytes) -> bool:
    r"""Returns whether bytes are the start of an image in a supported format.

    Args:
        start: The first 16 bytes or more, or a whole shorter file.

    Example:
        >>> is_image_start(b"\x89PNG\r\n\x1a\n" + bytes(8)), is_image_start(b"hello")
        (True, False)
    """
    return (
        start.startswith(_BEGINNINGS)
        or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
        or (start[4:8] == b"ftyp" and start[8:12] in (b"avif", b"avis"))
        or (start[:2] == b"BM" and start[6:10] == bytes(4))
        or (start[:2] in _PNM and start[2:3].isspace())
    )


def begins_like_an_image(path: str) -> bool:
    """Returns whether a file begins like an image; only regular files are opened."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return is_image_start(file.read(_LENGTH))
    except OSError:
        return False


def describe_content(content: bytes) -> str:
    """Describes content that can't be decoded, for a message."""
    start = content[:64].lstrip().lower()
    for beginnings, what in _OTHER_KINDS.items():
        if start.startswith(beginnings) or content[4:].startswith(beginnings):
            return what
    if is_image_start(content[:16]):
        return "it starts like an image, but is damaged"
    return f"it is of no known image format (it starts with {content[:8]!r})"
