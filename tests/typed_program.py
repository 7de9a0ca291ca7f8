# pyright: strict, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnnecessaryTypeIgnoreComment=true
"""A user's program, which mypy and pyright check beside an installed wheel.

Both must find no error but those that are expected, and `.ci/package` runs them. Keras and
TensorFlow have no types of their own. It is never run.
"""

from pathlib import Path
from typing import Any, assert_type

import keras
import keraunos as kr
import tensorflow as tf
from keraunos.callbacks import Callback, EarlyStopping, RunState


class StopWhenGood(Callback):
    """A callback with state of its own."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.reset()

    def reset(self) -> None:
        self.seen: list[float] = []

    def on_epoch_end(self, run: RunState) -> None:
        accuracy: float = run.metrics["val_accuracy"]
        self.seen.append(accuracy)
        if accuracy > self.threshold and run.epoch > 1:
            run.request_stop(f"val_accuracy={accuracy}")

    def on_exception(self, run: RunState, error: BaseException) -> None:
        print(run.step, run.run_dir, error)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


class Distillation(kr.Module):
    """A module with a training step of its own."""

    def __init__(self, teacher: keras.Model) -> None:
        self.teacher = teacher

    def build(self) -> keras.Model:
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, "softmax")])
        model.compile("adam")
        return model

    def training_step(
        self, model: keras.Model, batch: tuple[Any, Any, Any], training: bool
    ) -> dict[str, Any]:
        inputs, labels, _ = batch
        predictions = model(inputs, training=training)
        loss = keras.losses.sparse_categorical_crossentropy(labels, predictions)
        return {"loss": loss, "predictions": predictions}

    def settings(self) -> dict[str, Any]:
        return {"teacher": "a"}


def build_model() -> keras.Model:
    """A function in place of a module."""
    model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def build(hp: Any) -> keras.Model:
    """A hypermodel in the style of Keras Tuner."""
    return Distillation(build_model()).build() if hp.Int("units", 8, 64) else build_model()


def train_images(folder: Path) -> float:
    """Images from folders to a report."""
    data = kr.ImageData.from_folder(
        folder,
        test=folder / "test",
        image_size=224,
        on_leak="drop",
        augmentation=kr.Augmentation(strength=0.5),
    )
    optimizer = kr.Optimizer("adam", learning_rate=1e-3)
    module = kr.TransferClassifier(
        data.num_classes, weights="imagenet", dropout=0.2, optimizer=optimizer
    )
    trainer = kr.Trainer(
        seed=0,
        max_epochs=10,
        run_dir=folder / "run",
        callbacks=[EarlyStopping("val_loss", patience=3), StopWhenGood(0.9)],
    )
    result = trainer.fit(module, data)
    assert_type(result, kr.FitResult)
    assert_type(result.history, dict[str, list[float]])
    assert_type(result.best_checkpoint, Path | None)
    assert_type(result.is_finished, bool)
    test = trainer.test(result.model, data, tta=4)
    assert_type(test, kr.TestResult)
    test.report("report.html")
    trainer.export(result.model, data, "onnx", output=folder / "onnx")
    for name in data.class_names:
        print(name.upper(), result.stop_reason)
    fold = data.fold(1, 5)
    assert fold.validation is not None
    return float(test.scores["balanced_accuracy"]) + fold.validation.num_examples


def train_other_tasks() -> None:
    """Several labels for each image, and numbers."""
    data = kr.ImageData.from_csv("findings.csv", task="multi_label", image_root="images")
    kr.Trainer(max_epochs=1).fit(kr.MultiLabelTransferClassifier(data.num_classes), data)
    ages = kr.ImageData.from_csv("a.csv", task="regression", label_column="age")
    kr.Trainer(callbacks={"progress_bar": None}).fit(
        kr.TransferRegressor(ages.train.target_scale), ages
    )


def train_datasets() -> kr.SearchResult:
    """Datasets of TensorFlow, a search, and an error that is caught."""
    train = tf.data.Dataset.from_tensor_slices(([[0.5], [0.25]], [0, 1])).batch(1)
    validation = train.take(1)
    kr.set_cpu_devices(2)
    trainer = kr.Trainer(max_epochs=5, callbacks={"good": StopWhenGood(0.95)})
    try:
        trainer.fit(build_model, train, validation_data=validation)
        trainer.fit(Distillation(build_model()), train)
    except kr.ConfigError as error:
        print(error.exit_code)
    run = kr.configure("classify", "data.train=lesions", "effort=quick")
    run.trainer.fit(run.module, run.data)
    search = kr.Search(build, run_dir="runs/a", max_trials=20, trainer={"max_epochs": 10})
    found = search.run(train, validation_data=validation)
    print(found.best[0].values, found.best[0].score, found.run_dir / "best.yaml")
    return found


def mistype() -> None:
    """Type errors are found before anything runs."""
    kr.Trianer()  # type: ignore[attr-defined]
    kr.Trainer(max_epoch=3)  # type: ignore[call-arg]
    kr.ImageData.from_folder("a", imagesize=3)  # type: ignore[call-arg]
    kr.TransferClassifier(3, dropuot=0.5)  # type: ignore[call-arg]
    EarlyStopping(patience="long")  # type: ignore[arg-type]


assert_type(kr.__version__, str)
