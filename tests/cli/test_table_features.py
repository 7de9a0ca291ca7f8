"""Table columns as additional inputs, from settings to predictions of new images."""

import csv
from pathlib import Path
from typing import Any

import pytest
from helpers import smooth_image
from keraunos.cli.ensembles import Member
from keraunos.cli.opened_model import require_images_alone
from keraunos.configs import load_config
from keraunos.core.errors import ConfigError

COUNT, SIZE = 30, 32


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Images whose class is determined by their site."""
    for number in range(COUNT):
        smooth_image(number, SIZE, SIZE).save(tmp_path / f"p{number:02d}.png")
    rows = [
        f"p{n:02d},{'ab'[n % 2]},{['arm', 'leg'][n % 2]},{30 + n if n % 5 else ''}"
        for n in range(COUNT)
    ]
    return write(tmp_path / "t.csv", "image,label,site,age", rows)


def test_models_with_table_features_are_rejected_where_only_images_fit() -> None:
    config = load_config(["classify"], ["data.train=t.csv", "data.features=[age]"])
    with pytest.raises(
        ConfigError, match=r"A server takes models of images only.*\['age'\]"
    ):
        require_images_alone([Member("run", Path("run"), config)], "A server")


@pytest.mark.nightly
@pytest.mark.usefixtures("tiny_mobilenet")
def test_models_with_table_features_predict_from_a_table_of_new_images(
    keraunos: Any, table: Path
) -> None:
    settings = [
        f"data.train={table}",
        "data={features: [site, age], folds: 3, image_size: 32, batch_size: 7}",
        "model={backbone: MobileNetV2, weights: null}",
        "augmentation.strength=0",
        "optimizer.learning_rate=0.1",
        "trainer={max_epochs: 40, devices: 1}",
        "callbacks={tensorboard: null, early_stopping: null}",
    ]
    answer = keraunos("fit", "classify", *settings, "run_dir=run")
    assert answer.code == 0, answer.err
    rows = ["p01,arm,50", "p01,leg,50", "p02,,", "p03,head,1"]
    new = write(table.with_name("new.csv"), "image,site,age", rows)
    for model in ("run", "run/fold-1"):  # the mean of all folds, and one fold
        output = f"{Path(model).name}.csv"
        answer = keraunos("predict", model, new, "--output", output)
        assert answer.code == 0, answer.err
        assert "have a site that no training image has: head" in answer.err
        found = list(csv.DictReader(Path(output).read_text().splitlines()))
        assert [row["prediction"] for row in found][:2] == ["a", "b"]
        assert len(found) == len(rows)
    answer = keraunos("test", "run/fold-1", "--split", "validation")
    assert answer.code == 0, answer.err
    answer = keraunos("export", "run", "--format", "onnx", "--output", "both")
    assert answer.code == 0, answer.err
    answer = keraunos("predict", "both/onnx", new, "--output", "export.csv")
    assert answer.code == 0, answer.err
    assert "have a site that no training image has: head" in answer.err
    exported = list(csv.DictReader(Path("export.csv").read_text().splitlines()))
    whole = list(csv.DictReader(Path("run.csv").read_text().splitlines()))
    for one, other in zip(whole, exported, strict=True):
        name = "probability:a"
        assert float(one[name]) == pytest.approx(float(other[name]), abs=1e-4)
    options = ("--batch-sizes", "2", "--seconds", "0.01")
    answer = keraunos("benchmark", "both/onnx", *options)
    assert answer.code == 0, answer.err
    answer = keraunos("export", "run/fold-1", "--format", "onnx", "--int8")
    assert answer.code == 2
    assert "An int8 export takes models of images only" in answer.err
    answer = keraunos("predict", "run", table.with_name("p01.png"))
    assert answer.code == 2
    assert "Name a table with these columns" in answer.err
