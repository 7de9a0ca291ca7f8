from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hand_made_runs import SPEED, end_epoch, end_fit, new_run
from heard_events import listening
from keraunos import ImageData
from keraunos.callbacks import TensorBoard, tensorboard
from keraunos.evaluation import Predictions
from resumable_runs import events
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

MEMORY = "memory_gib/process"


def read_events(run, part):
    """Everything in the event files of one part: tag -> step -> value."""
    folder = run.run_dir / "tensorboard" / part
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: {each.step: tf.make_ndarray(each.tensor_proto) for each in events.Tensors(tag)}
        for tag in events.Tags()["tensors"]
    }


def images(value):
    """Decodes what an image summary holds: width, height and a PNG for each."""
    return np.stack([tf.io.decode_png(png).numpy() for png in value[2:]])


def scalars(read_values):
    return {
        tag: {step: float(value) for step, value in steps.items()}
        for tag, steps in read_values.items()
    }


def predictions(count=7):
    random = np.random.default_rng(0)
    return Predictions(
        names=[f"{n}.png" for n in range(count)],
        probabilities=random.dirichlet(np.ones(3), count).astype("float32"),
        class_names=["cat", "dog", "emu"],
        labels=random.integers(0, 3, count).astype("int32"),
    )


@pytest.mark.feature("scalars")
def test_training_and_validation_scalars_share_names_and_are_indexed_by_step(tmp_path):
    run, board = new_run(run_dir=tmp_path), TensorBoard()
    board.on_fit_begin(run)
    end_epoch(run, board, loss=0.75, val_loss=0.5, val_accuracy=0.625, **SPEED)
    rates = {**SPEED, "learning_rate": 0.0625, "images_per_second": 2000.0}
    end_epoch(run, board, loss=0.25, val_loss=0.125, val_accuracy=0.75, **rates)
    end_fit(run, board)
    train = scalars(read_events(run, "train"))
    assert train["loss"] == {3: 0.75, 6: 0.25}
    assert train["learning_rate"] == {3: pytest.approx(0.1), 6: 0.0625}
    assert train["images_per_second"] == {3: 1234.5, 6: 2000.0}
    assert train["gradient_norm"] == {3: 2.5, 6: 2.5}
    assert set(train) == {"loss", *SPEED, MEMORY}
    assert scalars(read_events(run, "validation")) == {
        "loss": {3: 0.5, 6: 0.125},
        "accuracy": {3: 0.625, 6: 0.75},
    }


@pytest.mark.feature("health")
def test_step_samples_are_written_at_their_steps_and_kept_after_resuming(tmp_path):
    run, board = new_run(run_dir=tmp_path), TensorBoard(images=False)
    board.on_fit_begin(run)
    for step in (1, 2, 4):
        run.step = run.epoch_step = step
        if step != 1:
            run.health.add(step, {"update_ratio/head": step / 8})
        board.on_train_step_end(run)
    end_fit(run, board)
    assert scalars(read_events(run, "train"))["health/update_ratio/head"] == {
        2: 0.25,
        4: 0.5,
    }
    # A checkpoint within the epoch, at a step that was sampled.
    resumed = new_run(run_dir=tmp_path, step=4, epoch_step=4, resumed_from=tmp_path)
    board.reset()
    board.on_fit_begin(resumed)
    resumed.health.add(4, {"update_ratio/head": 0.5})  # as its state is given back
    resumed.step = resumed.epoch_step = 5
    board.on_train_step_end(resumed)
    end_fit(resumed, board)
    assert scalars(read_events(run, "train"))["health/update_ratio/head"] == {
        2: 0.25,
        4: 0.5,
    }


@pytest.mark.feature("first screen")
def test_problem_flag_stays_raised_until_recovery_even_after_resuming(tmp_path):
    def flags(name):
        folder = run.run_dir / "tensorboard" / "events"
        found = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
        values = found.Tensors(f"problems/{name}")
        return [(v.step, float(tf.make_ndarray(v.tensor_proto))) for v in values]

    board = TensorBoard(images=False)
    run = listening(new_run(run_dir=tmp_path), board)
    board.on_fit_begin(run)
    end_epoch(run, board, loss=0.5)
    run.step = 5
    run.report("health", "input-bound", "input")
    end_epoch(run, board, loss=0.5)
    end_fit(run, board)
    assert flags("data") == [(0, 0), (3, 0), (4, 0), (5, 1), (8, 1)]
    assert {flag for _, flag in flags("stall")} == {0}
    state = board.state_dict()
    board = TensorBoard(images=False)
    run = new_run(run_dir=tmp_path, step=8, epoch=2, resumed_from=tmp_path)
    run = listening(run, board)
    board.on_fit_begin(run)
    board.load_state_dict(state)
    end_epoch(run, board, loss=0.5)
    run.report("recovered", "no longer input-bound", "input")
    end_fit(run, board)
    # Both fits may have begun their files in the same second.
    assert sorted(flags("data"))[4:] == [(8, 1), (11, 1), (11, 1), (12, 0)]


