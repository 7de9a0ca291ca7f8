import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from hparams_messages import message_of, read_events, session_values
from keraunos.search.tuning.hparams import write_experiment, write_session
from tensorboard.plugins.hparams import api_pb2, metadata


@pytest.fixture
def space():
    made = keras_tuner.HyperParameters()
    made.Float("rate", 0.1, 0.5)
    made.Int("units", 2, 9)
    made.Choice("activation", ["tanh", "relu"])
    made.Boolean("deep")
    return made


def test_experiment_lists_the_varying_settings_and_the_score(tmp_path, space):
    write_experiment(tmp_path, space, "val_accuracy")
    experiment = message_of(tmp_path, metadata.EXPERIMENT_TAG)
    infos = {info.name: info for info in experiment.hparam_infos}
    assert set(infos) == {"rate", "units", "activation", "deep"}
    interval = infos["rate"].domain_interval
    assert (interval.min_value, interval.max_value) == (0.1, 0.5)
    assert list(infos["activation"].domain_discrete) == ["relu", "tanh"]
    assert [each.name.tag for each in experiment.metric_infos] == ["val_accuracy"]


@pytest.mark.feature("hparams")
def test_session_contains_values_and_score_of_a_trial(tmp_path, space):
    write_session(tmp_path, "trial-003", space.values, ("val_accuracy", 0.75, 2))
    start = message_of(tmp_path, metadata.SESSION_START_INFO_TAG)
    assert session_values(tmp_path) == {
        "rate": 0.1,
        "units": 2.0,
        "activation": "tanh",
        "deep": False,
    }
    assert start.group_name == "trial-003"
    (score,) = read_events(tmp_path).Tensors("val_accuracy")
    assert (score.step, float(tf.make_ndarray(score.tensor_proto))) == (2, 0.75)
    end = message_of(tmp_path, metadata.SESSION_END_INFO_TAG)
    assert end.status == api_pb2.STATUS_SUCCESS


def test_failed_trial_is_shown_as_failed_without_a_score(tmp_path, space):
    write_session(tmp_path, "trial-000", space.values, None)
    end = message_of(tmp_path, metadata.SESSION_END_INFO_TAG)
    assert end.status == api_pb2.STATUS_FAILURE
    assert "val_accuracy" not in read_events(tmp_path).Tags()["tensors"]


def test_rewriting_leaves_one_session_file_and_the_files_of_the_run(tmp_path, space):
    of_the_run = tmp_path / "tensorboard" / "train" / "events.out.tfevents.1"
    of_the_run.parent.mkdir(parents=True)
    of_the_run.touch()
    for _ in range(2):
        write_session(tmp_path, "trial-000", space.values, ("val_loss", 0.5, 1))
    assert len(list((tmp_path / "tensorboard").glob("events*"))) == 1
    assert of_the_run.exists()


def test_score_over_folds_is_shown_with_its_standard_error(tmp_path, space):
    write_experiment(tmp_path, space, "val_accuracy", has_errors=True)
    experiment = message_of(tmp_path, metadata.EXPERIMENT_TAG)
    names = [each.name.tag for each in experiment.metric_infos]
    assert names == ["val_accuracy", "standard_error"]
    trial = tmp_path / "trial-000"
    write_session(trial, "trial-000", space.values, ("val_accuracy", 0.75, 2), 0.05)
    (error,) = read_events(trial).Tensors("standard_error")
    assert float(tf.make_ndarray(error.tensor_proto)) == pytest.approx(0.05)


def test_search_figure_is_written_to_the_search_folder(tmp_path, space):
    image = np.zeros((4, 6, 3), np.uint8)
    write_experiment(tmp_path, space, "val_accuracy", image=image)
    (shown,) = read_events(tmp_path).Tensors("search")
    assert list(shown.tensor_proto.string_val[:2]) == [b"6", b"4"]
