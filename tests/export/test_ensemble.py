"""Several models in one file, compared with the mean of them before it has its name."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import contents
from keraunos.core.errors import ConfigError
from keraunos.core.files import sha256_of_file
from keraunos.export import ensemble
from keraunos.export.description import Description
from keraunos.export.ensemble import export_ensemble

DESCRIPTION = Description("folds-1", ("no", "yes", "maybe"), 6)
IMAGES = np.random.default_rng(2).integers(0, 256, (37, 6, 6, 3), dtype=np.uint8)


def member(seed: int) -> keras.Model:
    start = keras.initializers.RandomNormal(seed=seed)
    head = keras.layers.Dense(3, "softmax", kernel_initializer=start, name="head")
    layers = [keras.Input((6, 6, 3)), keras.layers.Rescaling(1 / 64)]
    return keras.Sequential([*layers, keras.layers.Flatten(), head], name="model")


@pytest.fixture(scope="module")
def members() -> list[keras.Model]:
    return [member(seed) for seed in (0, 1, 2)]


def test_the_file_answers_with_the_mean_and_opens_anywhere(
    members: Any, tmp_path: Path
) -> None:
    file = tmp_path / "model.keras"
    assert export_ensemble(members, IMAGES, file, DESCRIPTION) <= 1e-5
    loaded = keras.models.load_model(file, safe_mode=True)
    each = [model(IMAGES.astype("float32")).numpy() for model in members]
    assert np.ptp(each, axis=0).max() > 0.05
    found = loaded(IMAGES.astype("float32")).numpy()
    assert found == pytest.approx(np.mean(each, axis=0), abs=1e-5)
    with zipfile.ZipFile(file) as archive:
        assert b"keraunos" not in archive.read("config.json")
    description = json.loads((tmp_path / "model.json").read_text())
    assert description["files"] == {file.name: sha256_of_file(file)}
    assert description["correction"] is None
    assert description["applied_in_graph"] is False


@pytest.mark.parametrize("wrong", [1.0, float("nan")])
def test_a_file_that_answers_otherwise_is_not_written(
    members: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    def of_another(models: Any) -> keras.Model:
        made = member(7)
        made.set_weights([wrong * weights for weights in made.get_weights()])
        return made

    monkeypatch.setattr(ensemble, "ensemble_model", of_another)
    with pytest.raises(ConfigError, match="like the mean of its members"):
        export_ensemble(members, IMAGES, tmp_path / "model.keras", DESCRIPTION)
    assert not contents(tmp_path)


def test_something_else_in_its_place_stays(members: Any, tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_text("mine")
    with pytest.raises(ConfigError, match="a folder of its own"):
        export_ensemble(members, IMAGES, tmp_path / "model.keras", DESCRIPTION)
    assert (tmp_path / "model.keras").read_text() == "mine"