@pytest.mark.feature("first screen")
def test_problem_resolved_within_its_step_stays_visible_after_the_epoch(tmp_path):
    board = TensorBoard(images=False)
    run = listening(new_run(run_dir=tmp_path), board)
    board.on_fit_begin(run)
    run.step = 3
    run.report("health", "input-bound", "input")
    run.report("recovered", "no longer input-bound", "input")
    run.step = 0
    end_epoch(run, board, loss=0.5)  # at step 3
    end_fit(run, board)
    flags = {
        name: each for name, each in read_events(run, "events").items() if "data" in name
    }
    assert scalars(flags)["problems/data"] == {0: 0, 2: 0, 3: 1, 4: 0}


@pytest.mark.feature("first screen")
def test_each_other_worker_has_its_own_flag(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "workers_of", lambda _: SimpleNamespace(count=4))
    board = TensorBoard(images=False)
    run = listening(new_run(run_dir=tmp_path), board)
    board.on_fit_begin(run)
    run.step = 2
    run.report("worker_silent", "worker 2 has sent no heartbeat", "worker_2")
    end_fit(run, board)
    written = read_events(run, "events")
    flags = {name: each for name, each in written.items() if "/worker" in name}
    assert {name: each[2] for name, each in scalars(flags).items()} == {
        "problems/worker_1": 0,
        "problems/worker_2": 1,
        "problems/worker_3": 0,
    }
    assert {name: each[0] for name, each in scalars(flags).items()} == {
        "problems/worker_1": 0,
        "problems/worker_2": 0,
        "problems/worker_3": 0,
    }


def test_scalars_are_flushed_after_each_epoch(tmp_path):
    run, board = new_run(run_dir=tmp_path), TensorBoard()
    end_epoch(run, board, loss=0.75)
    assert scalars(read_events(run, "train"))["loss"] == {3: 0.75}
    with run.background:
        board.on_exception(run, KeyboardInterrupt())


@pytest.mark.feature("images")
def test_data_images_are_written_once_and_unchanged(image_folder, tmp_path):
    data = ImageData.from_folder(image_folder / "train", image_size=32)
    for step, resumed_from in ((0, None), (6, tmp_path / "step-00000006")):
        run = new_run(run_dir=tmp_path, data=data, step=step, resumed_from=resumed_from)
        board = TensorBoard()
        board.on_fit_begin(run)
        end_fit(run, board)
    found = read_events(run, "train")
    assert set(found) == {"samples", "augmented"}
    assert set(found["samples"]) == set(found["augmented"]) == {0}
    samples, _ = data.sample_images()
    np.testing.assert_array_equal(images(found["samples"][0]), samples)
    np.testing.assert_array_equal(images(found["augmented"][0]), data.augmented_images())


@pytest.mark.feature("images")
def test_confusion_matrix_is_drawn_for_each_epoch(tmp_path):
    run, board = new_run(run_dir=tmp_path), TensorBoard(images_every_n_epochs=1)
    for seed in (0, 1):
        run.validation = predictions(7 + seed)
        end_epoch(run, board, val_loss=0.5)
    end_fit(run, board)
    assert set(read_events(run, "validation")) == {"loss", "confusion_matrix"}
    drawn = read_events(run, "validation")["confusion_matrix"]
    assert set(drawn) == {3, 6}
    (first,), (second,) = images(drawn[3]), images(drawn[6])
    assert first.std() > 5
    assert first.shape != second.shape or np.any(first != second)


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [False, True])
def test_validation_images_are_written_every_fifth_epoch_and_at_the_last(tmp_path, stopped):
    run, board = new_run(run_dir=tmp_path, max_epochs=9 if stopped else 7), TensorBoard()
    for epoch in range(1, 8):
        run.validation = predictions(4)
        if stopped and epoch == 7:
            run.request_stop("no better")
        end_epoch(run, board, val_loss=0.5)
    run.background.wait()  # as the last checkpoint does
    assert list(read_events(run, "validation")["confusion_matrix"]) == [15, 21]
    end_fit(run, board)
    assert list(read_events(run, "validation")["confusion_matrix"]) == [15, 21]


def test_images_of_an_unannounced_last_epoch_are_written_at_the_end(tmp_path):
    run, board = new_run(run_dir=tmp_path), TensorBoard()
    run.validation = predictions(4)
    end_epoch(run, board, val_loss=0.5)
    end_fit(run, board)
    assert list(read_events(run, "validation")["confusion_matrix"]) == [3]


