"""Images of every kind decode to the pixels that the documented rules define.

Where every pixel is decoded, they equal Pillow's bit for bit. JPEGs that are decoded at a
fraction of their size differ, in levels from 0 to 255, by 0.5 on average and at most 3
where they are smooth; in photographs by 1.5 and at most 16.
"""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import smooth_image
from keraunos.data.files.decode import UndecodableError, decode, open_image
from PIL import ExifTags, Image, ImageOps

SIDE = 48
Array = np.ndarray[Any, Any]

# How the stored pixels are to be oriented, from the EXIF specification.
UPRIGHT: dict[int, Callable[[Array], Array]] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    8: np.rot90,
}


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def tensor_png(pixels: Array) -> bytes:
    return bytes(tf.io.encode_png(pixels).numpy())


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def by_pillow(content: bytes, size: int) -> Array:
    """Every pixel decoded, then resized: no fraction of a JPEG."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def difference(first: Array, second: Array) -> Array:
    return np.abs(first.astype(int) - second.astype(int))


@pytest.fixture
def square() -> Image.Image:
    return smooth_image(1, SIDE, SIDE)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_lossless_formats_decode_to_the_saved_pixels(square, format, options):
    pixels = decode(encoded(square, format, **options), SIDE)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.asarray(square))


@pytest.mark.parametrize("format", ["GIF", "PNG"])
def test_palette_images_decode_to_their_colors(square, format):
    few = square.quantize(64)
    pixels = decode(encoded(few, format), SIDE)
    np.testing.assert_array_equal(pixels, np.asarray(few.convert("RGB")))


@pytest.mark.parametrize(
    ("format", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {"quality": 80})],
)
def test_lossy_images_at_native_size_equal_pillow(square, format, options):
    content = encoded(square, format, **options)
    np.testing.assert_array_equal(decode(content, SIDE), by_pillow(content, SIDE))


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("size", [32, 50, 224])
def test_resized_images_equal_pillow(format, size):
    content = encoded(smooth_image(2, 130, 85), format)
    np.testing.assert_array_equal(decode(content, size), by_pillow(content, size))


@pytest.mark.parametrize(("width", "height", "size"), [(600, 450, 224), (1030, 777, 96)])
@pytest.mark.parametrize("seed", range(3))
def test_jpeg_decoded_at_a_fraction_is_within_tolerance(width, height, size, seed):
    content = encoded(smooth_image(seed, width, height), "JPEG", quality=90)
    found = difference(decode(content, size), by_pillow(content, size))
    assert found.any()  # it was decoded at a fraction
    assert found.mean() < 0.5
    assert found.max() <= 3


@pytest.mark.parametrize("size", [32, 64])
def test_photographs_decoded_at_a_fraction_are_within_tolerance(photographs, size):
    paths = sorted(photographs.glob("Train/*/*.jpg"))[::150]
    contents = [path.read_bytes() for path in paths]
    found = [difference(decode(each, size), by_pillow(each, size)) for each in contents]
    assert np.concatenate(found).any()
    assert max(each.mean() for each in found) < 1.5
    assert max(each.max() for each in found) <= 16


@pytest.mark.parametrize(
    ("width", "height", "size", "fraction"),
    [
        (600, 450, 224, 2),
        (600, 447, 224, 1),
        (450, 600, 224, 2),
        (900, 896, 224, 4),
        (2000, 1793, 224, 8),
        (5000, 300, 224, 1),
        (224, 224, 224, 1),
    ],
)
def test_jpeg_fraction_is_at_least_the_requested_size(width, height, size, fraction):
    content = encoded(smooth_image(0, width, height), "JPEG")
    found = open_image(content, size)
    assert found.image.size == (-(-width // fraction), -(-height // fraction))
    assert min(found.image.size) >= size
    assert (found.width, found.height) == (width, height)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(orientation, format):
    stored = smooth_image(3, 64, 40)
    options = {"lossless": True} if format == "WEBP" else {}
    content = encoded(stored, format, exif=turned(orientation), **options)
    found = open_image(content)
    assert found.orientation == orientation
    expected = UPRIGHT[orientation](np.asarray(stored))
    np.testing.assert_array_equal(np.asarray(found.image), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_to_jpegs_decoded_at_a_fraction(orientation):
    content = encoded(smooth_image(4, 500, 320), "JPEG", exif=turned(orientation))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert upright is not None
    expected = np.asarray(upright.resize((64, 64), Image.Resampling.BILINEAR))
    assert difference(decode(content, 64), expected).mean() < 0.5


@pytest.mark.parametrize(
    "exif",
    [turned(0), turned(9), b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0nonsense", b""],
)
def test_broken_exif_is_ignored(square, exif):
    content = encoded(square, "JPEG", exif=exif)
    plain = decode(encoded(square, "JPEG"), SIDE)
    np.testing.assert_array_equal(decode(content, SIDE), plain)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_gray_and_bilevel_images_get_three_equal_channels(square, mode):
    gray = square.convert(mode)
    pixels = decode(encoded(gray, "PNG"), SIDE)
    for channel in range(3):
        np.testing.assert_array_equal(pixels[..., channel], np.asarray(gray.convert("L")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_transparency_is_blended_with_white(square, mode, format):
    image = square.convert(mode)
    alpha = np.tile(np.linspace(0, 255, SIDE).astype(np.uint8), (SIDE, 1))
    image.putalpha(Image.fromarray(alpha))
    pixels = decode(encoded(image, format), SIDE)
    opaque = np.asarray(square.convert(mode.rstrip("A")).convert("RGB"), np.float64)
    share = alpha[..., None] / 255
    expected = opaque * share + 255 * (1 - share)
    assert np.abs(pixels - expected).max() <= 1
    assert (pixels[:, 0] == 255).all()


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_transparent_palette_color_becomes_white(square, format):
    few = square.quantize(16)
    content = encoded(few, format, transparency=5)
    clear = np.asarray(few) == 5
    assert clear.any()
    expected = np.where(clear[..., None], 255, np.asarray(few.convert("RGB")))
    np.testing.assert_array_equal(decode(content, SIDE), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_top_8_of_16_bits_are_kept(channels):
    values = np.random.default_rng(0).integers(0, 2**16, (SIDE, SIDE, channels), np.uint16)
    values[0, :6, 0] = 255, 256, 65535, 0, 511, 4095
    pixels = decode(tensor_png(values), SIDE)
    np.testing.assert_array_equal(pixels, np.broadcast_to(values >> 8, pixels.shape))


def test_16_bit_images_are_not_rescaled_per_file():
    dark = np.full((SIDE, SIDE), 200, np.uint16)  # of 65,535
    assert decode(encoded(Image.fromarray(dark), "TIFF"), SIDE).max() == 0


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_32_bit_images_are_rejected(dtype):
    content = encoded(Image.fromarray(np.ones((SIDE, SIDE), dtype)), "TIFF")
    with pytest.raises(UndecodableError, match="32 bits per pixel; save it with 8 or 16"):
        decode(content, SIDE)


@pytest.mark.parametrize("transform", [0, 2], ids=["CMYK", "YCCK"])
def test_cmyk_converts_to_the_same_rgb_as_in_tensorflow(square, transform):
    content = bytearray(encoded(square.convert("CMYK"), "JPEG", quality=95))
    marker = content.index(b"Adobe")
    content[marker + 11] = transform
    theirs = tf.io.decode_jpeg(bytes(content), channels=3, dct_method="INTEGER_ACCURATE")
    assert difference(decode(bytes(content), SIDE), theirs.numpy()).max() <= 2


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_an_animation_is_used(format):
    first, *others = [smooth_image(n, SIDE, SIDE).quantize(32) for n in (5, 6, 7)]
    if format == "WEBP":
        first, *others = [frame.convert("RGB") for frame in (first, *others)]
    options = {"lossless": True} if format == "WEBP" else {}
    content = encoded(first, format, save_all=True, append_images=others, **options)
    found = open_image(content)
    assert found.is_animated
    np.testing.assert_array_equal(np.asarray(found.image), np.asarray(first.convert("RGB")))
    assert not open_image(encoded(first, format)).is_animated


def test_color_profile_and_metadata_are_ignored(square):
    plain = decode(encoded(square, "PNG"), SIDE)
    rich = encoded(square, "PNG", icc_profile=b"no profile at all" * 20, dpi=(300, 300))
    np.testing.assert_array_equal(decode(rich, SIDE), plain)


def test_pixel_limit_of_pillow_is_lifted_only_while_decoding(square, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    contents = [encoded(square, "PNG")] * 16
    with ThreadPoolExecutor(4) as pool:
        decoded = list(pool.map(lambda content: decode(content, SIDE), contents))
    assert len(decoded) == 16
    assert Image.MAX_IMAGE_PIXELS == 10
    with pytest.raises(UndecodableError):
        decode(b"no image", SIDE)
    assert Image.MAX_IMAGE_PIXELS == 10
