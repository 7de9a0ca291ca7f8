"""`keraunos probe` from end to end, on networks of three layers."""

import csv
import json
from pathlib import Path
from typing import Any

import keras
import pytest
from keraunos import ImageData
from keraunos.cli.probed_images import read_probed_images
from keraunos.configs import DataConfig, RunConfig
from small_backbone import tiny_network

COMMON = ("data.image_size=32", "data.batch_size=7", "model.weights=null")


@pytest.mark.slow
@pytest.mark.feature("probe")
def test_probe_tabulates_every_backbone_with_every_head(
    keraunos: Any, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.applications, "MobileNetV2", tiny_network)
    arguments = (
        "probe",
        f"data.train={image_folder / 'train'}",
        f"cache_dir={tmp_path / 'cache'}",
        "backbones=[not_there:function,MobileNetV2]",
        "heads=[ridge,knn]",
        *COMMON,
    )
    answer = keraunos(*arguments, "--output", "table.json", "--output", "table.csv")
    assert answer.code == 0, answer.err
    assert "MobileNetV2: 30 images in" in answer.err
    assert {each.name for each in tmp_path.iterdir()} == {
        "cache",
        "table.json",
        "table.csv",
    }
    table = json.loads(Path("table.json").read_text())
    best, other, missing = table["rows"]
    assert (table["training_images"], table["validation_images"]) == (24, 6)
    assert best["balanced_accuracy"] >= other["balanced_accuracy"]
    assert best["low"] <= best["balanced_accuracy"] <= best["high"]
    assert {best["head"], other["head"]} == {"ridge", "knn"}
    assert (best["features"], best["parameters"]) == (8, 256)
    assert missing["backbone"] == "not_there:function"
    assert "not_there" in missing["problem"]
    assert f"by about {table['optimism_of_best']:.3f}" in answer.out
    with open("table.csv", newline="") as file:
        assert [row["head"] for row in csv.DictReader(file)] == [
            best["head"],
            other["head"],
            "",
        ]

    folds = keraunos(*arguments, "data.folds=3", "data.class_balance=weights")
    assert folds.code == 0, folds.err
    assert "over 3 folds, 30 validation images" in folds.out
    again = keraunos(*arguments, "data.folds=3")
    assert "MobileNetV2: 0 images in" in again.err


def test_probe_folds_equal_those_of_cross_validation(
    image_folder: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"train": str(image_folder / "train"), "folds": 3}
    config = RunConfig(
        data=DataConfig(image_size=32, **options), cache_dir=str(tmp_path), seed=5
    )
    seen = read_probed_images(config)
    names = [name for part in seen.parts for name in part.names]
    assert len(seen.folds) == 3
    for number, fold in enumerate(seen.folds, 1):
        run = ImageData.from_config(
            config.data.model_copy(update={"fold": number}), None, 5, tmp_path
        )
        assert run.validation is not None
        assert {names[row] for row in fold.validation} == {*run.validation.names}
        assert {names[row] for row in fold.train} == {*run.train.names}
        assert not {*fold.train} & {*fold.validation}


def test_unsupported_table_format_is_rejected(keraunos: Any) -> None:
    answer = keraunos("probe", "backbones=MobileNetV2", "--output", "table.txt")
    assert answer.code == 2
    assert "must end with .json or .csv" in answer.err
