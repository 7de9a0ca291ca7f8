"""Images are decoded in order; those that can't be are passed on with the reason."""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_image
from keraunos.data.files.decode import decode
from keraunos.data.files.parallel_reader import PROCESSES_VARIABLE, ParallelReader
from keraunos.data.files.pixel_rules import DEFAULT_RULES, PixelRules
from keraunos.data.streams.image_names import ImageName
from keraunos.data.streams.read_stream import Decoding, ReadImage, read_stream

LARGE, SMALL = Decoding(24, DEFAULT_RULES), Decoding(8, PixelRules(max_pixels=40 * 31))


@pytest.fixture
def images(tmp_path: Path) -> list[ImageName]:
    """Nine images, one of them too large for one of two models, and three others."""
    for number in range(9):
        size = (40, 32) if number == 5 else (40, 30)
        smooth_image(number, *size).save(tmp_path / f"{number}.png")
    (tmp_path / "page.png").write_text("<html>")
    names = [str(tmp_path / f"{number}.png") for number in range(9)]
    found = [ImageName(name) for name in names]
    found.insert(2, ImageName(str(tmp_path / "page.png")))
    found.insert(7, ImageName(str(tmp_path / "gone.png")))
    found.append(ImageName("folder/", "the folder can't be opened"))
    return found


def check(found: list[ReadImage], images: list[ImageName]) -> None:
    assert [each.image for each in found] == images
    problems = [each.problem for each in found]
    assert "web page" in problems[2]
    assert "40 x 32 pixels" in problems[6]
    assert "can't be opened (No such file" in problems[7]
    assert problems[-1] == "the folder can't be opened"
    readable = [each for each in found if not each.problem]
    assert len(readable) == 8
    for each in readable:
        content = Path(each.image.name).read_bytes()
        for pixels, (size, rules) in zip(each.pixels, (LARGE, SMALL), strict=True):
            np.testing.assert_array_equal(pixels, decode(content, size, rules))


def test_each_image_yields_pixels_per_model_or_a_problem(images: list[ImageName]) -> None:
    with ParallelReader(len(images)) as reader:
        check(list(read_stream(images, [LARGE, SMALL], reader)), images)


@pytest.mark.slow
def test_decoding_in_processes_yields_the_same_stream(
    images: list[ImageName], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv(PROCESSES_VARIABLE, "2")
        with ParallelReader(len(images)) as reader:
            check(list(read_stream(images, [LARGE, SMALL], reader)), images)


def test_names_are_consumed_lazily(images: list[ImageName]) -> None:
    taken = []

    def endless() -> Iterator[ImageName]:
        for number in count():
            taken.append(number)
            yield images[0]

    with ParallelReader(1) as reader:
        read = read_stream(endless(), [LARGE], reader, ahead=32)
        assert len(list(islice(read, 100))) == 100
    assert len(taken) < 250
