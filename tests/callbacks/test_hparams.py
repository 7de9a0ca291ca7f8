import keras
import pytest
import tensorflow as tf
from hand_made_runs import end_epoch, end_fit, new_run
from hparams_messages import message_of, read_events, session_values
from keraunos import Augmentation, ImageData, Optimizer, Trainer, TransferClassifier
from keraunos.callbacks import TensorBoard
from keraunos.callbacks.hparams import hyperparameters
from keraunos.trainer.settings import run_settings
from tensorboard.plugins.hparams import api_pb2, metadata

SETTINGS = {"seed": 3, "model": {"dropout": 0.25, "weights": "f0c1", "loss": None}}


def serialized(optimizer):
    return {"optimizer": keras.optimizers.serialize(optimizer)}


@pytest.mark.slow
def test_hyperparameters_are_the_settings_worth_comparing(image_folder):
    data = ImageData.from_folder(
        image_folder / "train", image_size=32, batch_size=7, augmentation=Augmentation(0.25)
    )
    schedule = {"name": "cosine", "warmup_epochs": 1}
    module = TransferClassifier(
        num_classes=3,
        weights=None,
        dropout=0.125,
        image_size=32,
        optimizer=Optimizer("adamw", learning_rate=0.003, schedule=schedule),
    )
    settings = run_settings(module.build(), module, data, 4, Trainer().settings, seed=11)
    assert hyperparameters(settings) == {
        "seed": 11,
        "optimizer.name": "adamw",
        "optimizer.learning_rate": 0.003,
        "optimizer.weight_decay": 0.004,
        "optimizer.schedule": "cosine",
        "augmentation.strength": 0.25,
        "augmentation.views": "fresh",
        "model.backbone": "ResNet50",
        "model.dropout": 0.125,
        "model.standardize_features": False,
        "model.loss": "crossentropy",
        "model.label_smoothing": 0.0,
        "data.image_size": 32,
        "data.batch_size": 7,
        "data.class_balance": "none",
        "trainer.max_epochs": 10,
        "trainer.precision": "float32",
    }


def test_learning_rate_of_a_keras_schedule_is_its_initial_value():
    decay = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(decay))
    assert hyperparameters(serialized(scaled)) == {
        "optimizer.learning_rate": 0.5,
        "optimizer.momentum": 0.0,
        "optimizer.name": "sgd",
        "optimizer.schedule": "ExponentialDecay",
    }


@pytest.mark.feature("hparams")
def test_session_contains_settings_and_the_values_of_the_best_epoch(tmp_path):
    run = new_run(run_dir=tmp_path / "runs" / "first", settings=SETTINGS)
    board = TensorBoard()
    board.on_fit_begin(run)
    for loss, accuracy in ((0.75, 0.5), (0.25, 0.875), (0.5, 0.625)):
        end_epoch(run, board, loss=0.0, val_loss=loss, val_accuracy=accuracy, val_odd=1)
    end_fit(run, board)
    assert session_values(run.run_dir) == {"seed": 3, "model.dropout": 0.25}
    start = message_of(run.run_dir, metadata.SESSION_START_INFO_TAG)
    assert start.group_name == "runs/first"
    events = read_events(run.run_dir)
    best = {
        tag: [(each.step, float(tf.make_ndarray(each.tensor_proto))) for each in found]
        for tag in events.Tags()["tensors"]
        if tag.startswith("best") and (found := events.Tensors(tag))
    }
    assert best == {"best/val_loss": [(9, 0.25)], "best/val_accuracy": [(9, 0.875)]}


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda board, run: board.on_fit_end(run), api_pb2.STATUS_SUCCESS),
        (lambda board, run: board.on_exception(run, OSError()), api_pb2.STATUS_FAILURE),
    ],
)
def test_session_records_how_the_run_ended(tmp_path, end, status):
    run, board = new_run(run_dir=tmp_path, settings=SETTINGS), TensorBoard()
    board.on_fit_begin(run)
    with run.background:
        end(board, run)
    assert message_of(tmp_path, metadata.SESSION_END_INFO_TAG).status == status


def test_interrupted_run_has_no_session_end(tmp_path):
    for resumed_from in (None, tmp_path / "step-00000003"):
        run = new_run(run_dir=tmp_path, settings=SETTINGS, resumed_from=resumed_from)
        board = TensorBoard()
        board.on_fit_begin(run)
        end_epoch(run, board, loss=0.5, val_loss=0.5)
        run.interrupt("a signal", 15)
        with run.background:
            board.on_exception(run, KeyboardInterrupt())
        assert metadata.SESSION_END_INFO_TAG not in read_events(tmp_path).Tags()["tensors"]
    assert len(list((tmp_path / "tensorboard").glob("events.*"))) == 1