@pytest.mark.slow
@pytest.mark.feature("images")
def test_most_confident_mistakes_are_drawn_for_each_epoch(image_folder, tmp_path):
    data = ImageData.from_folder(image_folder / "train", image_size=32)
    split = data.validation
    run, board = new_run(run_dir=tmp_path, data=data), TensorBoard(images_every_n_epochs=1)
    sure = np.full((split.num_examples, 3), 0.01, "float32")
    sure[np.arange(split.num_examples), split.labels] = 0.98
    wrong = sure.copy()
    wrong[2] = [0.4, 0.3, 0.3] if split.labels[2] else [0.3, 0.4, 0.3]
    for rows in (sure, wrong):
        run.validation = Predictions(split.names, rows, split.class_names, split.labels)
        end_epoch(run, board, val_loss=0.5)
    end_fit(run, board)
    drawn = read_events(run, "validation")["mistakes"]
    (none,), (one,) = images(drawn[3]), images(drawn[6])
    colors = {tuple(pixel) for pixel in data.validation_images([2])[0].reshape(-1, 3)}
    assert len(colors & {tuple(pixel) for pixel in one.reshape(-1, 3)}) > 300
    assert len(colors & {tuple(pixel) for pixel in none.reshape(-1, 3)}) < 20


def test_only_scalars_are_written_with_images_disabled(image_folder, tmp_path):
    data = ImageData.from_folder(image_folder / "train", image_size=32)
    run, board = new_run(run_dir=tmp_path, data=data), TensorBoard(images=False)
    assert not board.wants_validation_predictions
    board.on_fit_begin(run)
    run.validation = predictions()
    end_epoch(run, board, loss=0.5, val_loss=0.5)
    end_fit(run, board)
    assert set(read_events(run, "train")) == {"loss", MEMORY}
    assert set(read_events(run, "validation")) == {"loss"}


def test_second_fit_writes_to_its_own_run_directory(tmp_path):
    board = TensorBoard()
    for name in ("first", "second"):
        board.reset()
        run = new_run(run_dir=tmp_path / name)
        end_epoch(run, board, loss=0.5)
        end_fit(run, board)
        assert scalars(read_events(run, "train"))["loss"] == {3: 0.5}


def test_run_resumed_from_an_earlier_checkpoint_shows_no_step_twice(tmp_path):
    run, board = new_run(run_dir=tmp_path), TensorBoard(images=False)
    board.on_fit_begin(run)
    for _ in range(3):
        end_epoch(run, board, loss=0.75, val_loss=0.5, **SPEED)
    again, board = new_run(run_dir=tmp_path, step=3, epoch=1), TensorBoard(images=False)
    again.resumed_from = tmp_path / "step-00000003"
    board.on_fit_begin(again)
    for _ in range(2):
        end_epoch(again, board, loss=0.25, val_loss=0.5, **SPEED)
    end_fit(again, board)
    found = events(tmp_path)
    for tag in ("loss", "gradient_norm", MEMORY, "images_per_second"):
        assert [each[1] for each in found if each[::2] == ("train", tag)] == [3, 6, 9], tag
    losses = [each[3] for each in found if each[::2] == ("train", "loss")]
    assert losses == [0.75, 0.25, 0.25]


def test_nothing_is_written_without_a_run_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run, board = new_run(), TensorBoard()
    board.on_fit_begin(run)
    end_epoch(run, board, loss=0.5)
    end_fit(run, board)
    assert not list(tmp_path.iterdir())


@pytest.mark.feature("continues without")
def test_unwritable_folder_is_reported_once_and_training_continues(
    tmp_path, monkeypatch, capsys
):
    def fail(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("keraunos.callbacks.tensorboard.own_directory", fail)
        run, board = new_run(run_dir=tmp_path), TensorBoard()
        board.on_fit_begin(run)
        end_epoch(run, board, loss=0.75)
        listening(run, board).report("stall", "no step")
        end_epoch(run, board, loss=0.5)
    shown = capsys.readouterr().err
    assert shown.count("Permission denied") == 1
    assert "training continues" in shown
    end_epoch(run, board, loss=0.25)  # it can be written again
    end_fit(run, board)
    assert scalars(read_events(run, "train"))["loss"] == {9: 0.25}


def test_full_disk_that_tensorflow_does_not_report_is_detected(
    tmp_path, monkeypatch, capsys
):
    run, board = new_run(run_dir=tmp_path), TensorBoard()
    board.on_fit_begin(run)
    end_epoch(run, board, loss=0.75)
    with monkeypatch.context() as patch:
        patch.setattr("tensorflow.summary.scalar", lambda *_, **__: None)
        for _ in range(2):
            end_epoch(run, board, loss=0.5)
    assert capsys.readouterr().err.count("no longer grow") == 1
    end_epoch(run, board, loss=0.25)
    end_fit(run, board)
    assert set(scalars(read_events(run, "train"))["loss"]) == {3, 12}


def test_image_write_failure_does_not_end_the_fit(tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr("keraunos.callbacks.tensorboard.write_validation_images", fail)
    run, board = new_run(run_dir=tmp_path), TensorBoard()
    run.validation = predictions(4)
    end_epoch(run, board, val_loss=0.5)
    end_fit(run, board)
    assert "No space left on device" in capsys.readouterr().err
