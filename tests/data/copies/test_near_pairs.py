import os

import numpy as np
import pytest
from helpers import opened_files, smooth_image
from keraunos.core.store import Store
from keraunos.data.copies.find_copies import near_groups
from keraunos.data.files.file_records import FileRecords
from keraunos.data.files.inspect import inspect_files
from keraunos.data.files.pixel_rules import DECODER_VERSION
from PIL import Image, ImageEnhance, ImageOps

CHANGES = {
    "encoded at JPEG quality 30": lambda image: (image, "JPEG", {"quality": 30}),
    "half the size": lambda image: (image.resize((60, 45)), "PNG", {}),
    "twice the size, as WebP": lambda image: (image.resize((240, 180)), "WEBP", {}),
    "5% cut off a corner": lambda image: (image.crop((6, 4, 120, 90)), "PNG", {}),
    "5% cut off each edge": lambda image: (image.crop((6, 4, 114, 86)), "PNG", {}),
    "5% cut off, and encoded": lambda image: (
        image.crop((0, 2, 114, 87)),
        "JPEG",
        {"quality": 50},
    ),
    "brighter": lambda image: (ImageEnhance.Brightness(image).enhance(1.08), "PNG", {}),
}
UNRELATED = {
    "mirrored": ImageOps.mirror,
    "a quarter cut off": lambda image: image.crop((30, 0, 120, 68)),
    "in other colors": lambda image: Image.merge("RGB", [image.getchannel("G")] * 3),
}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache", 10**9)


@pytest.fixture
def others(tmp_path):
    """Seven images that have nothing to do with those of the seeds below 100."""
    paths = [str(tmp_path / f"other-{number}.png") for number in range(7)]
    for number, path in enumerate(paths):
        smooth_image(100 + number).save(path)
    return paths


def save(image, path, **options):
    image.save(path, **options)
    return str(path)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.nightly) for n in (1, 2))]
)
def test_a_changed_image_is_grouped_with_its_original(
    change, seed, others, store, tmp_path
):
    original = smooth_image(seed)
    changed, kind, options = change(original)
    paths = [
        save(changed, tmp_path / "changed", format=kind, **options),
        *others,
        save(original, tmp_path / "original.png"),
    ]
    groups = near_groups(paths, store)
    assert groups[0] == groups[-1]
    assert len(set(groups)) == 8


@pytest.mark.parametrize("change", UNRELATED.values(), ids=UNRELATED)
def test_substantially_altered_image_is_not_grouped(change, store, tmp_path):
    # All red is gone from the first, so that gray differs from it in color alone.
    original = Image.merge(
        "RGB",
        [
            smooth_image(1).getchannel("G").point(lambda v: v // 4),
            smooth_image(1).getchannel("G"),
            smooth_image(1).getchannel("G"),
        ],
    )
    paths = [
        save(original, tmp_path / "original.png"),
        save(change(original), tmp_path / "changed.png"),
    ]
    assert len(set(near_groups(paths, store))) == 2


@pytest.mark.parametrize(("height", "groups"), [(20, 2), (6, 2), (3, 1)])
def test_images_are_grouped_only_if_their_differences_are_faint(
    height, groups, store, tmp_path
):
    """As frames and forms do: the coarse comparison mistakes all of them for copies."""
    smooth = np.asarray(smooth_image(2)).astype(float)
    paths = []
    for number, waves in enumerate((4, 5)):
        stripes = height * np.cos(np.linspace(0, waves * 2 * np.pi, 120))[None, :, None]
        pixels = np.clip(smooth * 0.8 + 25 + stripes, 0, 255).astype(np.uint8)
        paths.append(save(Image.fromarray(pixels), tmp_path / f"{number}.png"))
    assert len(set(near_groups(paths, store))) == groups


def test_unrelated_images_are_not_grouped(store, tmp_path):
    paths = [save(smooth_image(n), tmp_path / f"{n}.png") for n in range(131)]
    assert len(set(near_groups(paths, store))) == 131


def test_low_contrast_images_are_not_compared(store, tmp_path):
    """Walls, skies and empty slides: the little that they contain is similar."""
    paths = []
    for number in range(5):
        pixels = np.full((40, 40, 3), 128 + number, np.uint8)
        pixels[:, 20:] += 3
        paths.append(save(Image.fromarray(pixels), tmp_path / f"{number}.png"))
    assert len(set(near_groups(paths, store))) == 5


def test_identical_pixels_are_grouped_regardless_of_format(store, tmp_path):
    image = Image.fromarray(np.full((9, 11, 3), 77, np.uint8))  # too flat to be near
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "b.bmp")
    image.save(tmp_path / "c.webp", lossless=True)
    image.resize((11, 11)).save(tmp_path / "d.png")
    paths = [str(tmp_path / name) for name in ("a.png", "b.bmp", "c.webp", "d.png")]
    assert near_groups(paths, store).tolist() == [0, 0, 0, 1]


def test_a_copy_of_a_copy_is_in_the_same_group(store, tmp_path):
    """The ends of the chain are too far from each other to be near copies."""
    image = smooth_image(5, 400, 300)
    crops = [image.crop((14 * n, 0, 400, 300 - 11 * n)) for n in range(5)]
    paths = [save(crop, tmp_path / f"{n}.png") for n, crop in enumerate(crops)]
    assert len(set(near_groups([paths[0], paths[-1]], store))) == 2
    assert len(set(near_groups(paths, store))) == 1


@pytest.mark.slow
def test_copies_beyond_the_comparison_limit_still_form_one_group(others, store, tmp_path):
    image = smooth_image(6)
    copies = [
        save(image, tmp_path / f"{quality}.jpg", quality=quality)
        for quality in range(40, 95)
    ]
    assert len(set(near_groups([*copies, *others], store))) == 8


def test_undecodable_files_are_not_grouped(store, tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"the same text")
    paths = [str(tmp_path / name) for name in ("a.jpg", "b.jpg", "missing.jpg")]
    assert sorted(near_groups(paths, store)) == [0, 1, 2]


@pytest.mark.parametrize("count", [0, 1])
def test_empty_or_single_file_list_is_accepted(count, others, store):
    assert near_groups(others[:count], store).tolist() == list(range(count))


def test_unchanged_files_are_not_opened_again(others, store, tmp_path):
    copy = save(smooth_image(100), tmp_path / "copy.jpg", quality=60)
    first = near_groups([*others, copy], store)
    with opened_files() as opened:
        assert near_groups([*others, copy], store).tolist() == first.tolist()
    assert not {str(path) for path in [*others, copy]} & set(opened)


def test_changed_file_is_opened_again(others, store, tmp_path):
    copy = save(smooth_image(100), tmp_path / "copy.jpg", quality=60)
    assert len(set(near_groups([*others, copy], store))) == 7
    smooth_image(99).save(copy, quality=60)
    assert len(set(near_groups([*others, copy], store))) == 8


def test_already_inspected_files_get_fingerprints_later(others, store, tmp_path):
    copy = save(smooth_image(100), tmp_path / "copy.jpg", quality=60)
    inspect_files([*others, copy], store)
    assert len(set(near_groups([*others, copy], store))) == 7


def test_unopenable_file_is_not_recorded(store, tmp_path):
    path = str(tmp_path / "link.png")
    os.symlink(tmp_path / "nothing.png", path)
    assert "can't be opened" in inspect_files([path], store)[0].problem
    records = FileRecords(store.directory / "files.sqlite", DECODER_VERSION)
    assert records.find([path]) == {}
