"""Several runs, or the folds of one, tested and used as one model."""

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import contents, environment_without_keraunos, make_images
from keraunos.cli.ensemble_scores import EnsembleScores
from keraunos.cli.ensembles import Member, require_honest_split
from keraunos.configs import load_config, to_yaml
from keraunos.core.errors import ConfigError
from keraunos.evaluation import Predictions
from onnxruntime import InferenceSession
from PIL import Image
from programs import fork_keraunos
from sklearn.metrics import balanced_accuracy_score

CLASSES = ["cat", "dog", "emu"]
CONFIG = """
data: {{train: {root}/train, test: {root}/test, image_size: 32, batch_size: 4, folds: 3}}
trainer: {{devices: 1}}
augmentation: {{strength: 0.5}}
evaluation: {{calibration: null, operating_points: null, abstention: null, slices: null,
  grad_cam: null, label_doubts: null}}
"""


def write_model(run: Path, seed: int, size: int = 32) -> None:
    """Writes a distinct model that classifies by mean brightness."""
    images = keras.Input((size, size, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 64)(images))
    start = keras.initializers.RandomNormal(stddev=0.5, seed=seed)
    head = keras.layers.Dense(3, "softmax", kernel_initializer=start)
    keras.Model(images, head(pooled)).save(run / "model.keras")
    (run / "classes.txt").write_text("\n".join(CLASSES) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of three folds, made without training."""
    root = tmp_path_factory.mktemp("made")
    make_images(root / "train", {"cat": 7, "dog": 6, "emu": 5}, seed=0)
    make_images(root / "test", {"cat": 4, "dog": 3, "emu": 3}, seed=1)
    (root / "own.yaml").write_text(CONFIG.format(root=root))
    config = load_config([str(root / "own.yaml")], [f"cache_dir={root}/cache"])
    for number in (1, 2, 3):
        run = root / "folds" / f"fold-{number}"
        run.mkdir(parents=True)
        data = config.data.model_copy(update={"fold": number})
        (run / "config.yaml").write_text(to_yaml(config.model_copy(update={"data": data})))
        write_model(run, seed=number)
    (root / "folds" / "config.yaml").write_text(to_yaml(config))
    return root


@pytest.fixture
def folds(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "folds", tmp_path / "folds"))


def probabilities(file: Path) -> dict[str, list[float]]:
    """Reads the probabilities of a prediction table by file name."""
    with file.open(newline="") as text:
        return {
            row["file"]: [float(row[f"probability:{name}"]) for name in CLASSES]
            for row in csv.DictReader(text)
        }


def by_hand(folds: Path, file: str) -> np.ndarray:
    """Predictions of the members for an image in plain Keras: `(members, classes)`."""
    with Image.open(file) as image:
        pixels = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR), "float32")
    models = [keras.models.load_model(folds / f"fold-{n}/model.keras") for n in (1, 2, 3)]
    return np.concatenate([model(pixels[None]).numpy() for model in models])


@pytest.mark.slow
@pytest.mark.feature("ensembles")
def test_folds_are_tested_individually_and_as_an_ensemble(
    keraunos: Any, folds: Path
) -> None:
    before = contents(folds)
    answer = keraunos("test", folds, "--tta", 2)
    assert answer.code == 0, answer.err
    after = contents(folds)
    made = {
        "ensemble.json",
        "ensemble_predictions.csv",
        "ensemble_tta_predictions.csv",
    }
    assert set(after) - set(before) == made
    assert {name: after[name] for name in before} == before  # no member has changed
    found = json.loads((folds / "ensemble.json").read_text())
    rows = probabilities(folds / "ensemble_predictions.csv")
    labels = [CLASSES.index(Path(name).parent.name) for name in rows]
    score = balanced_accuracy_score(labels, np.argmax(list(rows.values()), axis=1))
    assert found["ensemble"]["balanced_accuracy"] == pytest.approx(score)
    assert list(found["members"]) == ["fold-1", "fold-2", "fold-3"]
    low, high = found["ensemble"]["intervals"]["accuracy"]
    assert low <= found["ensemble"]["accuracy"] <= high
    views = probabilities(folds / "ensemble_tta_predictions.csv")
    right = [
        np.argmax(views[name]) == label for name, label in zip(rows, labels, strict=True)
    ]
    assert found["ensemble"]["tta"]["views"] == 2
    assert found["ensemble"]["tta"]["accuracy"] == pytest.approx(np.mean(right))
    assert views.keys() == rows.keys()
    assert views != rows
    for name, difference in found["ensemble"]["against_members"].items():
        accuracy = difference["scores"]["accuracy"]
        assert accuracy["first"] == found["members"][name]["accuracy"]
        assert accuracy["second"] == found["ensemble"]["accuracy"]
        assert f"ensemble against {name}: Balanced accuracy differs by" in answer.out
    heading = next(line for line in answer.out.splitlines() if "ensemble, 2 views" in line)
    assert all(name in heading for name in ("fold-1", "fold-2", "fold-3", "ensemble"))


@pytest.mark.slow
def test_ensemble_member_scores_equal_those_of_single_tests(
    keraunos: Any, folds: Path, tmp_path: Path
) -> None:
    runs = [folds / "fold-1", folds / "fold-3"]
    config = runs[1] / "config.yaml"
    config.write_text(config.read_text().replace("image_size: 32", "image_size: 40"))
    write_model(runs[1], seed=3, size=40)
    answer = keraunos("test", *runs, "--output", "both")
    assert answer.code == 0, answer.err
    found = json.loads((tmp_path / "both" / "ensemble.json").read_text())
    assert list(found["members"]) == ["fold-1", "fold-3"]
    assert keraunos("test", runs[0], "--tta", 2).code == 0
    alone = json.loads((runs[0] / "test.json").read_text())
    assert alone.pop("tta")["views"] == 2
    assert found["members"]["fold-1"] == alone
    rows = probabilities(runs[0] / "predictions.csv")
    mean = probabilities(tmp_path / "both" / "ensemble_predictions.csv")
    assert mean.keys() == rows.keys()
    assert mean != rows


@pytest.mark.slow
@pytest.mark.feature("ensembles")
def test_prediction_of_folds_is_the_mean_of_their_models(
    keraunos: Any, folds: Path, made: Path, tmp_path: Path
) -> None:
    before = contents(folds)
    assert keraunos("predict", folds, made / "test").code == 0
    rows = probabilities(tmp_path / "predictions.csv")
    file = str(made / "test" / "dog" / "dog-001.png")
    each = by_hand(folds, file)
    assert np.ptp(each, axis=0).max() > 0.01
    assert rows[file] == pytest.approx(each.mean(axis=0), abs=0.01)  # resampled differently
    more = ("--ensemble", folds / "fold-2", "--ensemble", folds / "fold-3")
    assert keraunos("predict", folds / "fold-1", made / "test", *more).code == 0
    assert probabilities(tmp_path / "predictions.csv") == rows
    assert contents(folds) == before


@pytest.mark.slow
@pytest.mark.feature("ensembles")
def test_folds_are_exported_as_one_model(keraunos: Any, folds: Path) -> None:
    before = contents(folds)
    answer = keraunos("export", folds, "--format", "onnx")
    assert answer.code == 0, answer.err
    exported = folds / "export" / "onnx"
    assert f"written: {exported}" in answer.err
    images = np.random.default_rng(4).uniform(0, 255, (5, 32, 32, 3)).astype("float32")
    models = [
        keras.models.load_model(folds / f"fold-{n}" / "model.keras") for n in (1, 2, 3)
    ]
    wanted = np.mean([model(images).numpy() for model in models], axis=0)
    description = json.loads((exported / "model.json").read_text())
    session = InferenceSession(exported / description["file"])
    assert session.run(None, {"images": images})[0] == pytest.approx(wanted, abs=1e-5)
    assert description["classes"] == CLASSES
    after = contents(folds)
    assert {name: after[name] for name in before} == before
    assert {Path(name).parts[0] for name in set(after) - set(before)} == {"export"}


@pytest.mark.nightly
def test_several_runs_are_exported_as_one_model(keraunos: Any, folds: Path) -> None:
    runs = [folds / "fold-1", folds / "fold-3"]
    answer = keraunos("export", *runs, "--format", "litert", "--output", "both")
    assert answer.code == 0, answer.err
    description = json.loads(Path("both/litert/model.json").read_text())
    assert description["name"] == "fold-1 + fold-3"
    assert description["correction"] is None


def test_calibrated_export_of_folds_is_rejected(keraunos: Any, folds: Path) -> None:
    before = contents(folds)
    answer = keraunos("export", folds, "--calibrated")
    assert (answer.code, answer.out) == (2, "")
    assert "An ensemble of folds has no correction" in answer.err
    assert contents(folds) == before


@pytest.mark.slow
def test_members_with_different_class_order_are_rejected(
    keraunos: Any, folds: Path, made: Path, tmp_path: Path
) -> None:
    (folds / "fold-2" / "classes.txt").write_text("dog\ncat\nemu\n")
    for command in (["predict", folds, made / "test" / "cat"], ["export", folds]):
        answer = keraunos(*command)
        assert answer.code == 2
        assert "in the same order" in answer.err
    assert not (tmp_path / "predictions.csv").exists()
    assert not list((folds / "export").rglob("*.keras"))


@pytest.mark.slow
def test_members_with_different_test_images_are_rejected(
    keraunos: Any, folds: Path, made: Path
) -> None:
    other = make_images(folds.parent / "other", dict.fromkeys(CLASSES, 2), seed=2)
    file = folds / "fold-2" / "config.yaml"
    file.write_text(file.read_text().replace(f"{made}/test", str(other)))
    before = contents(folds)
    answer = keraunos("test", folds)
    assert answer.code == 2
    assert "10 images of fold-1 only" in answer.err
    assert "6 images of fold-2 only" in answer.err
    assert contents(folds) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["folds", "--split", "validation"], "validation images of one fold are training"),
        (["folds/fold-1", "folds/fold-2", "--split", "validation"], "are training images"),
        (["folds/fold-1", "folds/../folds/fold-1"], "named once"),
        (["folds", "folds/fold-1"], "named once"),
        (["folds/fold-1", "--output", "there"], "for ensembles"),
        (["folds", "--output", "folds/fold-2/more"], "outside of its members"),
        (["folds", "nowhere"], "must be a run directory"),
        (["folds", "--tta", "0"], "tta"),
    ],
)
def test_invalid_ensembles_are_rejected(
    keraunos: Any, folds: Path, arguments: list[str], words: str
) -> None:
    before = contents(folds.parent)
    answer = keraunos("test", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
    assert contents(folds.parent) == before


def test_unfinished_folds_are_named_with_how_to_finish_them(
    keraunos: Any, folds: Path
) -> None:
    (folds / "fold-2" / "model.keras").unlink()
    shutil.rmtree(folds / "fold-3")
    for command in (["test", folds], ["predict", folds, folds.parent]):
        answer = keraunos(*command)
        assert answer.code == 2
        assert "fold-2, fold-3 have no model.keras" in answer.err
        assert f"run_dir={folds}" in answer.err


def test_run_given_in_place_of_images_is_named_in_the_error(
    keraunos: Any, folds: Path
) -> None:
    answer = keraunos("predict", folds / "fold-1", folds / "fold-2", folds)
    assert (answer.code, answer.out) == (2, "")
    assert f"runs={folds / 'fold-2'}" in answer.err.replace("'", "")
    assert "--ensemble RUN" in answer.err


def test_same_fold_of_two_runs_can_be_validated_as_an_ensemble(folds: Path) -> None:
    config = load_config([str(folds / "fold-2" / "config.yaml")])
    both = [Member(name, folds, config) for name in ("one", "two")]
    require_honest_split(both, "validation")
    whole = config.model_copy(
        update={"data": config.data.model_copy(update={"folds": None, "fold": None})}
    )
    with pytest.raises(ConfigError, match="are training images of the others"):
        require_honest_split([both[0], Member("whole", folds, whole)], "validation")


def test_stale_tta_predictions_are_deleted_when_scores_are_rewritten(
    tmp_path: Path,
) -> None:
    rows = np.eye(3, dtype=np.float32)
    said = Predictions(["a.png", "b.png", "c.png"], rows, CLASSES)
    file = tmp_path / "ensemble_tta_predictions.csv"
    EnsembleScores("test", {}, {}, said, said).write(tmp_path)
    assert file.exists()
    EnsembleScores("test", {}, {}, said).write(tmp_path)
    assert not file.exists()
    assert (tmp_path / "ensemble_predictions.csv").exists()


OPENED = """
import importlib.util, sys
import keras, numpy as np
from PIL import Image

assert importlib.util.find_spec("keraunos") is None
model = keras.models.load_model(sys.argv[1], safe_mode=True)
images = np.stack([np.asarray(Image.open(name)) for name in sys.argv[3:]])
np.save(sys.argv[2], model.predict(images.astype("float32"), verbose=0))
"""


@pytest.mark.nightly
def test_exported_folds_predict_the_same_without_keraunos_installed(
    lesions: Path, tmp_path: Path
) -> None:
    settings = (
        f"data.train={lesions}",
        "data.image_size=32",
        "data.folds=2",
        "model.backbone=MobileNetV3Small",
        "trainer.cpu_devices=2",
        "trainer.max_epochs=1",
        "run_dir=folds",
    )
    images = tmp_path / "images"
    images.mkdir()
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(images / f"{number}.png")
    for command in (
        ("fit", "quickstart", *settings),
        ("test", "folds", "--tta", "3"),
        ("predict", "folds", "images"),
        ("export", "folds"),
    ):
        done = fork_keraunos(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "folds" / "ensemble.json").read_text())
    table = json.loads((tmp_path / "folds" / "folds.json").read_text())
    alone = [scores["accuracy"] for scores in found["members"].values()]
    assert alone == pytest.approx(table["test"]["accuracy"]["values"])
    python = environment_without_keraunos(tmp_path / "environment")
    model = tmp_path / "folds" / "export" / "keras" / "model.keras"
    files = sorted(images.iterdir())
    command = [python, "-I", "-c", OPENED, model, tmp_path / "plain.npy", *files]
    subprocess.run(list(map(str, command)), cwd=tmp_path, check=True)
    with (tmp_path / "predictions.csv").open(newline="") as text:
        rows = list(csv.reader(text))[1:]
    predicted = np.array([row[2:-1] for row in rows], float)
    assert np.load(tmp_path / "plain.npy") == pytest.approx(predicted, abs=1e-5)
