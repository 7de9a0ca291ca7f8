import json

import pytest
import tensorflow as tf
from hand_made_runs import end_fit, new_run
from heard_events import listening
from keraunos.callbacks import Callback, EventLog, JsonLog, TensorBoard
from keraunos.callbacks import event_log as module
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def lines(path):
    return [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()]


def run_with_listeners(run_dir, *callbacks, **values):
    return listening(new_run(run_dir=run_dir, **values), *callbacks)


def shown_text(run, part):
    """The texts in the event files of one part: tag -> step -> text."""
    folder = run.run_dir / "tensorboard" / part
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return {
        each.step: tf.make_ndarray(each.tensor_proto).item().decode()
        for each in found.Tensors("events")
    }


@pytest.mark.feature("events")
def test_each_event_is_one_line_and_resumed_runs_append(tmp_path):
    run = run_with_listeners(tmp_path, EventLog())
    run.step = 9
    run.report("checkpoint", "step-00000009 written in 0.1 s, 3.0 MB")
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"kind": "torn')
    again = run_with_listeners(tmp_path, EventLog(), resumed_from=tmp_path, step=3)
    again.report("resumed", "from step-00000003")
    *whole, _ = first, torn, second = (tmp_path / "events.jsonl").read_text().splitlines()
    assert torn == '{"kind": "torn'
    found = [json.loads(first), json.loads(second)]
    assert [(each["kind"], each["step"]) for each in found] == [
        ("checkpoint", 9),
        ("resumed", 3),
    ]
    assert found[0]["time"] > 1e9
    assert whole


def test_write_failure_is_reported_once(tmp_path, monkeypatch, capsys):
    def fail(path):
        raise OSError(28, "No space left on device", str(path))

    run = run_with_listeners(tmp_path, EventLog())
    monkeypatch.setattr(module, "open_to_append", fail)
    run.report("resumed", "one")
    run.report("checkpoint", "two")
    shown = capsys.readouterr().err
    assert shown.count("No space left on device") == 1
    assert "training continues" in shown


def test_failing_listener_is_reported_once_and_others_still_get_events(tmp_path, capsys):
    class Broken(Callback):
        def on_event(self, run, event):
            raise RuntimeError("no more")

    run = run_with_listeners(tmp_path, Broken(), EventLog())
    run.report("resumed", "one")
    run.report("end", "two")
    assert [each["text"] for each in lines(tmp_path)] == ["one", "two"]
    assert capsys.readouterr().err.count("no more") == 1


@pytest.mark.feature("events")
def test_tensorboard_lists_all_events_and_keeps_them_after_resuming(tmp_path):
    board = TensorBoard(images=False)
    run = run_with_listeners(tmp_path, board)
    board.on_fit_begin(run)
    run.step = 6
    run.report("plateau", "val_loss | no better")
    end_fit(run, board)
    board = TensorBoard(images=False)
    again = run_with_listeners(tmp_path, board, resumed_from=tmp_path, step=3)
    board.on_fit_begin(again)
    again.report("resumed", "from step-00000003")
    again.report("checkpoint", "step-00000004 written")
    again.report("stall", "no step")
    again.report("checkpoint", "step-00000005 written")
    end_fit(again, board)
    found = shown_text(again, "events")
    assert "val\\_loss \\| no better" in found[6]
    assert found[3].index("no step") < found[3].index("from step-00000003")
    assert "step-00000005" in found[3]
    assert "step-00000004" not in found[3]


def test_json_log_contains_events(tmp_path, capsys):
    run_with_listeners(tmp_path, JsonLog()).report("stall", "no step")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["kind"] == "stall"
    assert json.loads(line)["event"] == "report"
