"""Makes faulty files and folders beside intact ones."""

import io
import os
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from helpers import make_images, smooth_image
from PIL import ExifTags, Image

GIANT = 20_000
LOSSLESS = {"GIF": "gif", "PNG": "png", "TIFF": "tif", "WEBP": "webp"}
HARMFUL = (
    "<img src=x onerror=alert(1)>",
    "=cmd|' calc'!A0",
    "[red]%s",
    r"{x} $\frac$ ..\..",
)
OUTSIDE = "../../outside[/nope]"


def encoded(seed: int, format: str, mode: str = "RGB", **options: Any) -> bytes:
    """A distinct image for each seed, as the bytes of a file."""
    file = io.BytesIO()
    smooth_image(seed).convert(mode).save(file, format, **options)
    return file.getvalue()


def nothing(folder: Path) -> None:
    """Leaves the intact folders unchanged."""


def truncated(folder: Path) -> None:
    for seed, format in enumerate(("JPEG", "PNG", "GIF", "BMP", "WEBP"), start=10):
        content = encoded(seed, format)
        name = "jpg" if format == "JPEG" else format.lower()
        (folder / f"train/cat/cut.{name}").write_bytes(content[: len(content) * 2 // 3])


def trailing_bytes(folder: Path) -> None:
    content = encoded(10, "JPEG")
    (folder / "train/cat/tail.jpg").write_bytes(content + b"<?php nonsense")
    middle = len(content) * 2 // 3
    wrong = content[:middle] + b"\xff\x01\x55\xaa" + content[middle + 4 :]
    (folder / "train/cat/wrong.jpg").write_bytes(wrong)


def empty_files(folder: Path) -> None:
    (folder / "train/cat/nothing.jpg").touch()
    (folder / "test/dog/nothing.png").touch()


def no_images(folder: Path) -> None:
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(ran) print\nshowpage\n"
    for name, content in {
        "train/cat/text.jpg": b"hello, this is text",
        "train/cat/page.png": b"<!DOCTYPE html><title>404</title>",
        "train/cat/phone.jpg": b"\0\0\0\x18ftypheic" + bytes(40),
        "train/dog/all.jpg": b"PK\x03\x04" + bytes(40),
        "test/cat/draw.jpg": script,
    }.items():
        (folder / name).write_bytes(content)


def misnamed(folder: Path) -> None:
    for seed, format in enumerate(("PNG", "GIF", "WEBP"), start=10):
        (folder / f"train/cat/really-{format}.jpg").write_bytes(encoded(seed, format))


def cmyk(folder: Path) -> None:
    content = bytearray(encoded(10, "JPEG", "CMYK"))
    (folder / "train/cat/cmyk.jpg").write_bytes(content)
    content[content.index(b"Adobe") + 11] = 2  # now it claims to be YCCK
    (folder / "train/cat/ycck.jpg").write_bytes(content)


def other_colors(folder: Path) -> None:
    for seed, mode in enumerate(("L", "1", "P", "LA", "RGBA"), start=10):
        (folder / f"train/cat/{mode}.png").write_bytes(encoded(seed, "PNG", mode))
    values = np.random.default_rng(0).integers(0, 2**16, (40, 40, 4), np.uint16)
    for channels in (1, 3, 4):
        content = tf.io.encode_png(values[..., :channels]).numpy()
        (folder / f"train/dog/{channels}x16.png").write_bytes(content)


def animated(folder: Path) -> None:
    for seed, (format, extension) in enumerate(LOSSLESS.items(), start=10):
        further = [smooth_image(seed + 20), smooth_image(seed + 40)]
        content = encoded(seed, format, save_all=True, append_images=further)
        (folder / f"train/cat/film.{extension}").write_bytes(content)


def other_extensions(folder: Path) -> None:
    for name in ("train/cat/a.heic", "train/dog/b.HEIC", "train/dog/notes.txt"):
        (folder / name).write_bytes(b"some content")
    make_images(folder / "only_heic", {"cat": 4, "dog": 3}, seed=5)
    (folder / "only_heic/emu").mkdir()
    (folder / "only_heic/emu/a.heic").write_bytes(b"some content")


def on_their_side(folder: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    (folder / "train/cat/phone.jpg").write_bytes(encoded(10, "JPEG", exif=exif))


def giants(folder: Path) -> None:
    (folder / "train/cat/bomb.png").write_bytes(_png_bomb())
    gif = bytearray(encoded(10, "GIF"))
    gif[6:10] = struct.pack("<HH", GIANT, GIANT)
    (folder / "train/cat/bomb.gif").write_bytes(gif)
    bmp = bytearray(encoded(11, "BMP"))
    bmp[18:26] = struct.pack("<ii", GIANT, GIANT)
    (folder / "train/dog/bomb.bmp").write_bytes(bmp)
    with open(folder / "train/dog/huge.jpg", "wb") as file:
        file.truncate(3_000_000_000)  # takes no space on the disk


def _png_bomb() -> bytes:
    """A complete, valid PNG of one bit per pixel: 50 kB, 1.2 GB as RGB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", GIANT, GIANT, 1, 0, 0, 0, 0)
    lines = zlib.compress(bytes(GIANT * (1 + GIANT // 8)))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", lines), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def empty_class(folder: Path) -> None:
    (folder / "train/emu").mkdir()


def class_lists(folder: Path) -> None:
    make_images(folder / "lacks", {"cat": 3}, seed=5)
    make_images(folder / "extra", {"cat": 3, "dog": 2, "emu": 2}, seed=6)
    make_images(folder / "case", {"cat": 3, "Dog": 2}, seed=7)
    make_images(folder / "both", {"cat": 6, "Dog": 5, "dog": 7}, seed=8)


def hardly_any(folder: Path) -> None:
    (folder / "none").mkdir()
    make_images(folder / "one_class", {"cat": 6}, seed=5)
    make_images(folder / "two", {"cat": 1, "dog": 1}, seed=6)


def copies(folder: Path) -> None:
    first = folder / "train/cat/cat-000.png"
    (folder / "test/cat/leaked.png").write_bytes(first.read_bytes())
    second = folder / "train/cat/cat-001.png"
    (folder / "train/dog/contradicts.png").write_bytes(second.read_bytes())


def odd_files(folder: Path) -> None:
    cats = folder / "train/cat"
    (cats / "nowhere.png").symlink_to(folder / "nothing.png")
    (cats / "itself.png").symlink_to(cats / "itself.png")
    os.mkfifo(cats / "pipe.png")
    (cats / "broken\nname.png").touch()
    (cats / "again").symlink_to(cats)
    (folder / "elsewhere.png").write_bytes(encoded(10, "PNG"))
    (cats / "out of the folder.png").symlink_to(folder / "elsewhere.png")
    for seed, name in enumerate(("two words.png", "æøå 猫.png", "two\nlines.png"), 11):
        (cats / name).write_bytes(encoded(seed, "PNG"))
    no_text = os.path.join(os.fsencode(cats), b"\xff\xfe.png")
    with open(no_text, "wb") as file:
        file.write(encoded(20, "PNG"))


def archives(folder: Path) -> None:
    with zipfile.ZipFile(folder / "evil.zip", "w") as archive:
        archive.writestr("../evil.py", "raise SystemExit('ran')")
    with tarfile.open(folder / "evil.tar", "w") as archive:
        member = tarfile.TarInfo("../evil.py")
        archive.addfile(member, io.BytesIO())
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    (folder / "train/cat/evil.tar").write_bytes((folder / "evil.tar").read_bytes())
    (folder / "train/cat/evil.jpg").write_bytes((folder / "evil.zip").read_bytes())


def harmful_names(folder: Path) -> None:
    make_images(folder / "harmful", dict.fromkeys(HARMFUL, 5), seed=5)
    make_images(folder / "harmful_test", dict.fromkeys(HARMFUL, 2), seed=6)
    make_images(folder / "lines", {"cat": 4, "two\nlines": 4}, seed=7)
    paths = sorted(folder.glob("train/*/*.png"))
    rows = [f"{path},{OUTSIDE if n % 2 else 'inside'}" for n, path in enumerate(paths)]
    (folder / "harmful.csv").write_text("\n".join(["image,label", *rows]))


def classes_or_splits(folder: Path) -> None:
    for seed, name in enumerate(("train", "test_set", "extra"), start=20):
        make_images(folder / "mixed" / name, {"cat": 3, "dog": 2}, seed=seed)


def own_folders(folder: Path) -> None:
    run = folder / "train/runs/fit-001"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").touch()
    (run / "samples.png").write_bytes(encoded(10, "PNG"))
    (folder / "train/cache").mkdir()
    (folder / "train/cache/CACHEDIR.TAG").touch()
    (folder / "train/__MACOSX/cat").mkdir(parents=True)


def twelve_bits(folder: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("train/cat/deep-1.png", "train/dog/deep-2.png"):
        values = random.integers(0, 4096, (40, 40), dtype=np.uint16)
        values.flat[0] = 4095
        Image.fromarray(values).save(folder / name)


def odd_tables(folder: Path) -> None:
    cats, dogs = (sorted((folder / "train" / name).iterdir()) for name in ("cat", "dog"))
    rows = [f"{cats[0]},nan", f"{cats[1]},cat|small", f"{dogs[0]},dog"]
    (folder / "odd.csv").write_text("\n".join(["image,label", *rows]))
    wide = [f"{cats[0]},1,0", f"{dogs[0]},1,1"]
    (folder / "wide.csv").write_text("\n".join(["image,cat,dog", *wide]))
