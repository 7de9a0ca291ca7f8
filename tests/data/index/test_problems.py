from pathlib import Path

import pytest
from helpers import make_images
from keraunos import ImageData
from keraunos.configs import load_config
from keraunos.core.errors import DataError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table with a column that may be splits, and labels that may be several."""
    make_images(tmp_path, {"cat": 2, "dog": 2})
    rows = ["cat/cat-000.png,a,train", "cat/cat-001.png,b,train", "dog/dog-000.png,a|b,val"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["image,label,part", *rows]))
    return path


def test_suggestions_for_a_table_are_arguments_in_python_and_settings_when_typed(
    table: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as typed:
        settings = [f"data.train={table}", f"cache_dir={tmp_path / 'cache'}"]
        config = load_config(["classify"], settings)
        ImageData.from_config(config.data, cache_dir=config.cache_dir)
    assert str(typed.value).splitlines()[1:] == [
        "  1 label in the column label seems to contain several classes (if they are "
        "single classes, write them with _): a|b",
        "  the column part seems to contain splits (train, val)",
        "If images may have any number of labels, set task=multi_label.",
        "data.split_column=part uses the splits of part.",
        "data.split_column=null ignores those of part.",
    ]
    with pytest.raises(DataError) as called:
        ImageData.from_csv(table, cache_dir=tmp_path / "cache")
    assert str(called.value).splitlines()[3:] == [
        'If images may have any number of labels, set task="multi_label".',
        'split_column="part" uses the splits of part.',
        "split_column=None ignores those of part.",
    ]


def test_suggestions_for_folders_are_arguments_in_python(tmp_path: Path) -> None:
    for split in ("train", "test", "extra"):
        make_images(tmp_path / "data" / split, {"cat": 2, "dog": 2})
    with pytest.raises(DataError, match=r'layout="splits" takes .* layout="classes" takes'):
        ImageData.from_folder(tmp_path / "data", cache_dir=tmp_path / "cache")
