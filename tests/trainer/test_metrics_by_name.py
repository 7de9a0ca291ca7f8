"""Metrics that a configuration names equal those of scikit-learn.

Their exactness on replicas is tested by tests/models/test_metrics.py.
"""

from pathlib import Path

import keras
import pytest
from helpers import replicas
from keraunos import ImageData, Trainer, TransferClassifier
from keraunos.callbacks import EarlyStopping
from small_backbone import tiny_network

NAMES = ["balanced_accuracy", "macro_f1", "macro_roc_auc", "recall_per_class"]


@pytest.mark.feature("classification scores")
@pytest.mark.slow
def test_named_metrics_are_monitored_and_equal_scores_of_predictions(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.applications, "MobileNetV3Small", tiny_network)
    data = ImageData.from_folder(
        image_folder / "train", validation_split=0.4, image_size=32, batch_size=7
    )
    module = TransferClassifier(
        3,
        backbone="MobileNetV3Small",
        weights=None,
        image_size=32,
        standardize_features=True,
        metrics=NAMES,
        class_names=data.class_names,
    )
    stop = EarlyStopping("val_recall_dog", mode="max", restore_best_weights=False)
    trainer = Trainer(strategy=replicas(1), max_epochs=2, callbacks=[stop])
    result = trainer.fit(module, data)
    scores = trainer.test(result.model, data.validation).scores
    last = {name: values[-1] for name, values in result.history.items()}
    for name in ("balanced_accuracy", "macro_f1"):
        assert last[f"val_{name}"] == pytest.approx(scores[name], abs=1e-12), name
    assert last["val_macro_roc_auc"] == pytest.approx(scores["macro_roc_auc"], abs=0.01)
    for name, values in scores["per_class"].items():
        assert last[f"val_recall_{name}"] == pytest.approx(values["recall"], abs=1e-12)
