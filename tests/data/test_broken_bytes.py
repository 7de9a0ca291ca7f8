"""Whatever bytes a file contains, decoding returns an image or raises UndecodableError."""

import io

import numpy as np
import pytest
from faulty_files import encoded
from keraunos.data.files.decode import UndecodableError, decode
from PIL import Image

KINDS = {
    "jpeg": ("JPEG", {}),
    "progressive": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "webp": ("WEBP", {}),
    "tiff": ("TIFF", {"compression": "tiff_deflate"}),
}


def outcome(content: bytes) -> str:
    try:
        pixels = decode(content, 32)
    except UndecodableError:
        return "reason"
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    return "image"


# Warnings of Pillow, which a run does not show; pytest turns all on.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("kind", KINDS)
def test_corrupted_bytes_yield_an_image_or_an_undecodable_error(kind):
    format, options = KINDS[kind]
    content = np.frombuffer(encoded(1, format, **options), np.uint8)
    random = np.random.default_rng(len(kind))
    outcomes = set()
    for number in range(150):
        wrong = content.copy()
        reach = 80 if number % 2 else len(wrong)  # half of them in the header
        places = random.integers(0, reach, random.integers(1, 8))
        wrong[places] = random.integers(0, 256, len(places))
        outcomes.add(outcome(wrong.tobytes()))
    assert outcomes == {"image", "reason"}


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_file_is_rejected(kind):
    format, options = KINDS[kind]
    content = encoded(2, format, **options)
    for length in np.linspace(1, len(content) - 100, 40).astype(int):
        assert outcome(content[:length]) == "reason", length


def test_eps_file_is_rejected_as_unknown_format():
    script = io.BytesIO()
    Image.new("RGB", (8, 8)).save(script, "EPS")
    with pytest.raises(UndecodableError, match="no known image format"):
        decode(script.getvalue(), 32)


def test_syntax_error_from_pillow_counts_as_undecodable():
    """A chunk that is declared shorter than it is: Pillow raises SyntaxError."""
    content = encoded(3, "PNG")
    place = content.index(b"IDAT") - 4
    wrong = content[:place] + (50).to_bytes(4, "big") + content[place + 4 :]
    with pytest.raises(SyntaxError):
        Image.open(io.BytesIO(wrong)).load()
    assert outcome(wrong) == "reason"
