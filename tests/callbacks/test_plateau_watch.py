from hand_made_runs import end_epoch, new_run
from heard_events import Heard, listening
from keraunos.callbacks import PlateauWatch


def test_a_plateau_is_reported_once_and_again_after_an_improvement():
    watch, heard = PlateauWatch(patience=2), Heard()
    run = listening(new_run(has_validation=True), watch, heard)
    for loss in (0.5, 0.6, 0.7, 0.8, 0.4, 0.4, 0.4):
        end_epoch(run, watch, val_loss=loss)
    assert heard.kinds == ["plateau", "plateau"]
    assert [each.step for each in heard.events] == [9, 21]
    assert heard.events[0].text == (
        "val_loss has not improved for 2 epochs (best: 0.5 in epoch 1)"
    )
    assert run.stop_reason is None


def test_resumed_run_continues_counting_epochs():
    watch, heard = PlateauWatch(monitor="val_accuracy", patience=2), Heard()
    watch.reset()
    run = listening(new_run(has_validation=True), watch, heard)
    for accuracy in (0.5, 0.5):
        end_epoch(run, watch, val_accuracy=accuracy)
    twin = PlateauWatch(monitor="val_accuracy", patience=2)
    twin.load_state_dict(watch.state_dict())
    end_epoch(run, twin, val_accuracy=0.4)
    assert heard.kinds == ["plateau"]


def test_missing_default_metric_is_ignored():
    watch, heard = PlateauWatch(patience=1), Heard()
    run = listening(new_run(), watch, heard)
    for _ in range(3):
        end_epoch(run, watch, my_loss=1.0)
    assert not heard.events
