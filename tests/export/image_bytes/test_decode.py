"""In-graph decoding yields the same pixels as the Python decoder, or an error."""

import functools
import io
import struct
import zlib
from typing import Any

import numpy as np
import PIL
import pytest
import tensorflow as tf
from helpers import smooth_image
from keraunos.data.files.decode import decode as decode_outside
from keraunos.data.files.pixel_rules import PixelRules
from keraunos.export.image_bytes.decode import decode
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

SIZE = 24
PILLOW = int(PIL.__version__.split(".")[0])  # earlier versions resize in another order
RULES = PixelRules(max_pixels=2_000_000)
DEEP = PixelRules(bit_depth=12)
RANDOM = np.random.default_rng(5)


@functools.cache
def decoder(size: int, rules: PixelRules) -> Any:
    contents = tf.TensorSpec((None,), tf.string)
    return tf.function(
        lambda contents: decode(contents, size, rules), (contents,), autograph=False
    )


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def with_exif(entries: bytes, count: int = 1, order: bytes = b"II*\0") -> bytes:
    byte_order = "<" if order[:1] == b"I" else ">"
    head = order + struct.pack(f"{byte_order}IH", 8, count)
    return encoded(smooth_image(2), exif=b"Exif\0\0" + head + entries + bytes(4))


def orientation(value: int, kind: int = 3, order: str = "<") -> bytes:
    packed = "HH" if kind in (3, 8) else "I"
    values = (value, 0) if kind in (3, 8) else (value,)
    return struct.pack(f"{order}HHI{packed}", ExifTags.Base.Orientation, kind, 1, *values)


def xmp(value: int) -> bytes:
    return b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/>\xff</x:xmpmeta>' % value


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


