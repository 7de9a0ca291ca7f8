"""Models find deliberately wrong labels among images they did not train on."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keraunos import ImageData, Trainer
from keraunos.core.shared_store import open_store
from keraunos.data.synthetic.folder import synthetic_folder
from keraunos.evaluation.label_doubts import find_label_doubts
from sklearn.metrics import average_precision_score

FLIPPED = 0.05
FOLDS = 3


def network() -> keras.Model:
    """A network that learns the drawn lesions in seconds, to an accuracy of about 0.6."""
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(9, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """The drawn lesions, with 5% of them moved to the folder of another class."""
    source = synthetic_folder(open_store(None), 0)
    files = sorted(Path(source).rglob("*.png"))
    classes = sorted({file.parent.name for file in files})
    random = np.random.default_rng(0)
    wrong = set(
        random.choice(len(files), int(FLIPPED * len(files)), replace=False).tolist()
    )
    for number, file in enumerate(files):
        place, kind = classes.index(file.parent.name), "right"
        if number in wrong:
            place = (place + int(random.integers(1, len(classes)))) % len(classes)
            kind = "wrong"
        folder = tmp_path / "noisy" / classes[place]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / f"{kind}-{number:04d}.png")
    return tmp_path / "noisy"


@pytest.mark.nightly
def test_folds_detect_deliberately_wrong_labels(noisy: Path) -> None:
    found = []
    for fold in range(1, FOLDS + 1):
        data = ImageData.from_folder(
            noisy, image_size=32, folds=FOLDS, fold=fold, cache_dir=noisy.parent / "cache"
        )
        trainer = Trainer(max_epochs=20, seed=0, callbacks={"progress_bar": None})
        result = trainer.fit(network, data)
        found.append(Trainer().test(result.model, data.validation).predictions)
    is_wrong = np.array(
        [Path(name).name[:5] == "wrong" for each in found for name in each.names]
    )
    doubts = find_label_doubts(
        np.concatenate([each.labels for each in found]),
        np.concatenate([each.probabilities for each in found]),
    )
    rank = np.empty(len(is_wrong))
    rank[doubts.order] = np.arange(len(is_wrong))
    assert average_precision_score(is_wrong, -rank) > 7 * FLIPPED
    assert doubts.in_doubt[is_wrong].mean() > 3 * doubts.in_doubt[~is_wrong].mean()
