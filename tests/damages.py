"""Ways in which a file can be damaged."""

from collections.abc import Callable
from pathlib import Path


def empty(file: Path) -> None:
    file.write_bytes(b"")


def half(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def delete(file: Path) -> None:
    file.unlink()


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGES: dict[str, Callable[[Path], None]] = {
    each.__name__: each for each in (empty, half, flip, delete, directory)
}
