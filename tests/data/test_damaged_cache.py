"""Damaged image entries of the cache are rebuilt with a message."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from damages import DAMAGES
from helpers import make_images, smooth_image
from keraunos import ImageData
from keraunos.core.errors import ConfigError
from keraunos.core.store import Store
from keraunos.data.audit.audit import audit_folders
from keraunos.data.synthetic import folder as synthetic
from keraunos.data.synthetic.folder import synthetic_folder

IN_PLACE = ["empty", "half", "flip"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of two classes, one of which has a near copy in the other."""
    root = tmp_path_factory.mktemp("images")
    for number in range(8):
        kind = root / ("cat" if number % 2 else "dog")
        kind.mkdir(exist_ok=True)
        smooth_image(number).save(kind / f"{number}.png")
    smooth_image(0).save(root / "cat" / "again.jpg", quality=60)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["near-*", "fingerprints.sqlite", "files.sqlite"])
def test_audit_with_a_damaged_cache_finds_the_same_conflicts(
    folder, tmp_path, name, damage, capsys
):
    def found() -> list[list[int]]:
        return audit_folders([folder], Store(tmp_path, 10**9)).conflicts.near

    expected = found()
    assert expected == [[4, 5]]
    (file,) = tmp_path.glob(name)
    DAMAGES[damage](file)
    if damage == "directory" and name != "files.sqlite":
        with pytest.raises(ConfigError, match=file.name):
            found()
        return
    assert found() == expected
    if name == "near-*":  # a flipped bit of a database may be in unused space
        assert ("is damaged" in capsys.readouterr().err) == (damage in IN_PLACE)


@pytest.mark.parametrize("damage", DAMAGES)
def test_run_with_a_damaged_cache_reads_the_same_images(tmp_path, damage, capsys):
    root = make_images(tmp_path / "data", {"cat": 5, "dog": 4})

    def read() -> ImageData:
        return ImageData.from_folder(root, image_size=32, cache_dir=tmp_path / "cache")

    def seen(data: ImageData) -> np.ndarray:
        return data.train.images(np.arange(data.train.num_examples))

    expected = np.array(seen(read()))
    (file,) = (tmp_path / "cache").glob("images-*")
    DAMAGES[damage](file)
    if damage == "directory":
        with pytest.raises(ConfigError, match=file.name):
            read()
        return
    np.testing.assert_array_equal(seen(read()), expected)
    assert ("is damaged" in capsys.readouterr().err) == (damage in IN_PLACE)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A dataset of four synthetic images, and the store that contains it."""
    kinds = {"nevus": synthetic.KINDS["nevus"]}
    small = {n: type(k)(3, 1, k.pattern, k.ragged, k.softness) for n, k in kinds.items()}
    monkeypatch.setattr(synthetic, "KINDS", small)
    monkeypatch.setattr(
        synthetic,
        "draw_lesion",
        lambda name, seed, number: np.full((9, 9, 3), number, "u1"),
    )
    store = Store(tmp_path / "cache", 10**9)
    return store, synthetic_folder(store, 0)


@pytest.mark.parametrize("damage", ["empty", "half", "flip", "delete"])
def test_damaged_synthetic_image_is_regenerated(drawn, damage, capsys):
    store, folder = drawn
    files = sorted(folder.rglob("*.png"))
    assert len(files) == 4
    before = [file.read_bytes() for file in files]
    DAMAGES[damage](files[1])
    assert synthetic_folder(store, 0) == folder
    assert [file.read_bytes() for file in files] == before
    assert "1 generated image" in capsys.readouterr().err
    synthetic_folder(store, 0)
    assert not capsys.readouterr().err


def test_synthetic_images_without_checksums_are_kept(drawn, capsys):
    store, folder = drawn
    (folder / ".checksums").unlink()
    file = next(folder.glob("train/*/*.png"))
    shutil.copy(next(folder.glob("test/*/*.png")), file)
    before = file.read_bytes()
    synthetic_folder(store, 0)
    assert file.read_bytes() == before
    assert not capsys.readouterr().err
