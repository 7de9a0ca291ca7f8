"""What is refused, and with which message: the second table of docs/keras.md."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos import ConfigError, DataError, Module, Search, TestResult, Trainer
from keraunos.trainer.step.batch_size import check_batch_size


def dataset() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(examples(9)[:2]).batch(4)


def refused(
    builder: Any, words: str, data: Any = None, validation_data: Any = None
) -> None:
    trainer = Trainer(strategy=replicas(1), max_epochs=1, callbacks=[])
    with pytest.raises(ConfigError, match=words):
        trainer.fit(
            builder, dataset() if data is None else data, validation_data=validation_data
        )


def compiled(**options: Any) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])
        model.compile(**{"loss": "sparse_categorical_crossentropy", **options})
        return model

    return build


class OwnStep(keras.Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class OwnLoss(keras.Model):
    def compute_loss(self, **arguments: Any) -> Any:
        return super().compute_loss(**arguments)


def subclassed(
    kind: type[keras.Model], loss: str | None = "sparse_categorical_crossentropy"
) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        inputs = keras.Input((5,))
        model = kind(inputs, keras.layers.Dense(3, "softmax")(inputs))
        model.compile("sgd", loss)
        return model

    return build


class OwnTest(keras.Model):
    def test_step(self, data: Any) -> Any:
        return super().test_step(data)


class OwnMetrics(keras.Model):
    def compute_metrics(self, *arguments: Any, **options: Any) -> Any:
        return super().compute_metrics(*arguments, **options)


class OwnPrediction(keras.Model):
    def predict_step(self, data: Any) -> Any:
        return super().predict_step(data)


def test_a_model_with_its_own_train_step() -> None:
    refused(subclassed(OwnStep), r"not override train_step.*training_step")


def test_a_model_with_its_own_train_step_and_no_loss() -> None:
    refused(subclassed(OwnStep, loss=None), "not override train_step")


def test_a_model_with_its_own_compute_metrics() -> None:
    refused(subclassed(OwnMetrics), r"override compute_metrics.*Pass a keras\.metrics")


@pytest.mark.parametrize("kind", [OwnTest, OwnLoss, OwnMetrics])
def test_overridden_evaluation_methods_without_training(kind: Any) -> None:
    model, trainer = subclassed(kind)(), Trainer(callbacks=[])
    for measure in (trainer.validate, trainer.test):
        with pytest.raises(ConfigError, match=r"override (test_step|compute_\w+):"):
            measure(model, dataset())


def test_a_model_with_its_own_predict_step() -> None:
    with pytest.raises(ConfigError, match=r"override predict_step.*Model\.predict"):
        Trainer().predict(subclassed(OwnPrediction)(), dataset())


def test_a_model_without_trainable_variables() -> None:
    def frozen() -> keras.Model:
        model = compiled()()
        model.trainable = False
        return model

    refused(frozen, r"trainable variables.*trainable = True")


def test_a_loss_independent_of_trainable_variables() -> None:
    def constant(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.cast(y_true, "float32")

    refused(compiled(loss=constant), "must depend on trainable variables")


def test_data_without_targets() -> None:
    inputs = tf.data.Dataset.from_tensor_slices(examples(9)[0]).batch(4)
    refused(compiled(), r"must have targets.*pairs \(x, y\)", inputs)
    with pytest.raises(ConfigError, match="must have targets"):
        Trainer().validate(classifier()(), inputs)


def stateful() -> keras.Model:
    inputs = keras.Input(batch_shape=(4, 5, 1))
    hidden = keras.layers.LSTM(2, stateful=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.slow
def test_wrong_batch_sizes_for_a_stateful_layer() -> None:
    """On one replica only a smaller last batch is wrong, and found when it is read."""
    sequences = dataset().map(lambda x, y: (x[..., None], y))
    with pytest.raises(DataError, match=r"drop_remainder=True"):
        Trainer(strategy=replicas(1), callbacks=[]).fit(stateful, sequences)
    with pytest.raises(DataError, match=r"drop_remainder=True"):
        Trainer().predict(stateful(), sequences)
    for rows, count in ((None, 2), (3, 1)):
        with pytest.raises(ConfigError, match=rf"batch_size_of_model=4, replicas={count}"):
            check_batch_size(stateful(), rows, count)
    check_batch_size(stateful(), 4, 1)
    check_batch_size(compiled()(), None, 4)


def test_a_model_with_its_own_compute_loss() -> None:
    refused(subclassed(OwnLoss), r"not override compute_loss.*training_step")


def test_a_loss_with_its_own_call_that_returns_several_values() -> None:
    class Squares(keras.losses.Loss):
        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return keras.ops.square(y_pred)

    words = r"one value for a batch.*loss='squares'.*Define `call`"
    refused(compiled(loss=Squares(name="squares")), words)


def test_several_losses_for_one_output() -> None:
    losses = ["sparse_categorical_crossentropy", "mse"]
    refused(compiled(loss=losses), r"ignored=\['mse'\].*one function")


def test_a_loss_without_a_reduction() -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(reduction=None)
    refused(compiled(loss=loss), r"reduction=None.*sum_over_batch_size")


def test_a_model_that_is_not_compiled() -> None:
    refused(
        lambda: keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]),
        r"compiled with an optimizer.*model\.compile",
    )


def test_a_model_that_was_compiled_without_a_loss() -> None:
    refused(compiled(loss=None), r"loss=None.*Module\.training_step")


def test_run_eagerly() -> None:
    refused(compiled(run_eagerly=True), r"run_eagerly=True.*Leave it out")


def test_a_model_instead_of_a_builder() -> None:
    refused(classifier()(), r"function that returns a compiled model.*Move the lines")


def test_a_builder_that_returns_nothing() -> None:
    refused(lambda: None, r"returned='NoneType'.*return model")


def test_sparse_tensors() -> None:
    x, y, _ = examples(8)
    sparse = tf.data.Dataset.from_tensor_slices((tf.sparse.from_dense(x), y)).batch(4)
    refused(classifier(), r"tf\.sparse\.to_dense", sparse)


class Pairs(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> Any:
        return examples(4, seed=number)[:2]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (examples(8)[0], "from_tensor_slices"),
        (examples(8), "from_tensor_slices"),
        (Pairs(), r"from_generator\(lambda: \(pydataset\[n\] for n"),
        ((each for each in [examples(8)]), r"from_generator\(function"),
        (tf.data.Dataset.from_tensor_slices(examples(8)[:2]), r"Call \.batch\(32\)"),
        (tf.data.Dataset.from_tensors((tf.zeros(5), tf.zeros(1))), r"Call \.batch"),
        (dataset().map(lambda x, y: (x, x, y, y)), r"items=4.*\(\(a, b\), y\)"),
    ],
    ids=["array", "tuple", "PyDataset", "generator", "scalars", "vectors", "four items"],
)
def test_unsupported_kinds_of_data(data: Any, words: str) -> None:
    refused(classifier(), words, data)


def nothing() -> tf.data.Dataset:
    return dataset().filter(lambda x, y: False)


def once() -> tf.data.Dataset:
    batches = iter([examples(4)[:2]])
    return tf.data.Dataset.from_generator(lambda: batches, output_signature=(FLOATS, INTS))


FLOATS, INTS = tf.TensorSpec((None, 5)), tf.TensorSpec((None,), tf.int32)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "validation_data", "words"),
    [
        (
            lambda: dataset().filter(lambda x, y: False),
            None,
            "training.*epoch=1, batches=0",
        ),
        (once, None, r"training.*epoch=2, batches=0.*read only once"),
        (dataset, nothing, "validation.*batches=0"),
    ],
    ids=["training", "second epoch", "validation"],
)
def test_data_without_batches(data: Any, validation_data: Any, words: str) -> None:
    trainer = Trainer(strategy=replicas(1), max_epochs=2, callbacks=[])
    with pytest.raises(DataError, match=words):
        trainer.fit(
            classifier(), data(), validation_data=validation_data and validation_data()
        )


def test_predictions_for_data_without_batches() -> None:
    with pytest.raises(DataError, match="at least one batch"):
        Trainer().predict(classifier()(), dataset().take(0))


def test_a_callback_class_instead_of_an_instance() -> None:
    trainer = Trainer(callbacks=[keras.callbacks.EarlyStopping])
    with pytest.raises(ConfigError, match=r"Write EarlyStopping\(\.\.\.\)"):
        trainer.fit(classifier(), dataset())


def test_wrong_arguments_are_reported_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Trainer(max_epochs=0, precision="float8", devices=-1)  # type: ignore[arg-type]
    for words in ("max_epochs", "float8", "devices"):
        assert words in str(caught.value)


class LightningStep(Module):
    def build(self, classes: int) -> keras.Model:  # type: ignore[override]
        return classifier()()

    def training_step(self, batch: Any, batch_idx: int) -> Any:  # type: ignore[override]
        return {"loss": batch}


def test_functions_and_methods_with_wrong_signatures(
    tmp_path: Path,
) -> None:
    """Before anything is built: each would fail within TensorFlow, or at the first step."""
    words = r"Write def build\(self\).*\n.*LightningStep\.training_step='\(batch, batch_idx"
    refused(
        LightningStep(), words + r"\)'\. Write def training_step\(self, model, batch, t"
    )
    refused(lambda classes: None, r"`module` must take no arguments.*\(classes\)")
    words = r"`data` must take the arguments \(epoch, start_batch\).*\(epoch\)"
    refused(classifier(), words, data=lambda epoch: dataset())
    with pytest.raises(ConfigError, match=r"`hypermodel` must take the arguments \(hp\)"):
        Search(lambda: classifier()(), run_dir=tmp_path)


def test_a_report_on_a_test_of_a_dataset(tmp_path: Path) -> None:
    tested = TestResult({"loss": 1.0})
    words = r"show the images that were tested.*images=None\. Pass ImageData"
    for use in (
        lambda: tested.report(tmp_path / "report.html"),
        lambda: tested.findings,
        tested.show_confusion_matrix,
    ):
        with pytest.raises(ConfigError, match=words):
            use()
    assert not list(tmp_path.iterdir())
