from types import SimpleNamespace

import pytest
import tensorflow as tf
from keraunos.callbacks.monitor import Monitor
from keraunos.search.insight import running
from keraunos.search.insight.board import show_trial
from keraunos.search.insight.running import show_scores
from keraunos.search.study import Trial
from keraunos.search.tuning import hparams
from keraunos.search.tuning.space import hyperparameters
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2, metadata


def study(*trials, mode="max"):
    made = {
        number: Trial(number, hyperparameters({}), status, score=score, reason=reason)
        for number, status, score, reason in trials
    }
    oracle = SimpleNamespace(hyperparameters=hyperparameters({}))
    return SimpleNamespace(trials=made, objective=Monitor("val_score", mode), oracle=oracle)


def read_scalars(directory):
    found = EventAccumulator(str(directory / "tensorboard" / "scores"))
    found.Reload()
    return {
        tag: {e.step: tf.make_ndarray(e.tensor_proto).item() for e in found.Tensors(tag)}
        for tag in found.Tags()["tensors"]
        if tag != metadata.CONFIG_SUMMARY_TAG
    }


@pytest.mark.feature("running scores")
def test_scores_and_best_so_far_are_indexed_by_trial_in_any_finishing_order(tmp_path):
    first = (0, "completed", 0.5, ""), (2, "completed", 0.25, "")
    show_scores(tmp_path, study(*first, (1, "running", None, "")))
    assert read_scalars(tmp_path)["trial_score/val_score"] == {0: 0.5, 2: 0.25}
    failed = (3, "failed", None, "OSError: a|b")
    show_scores(tmp_path, study(*first, (1, "completed", 0.75, ""), failed))
    found = read_scalars(tmp_path)
    assert found["trial_score/val_score"] == {0: 0.5, 1: 0.75, 2: 0.25}
    assert found["best_so_far"] == {0: 0.5, 1: 0.75, 2: 0.75}
    (text,) = found["events"].values()
    assert "| trial-003 | OSError: a\\|b |" in text.decode()
    assert "trial-000" not in text.decode()


def test_custom_scalars_page_starts_with_scores_and_keeps_problem_flags(tmp_path):
    show_scores(tmp_path, study((0, "completed", 0.5, "")))
    found = EventAccumulator(str(tmp_path / "tensorboard" / "scores")).Reload()
    (layout,) = found.Tensors(metadata.CONFIG_SUMMARY_TAG)
    content = layout_pb2.Layout.FromString(tf.make_ndarray(layout.tensor_proto).item())
    (first, second), flags, *_ = [each.chart for each in content.category]
    assert list(first.multiline.tag) == ["^trial_score/val_score$"]
    assert list(second.multiline.tag) == ["^best_so_far$"]
    assert "^problems/data$" in [tag for chart in flags for tag in chart.multiline.tag]


def test_unwritable_folders_are_reported_once_and_do_not_stop_a_search(
    tmp_path, monkeypatch, capsys
):
    def fail(path):
        raise OSError(30, "Read-only file system", str(path))

    made = study((0, "completed", 0.5, ""), (1, "completed", 0.25, ""))
    with monkeypatch.context() as patched:
        for module in (running, hparams):
            patched.setattr(module, "own_directory", fail)
        for number in (0, 1):
            show_trial(tmp_path, made, made.trials[number])
    said = capsys.readouterr().err
    for what in (f"in {tmp_path}", "of trial-000", "of trial-001"):
        assert said.count(f"the TensorBoard files {what} can't be written") == 1
    show_trial(tmp_path, made, made.trials[1])  # there is space again
    assert read_scalars(tmp_path)["trial_score/val_score"] == {0: 0.5, 1: 0.25}