def png(depth: int, kind: int, row: bytes, *chunks: bytes, width: int = 8) -> bytes:
    """Returns a PNG of eight identical rows of packed pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 8, depth, kind, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for _ in range(8))))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def noise(*shape: int, high: int = 65536) -> Any:
    return RANDOM.integers(0, high, shape, dtype=np.uint16)


def turned(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    return exif


def jpegs() -> dict[str, bytes]:
    large = smooth_image(1, 203, 101)  # a half, a quarter and an eighth end within pixels
    cases = {f"{n} pixels": encoded(smooth_image(n, n, n + 7)) for n in (9, 24, 25, 50)}
    cases |= {
        f"{large} subsampled {kind}": encoded(large, subsampling=kind, quality=93)
        for large in (large, smooth_image(2, 97, 211))
        for kind in (0, 1, 2)
    }
    cases |= {f"{n} high": encoded(smooth_image(n, 37, n)) for n in (49, 50, 51, 180)}
    cases["progressive"] = encoded(large, progressive=True, quality=40)
    cases["gray"] = encoded(large.convert("L"))
    cases["noise"] = encoded(Image.fromarray((noise(70, 80, 3) >> 8).astype(np.uint8)))
    cases["followed"] = encoded(large) + b"<?php nonsense"
    cases["color profile"] = encoded(large, icc_profile=bytes(200_000), comment=b"\xff")
    return cases


def rotated_images() -> dict[str, bytes]:
    cases = {f"jpeg {n}": encoded(smooth_image(1), exif=turned(n)) for n in range(10)}
    cases |= {f"png {n}": encoded(smooth_image(1), "PNG", exif=turned(n)) for n in (1, 6)}
    cases |= {f"type {n}": with_exif(orientation(6, n)) for n in (1, 2, 3, 4, 8, 9, 13, 99)}
    big = with_exif(orientation(8, 3, ">"), order=b"MM\0*")
    after = struct.pack("<HHI4s", 0x10F, 2, 3, b"ab\0") + orientation(5)
    cases |= {"big": big, "after": with_exif(after, 2), "cut": with_exif(orientation(6), 9)}
    cases["xmp"] = encoded(smooth_image(3), xmp=xmp(6))
    cases["xmp of nothing"] = encoded(smooth_image(3), xmp=xmp(0))
    cases["a digit"] = encoded(smooth_image(3), xmp=b"6")
    cases["exif before xmp"] = encoded(smooth_image(3), xmp=xmp(6), exif=turned(8))
    cases["no tiff"] = encoded(smooth_image(3), exif=b"Exif\0\0" + b"zz" * 9, xmp=xmp(6))
    outside = b"Exif\0\0II*\0\xff\xff\0\0"
    cases["outside"] = encoded(smooth_image(3), exif=outside)
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp(6).decode("latin-1"))
    cases["png xmp"] = encoded(smooth_image(3), "PNG", pnginfo=info)
    comment = PngInfo()
    comment.add_text("Comment", 'tiff:Orientation="6"')
    cases["comment"] = encoded(smooth_image(3), "PNG", pnginfo=comment)
    return cases


def pngs() -> dict[str, bytes]:
    color = smooth_image(4, 31, 43)
    alpha = np.dstack([np.asarray(color), (noise(43, 31) >> 8).astype(np.uint8)])
    few = color.quantize(11)
    key = np.asarray(color)[5, 5].tolist()
    cases = {
        "rgb": encoded(color, "PNG"),
        "alpha": encoded(Image.fromarray(alpha), "PNG"),
        "gray and alpha": encoded(Image.fromarray(alpha[..., 2:].copy(), "LA"), "PNG"),
        "palette": encoded(color.convert("P"), "PNG"),
        "palette of 4 bits": encoded(few, "PNG"),
        "palette with alpha": encoded(few, "PNG", transparency=bytes([0, 100, 255, 3])),
        "bits": encoded(color.convert("1"), "PNG"),
        "2 bits": png(2, 0, b"\x1b\xe4"),
        "4 bits": png(4, 0, b"\x01\x23\x89\xef"),
        "gray with a key": encoded(color.convert("L"), "PNG", transparency=100),
        "colors with a key": encoded(color, "PNG", transparency=tuple(key)),
        "16 bits": encoded(Image.fromarray(noise(50, 60)), "PNG"),
    }
    for channels in (1, 2, 3, 4):
        content = tf.io.encode_png(noise(30, 40, channels)).numpy()
        cases[f"{channels} of 16 bits"] = content
    return cases


REFUSED = {
    "JPEG or PNG": [
        b"",
        b"GIF89a",
        *(encoded(smooth_image(6), f) for f in ("GIF", "BMP", "WEBP", "TIFF", "PPM")),
    ],
    "CMYK": [encoded(smooth_image(6).convert("CMYK"))],
    "stored in an unsupported way": [
        with_exif(orientation(6, 5)),
        with_exif(orientation(6) + orientation(3), 2),
        with_exif(struct.pack("<HHII", 0x10F, 2, 300, 90000) + orientation(6), 2),
        with_exif(orientation(6), order=b"II+\0"),
    ],
    "of this depth": [
        png(2, 0, b"\x1b\xe4", chunk(b"tRNS", b"\0\2")),
        png(16, 2, bytes(48), chunk(b"tRNS", bytes(6))),
        encoded(Image.fromarray(noise(9, 9)), "PNG", transparency=100),
    ],
    "more pixels": [
        encoded(smooth_image(6, 2000, 1001)),
        encoded(smooth_image(6, 2000, 1001), "PNG"),
        png(8, 0, b"", width=2**31 - 1),
    ],
    "damaged": [b"\x89PNG\r\n\x1a\n", png(8, 0, b"", width=2**31)],
    "Invalid": [b"\xff\xd8\xff", encoded(smooth_image(6), "PNG")[:-1000]],
    "Uncompress": [encoded(smooth_image(6))[:-500]],
}


def packed() -> list[bytes]:
    zipped, profile = PngInfo(), PngInfo()
    zipped.add_itxt("XML:com.adobe.xmp", xmp(6).decode("latin-1"), zip=True)
    profile.add_text("Raw profile type exif", "\nexif\n4\n45786966", zip=True)
    return [encoded(smooth_image(6), "PNG", pnginfo=i) for i in (zipped, profile)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.feature("signature from bytes")
def test_in_graph_decoder_matches_the_python_decoder_bit_for_bit():
    cases = jpegs() | rotated_images() | pngs()
    found = decoder(SIZE, RULES)(tf.constant(list(cases.values()))).numpy()
    for (name, content), pixels in zip(cases.items(), found, strict=True):
        wanted = decode_outside(content, SIZE, RULES)
        difference = np.abs(pixels.astype(int) - wanted).max()
        assert difference <= (0 if PILLOW >= 13 else 1), name


@pytest.mark.slow
def test_undecodable_images_are_rejected_with_a_reason():
    cases = [(text, each) for text, contents in REFUSED.items() for each in contents]
    for text, content in [*cases, *(("Compressed metadata", each) for each in packed())]:
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            decoder(SIZE, RULES)(tf.constant([content]))


@pytest.mark.slow
def test_empty_batch_decodes_to_an_empty_tensor():
    assert decoder(SIZE, RULES)(tf.constant([], tf.string)).shape == (0, SIZE, SIZE, 3)


@pytest.mark.nightly
def test_bit_depth_of_12_is_respected():
    cases = [tf.io.encode_png(noise(30, 40, n, high=4096)).numpy() for n in (1, 3)]
    cases += [encoded(smooth_image(7)), encoded(smooth_image(7).quantize(9), "PNG")]
    found = decoder(SIZE, DEEP)(tf.constant(cases)).numpy()
    for content, pixels in zip(cases, found, strict=True):
        assert np.array_equal(pixels, decode_outside(content, SIZE, DEEP))
    for content, text in (
        (tf.io.encode_png(noise(30, 40, 3)).numpy(), "more bits than 12"),
        (tf.io.encode_png(noise(30, 40, 4, high=4096)).numpy(), "of this depth"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            decoder(SIZE, DEEP)(tf.constant([content]))


@pytest.mark.nightly
@pytest.mark.parametrize("size", [64, 224])
def test_photographs_decode_to_identical_pixels(photographs, size):
    files = sorted(photographs.rglob("*.jpg"))
    assert len(files) > 2000
    for start in range(0, len(files), 50):
        contents = [file.read_bytes() for file in files[start : start + 50]]
        found = decoder(size, PixelRules())(tf.constant(contents)).numpy()
        wanted = [decode_outside(content, size) for content in contents]
        assert np.array_equal(found, wanted), start
