"""16-bit images that use fewer bits, and the less common formats."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_image
from keraunos import DataError, ImageData
from keraunos.core.store import Store
from keraunos.data.audit.audit import audit_folders
from keraunos.data.audit.findings import findings
from keraunos.data.files.decode import decode, open_image
from keraunos.data.files.inspect import inspect_files
from keraunos.data.files.pixel_rules import PixelRules, UndecodableError
from keraunos.data.files.read_file import try_read_into
from PIL import Image

SIDE = 32


def png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits per channel: gray, or with 3 or 4 channels."""
    height, width = values.shape[:2]
    color = {2: 0, 3: 2, 4: 6}[values.ndim if values.ndim == 2 else values.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + zlib_crc(name + data)

    def zlib_crc(data: bytes) -> bytes:
        return struct.pack(">I", zlib.crc32(data))

    head = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def values(seed: int, bits: int, *channels: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    made = random.integers(0, 2**bits, (SIDE, SIDE, *channels), dtype=np.uint16)
    made.flat[0] = 2**bits - 1
    return made


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_top_8_of_the_used_bits_are_kept(bits, channels):
    made = values(0, bits, *channels)
    assert open_image(png(made)).bits == bits
    pixels = decode(png(made), SIDE, PixelRules(bit_depth=bits))
    expected = (made >> (bits - 8)).reshape(SIDE, SIDE, -1)
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))
    with pytest.raises(UndecodableError, match=f"it uses {bits} bits, more than"):
        decode(png(made), SIDE, PixelRules(bit_depth=bits - 1))


def test_bit_depth_of_transparent_images_is_measured_on_colors():
    made = np.concatenate([values(0, 12, 3), np.full((SIDE, SIDE, 1), 65535)], axis=2)
    assert open_image(png(made)).bits == 12
    with pytest.raises(UndecodableError, match="it has transparency"):
        decode(png(made), SIDE, PixelRules(bit_depth=12))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six gray 12-bit images, stored in 16 bits."""
    for number in range(6):
        name = tmp_path / f"data/{'ab'[number % 2]}/{number}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(png(values(number, 12)))
    return tmp_path / "data"


def test_training_on_nearly_black_images_requires_a_bit_depth(folder, tmp_path):
    options = {"image_size": SIDE, "batch_size": 4, "cache_dir": tmp_path / "cache"}
    with pytest.raises(
        DataError, match=r"none has a value above 4,095.*data\.bit_depth=12"
    ):
        ImageData.from_folder(folder, **options)
    data = ImageData.from_folder(folder, bit_depth=12, **options)
    first = data.train.images(np.arange(data.train.num_examples))
    assert first.max() == 255
    dark = ImageData.from_folder(folder, bit_depth=16, **options)  # from the same cache
    assert dark.train.images(np.arange(1)).max() == 15
    assert any("nearly black" in line for line in dark.describe())
    assert dark.train.fingerprint != data.train.fingerprint
    with pytest.raises(DataError, match="it uses 12 bits, more than"):
        ImageData.from_folder(folder, bit_depth=10, **options)


def test_audit_asks_for_a_bit_depth_and_reports_no_copies(folder, tmp_path):
    audit = audit_folders([folder], Store(tmp_path / "cache", 10**9))
    texts = [each.text for each in findings(audit) if each.spoils]
    assert len(texts) == 1
    assert "data.bit_depth=12" in texts[0]
    assert not audit.duplicates.exact


def test_predictions_require_a_bit_depth(folder):
    files = sorted(map(str, folder.rglob("*.png")))
    pixels = np.zeros((len(files), SIDE, SIDE, 3), np.uint8)
    problems = try_read_into(pixels, files, PixelRules())
    assert all("=12; if white is 65,535, --bit-depth=16" in each for each in problems)
    for bit_depth, brightest in ((12, 255), (16, 15)):
        assert not any(try_read_into(pixels, files, PixelRules(bit_depth=bit_depth)))
        assert pixels.max() == brightest


@pytest.mark.parametrize(
    ("extension", "format", "options"),
    [
        ("avif", "AVIF", {"quality": 95}),
        ("ppm", "PPM", {}),
        ("pgm", "PPM", {}),
        ("jp2", "JPEG2000", {}),
        ("j2k", "JPEG2000", {"no_jp2": True}),
    ],
)
def test_avif_netpbm_and_jpeg_2000_files_are_read(extension, format, options, tmp_path):
    image = smooth_image(3, SIDE, SIDE)
    if extension == "pgm":
        image = image.convert("L")
    image.save(tmp_path / f"a.{extension}", format, **options)
    (record,) = inspect_files([str(tmp_path / f"a.{extension}")], None)
    assert (record.problem, record.format) == ("", format)
    pixels = decode((tmp_path / f"a.{extension}").read_bytes(), SIDE)
    difference = np.asarray(image.convert("RGB"), int) - pixels
    assert np.abs(difference).mean() < 8


def test_12_bit_pgm_is_scaled_by_its_header():
    made = values(0, 12)
    content = b"P5\n%d %d\n4095\n" % (SIDE, SIDE) + made.astype(">u2").tobytes()
    assert decode(content, SIDE).max() == 255


def test_pixel_limit_can_change_without_rebuilding_the_cache(tmp_path):
    content = io.BytesIO()
    Image.new("L", (3000, 1000)).save(content, "PNG")
    file = tmp_path / "large.png"
    file.write_bytes(content.getvalue())
    store = Store(tmp_path / "cache", 10**9)
    for limit, words in [
        (10**6, "more than 1,000,000"),
        (10**7, ""),
        (2 * 10**6, "2,000,0"),
    ]:
        (record,) = inspect_files([str(file)], store, max_pixels=limit)
        assert words in record.problem
        assert bool(record.problem) == bool(words)
        assert (record.width, record.height) == (3000, 1000)
