import io

import pytest
from hand_made_runs import SPEED, FakeEngine, end_epoch, new_run
from keraunos.callbacks import ProgressBar
from keraunos.callbacks.monitor import Monitor
from rich.console import Console

LONG_NAME = "val_sparse_top_k_categorical_accuracy_of_the_second_output"


class Clock:
    """Advances by the given number of seconds."""

    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def log():
    return io.StringIO()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bar(log, clock):
    return ProgressBar(
        seconds_between_lines=60.0, console=Console(file=log, width=40), clock=clock
    )


def pairs(line):
    """Reads a plain line; fails on anything that is not `name=value`."""
    found = dict(word.split("=") for word in line.split())
    epoch, _, epochs = found.pop("epoch").partition("/")
    values = {name: float(value) for name, value in found.items()}
    return {"epoch": int(epoch), "max_epochs": int(epochs), **values}


@pytest.mark.feature("progress")
def test_each_epoch_is_one_line_of_pairs_without_a_terminal(bar, log):
    run = new_run()
    bar.on_epoch_begin(run)
    end_epoch(run, bar, loss=0.123456, **{LONG_NAME: 1e-7}, **SPEED)
    (line,) = log.getvalue().splitlines()
    values = pairs(line)
    assert (values["epoch"], values["max_epochs"], values["step"]) == (1, 9, 3)
    assert values["loss"] == 0.1235
    assert values[LONG_NAME] == 1e-7
    assert values["images_per_second"] == 1234


def test_one_line_per_minute_is_written_within_a_long_epoch(bar, log, clock):
    run = new_run(FakeEngine(lambda: {"loss": 0.5}))
    bar.on_epoch_begin(run)
    for _ in range(12):
        clock.seconds += 25
        run.step, run.epoch_step = run.step + 1, run.epoch_step + 1
        bar.on_train_step_end(run)
    lines = [pairs(line) for line in log.getvalue().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9, 12]
    assert {(line["epoch"], line["loss"]) for line in lines} == {(1, 0.5)}


def test_metrics_are_not_fetched_from_the_device_when_no_line_is_due(bar, clock):
    run = new_run(FakeEngine(lambda: pytest.fail("fetched")))
    bar.on_epoch_begin(run)
    clock.seconds += 59
    bar.on_train_step_end(run)


def test_prints_the_description_at_the_start_and_the_stop_reason_at_the_end(bar, log):
    run = new_run(description=["devices: CPU [batch 32]", "model: " + "x" * 60])
    bar.announce(run.description[:1])
    bar.announce(run.description[1:])
    bar.on_fit_begin(run)
    run.request_stop("max_epochs=9 is reached")
    bar.on_fit_end(run)
    assert log.getvalue().splitlines() == [
        *run.description,
        "training ended after epoch 0: max_epochs=9 is reached",
    ]


def test_epoch_line_includes_values_of_sampled_steps(bar, log):
    run = new_run()
    ratios = {"update_ratio/conv1": 0.001, "update_ratio/head": 0.25}
    run.health.add(2, {"device_seconds": 0.5, "gradient_norm/head": 3.0, **ratios})
    end_epoch(run, bar, loss=0.5, **SPEED)
    values = pairs(log.getvalue())
    assert (values["device_seconds"], values["update_ratio"]) == (0.5, 0.25)
    assert not {"gradient_norm/head", "update_ratio/head", "loss_scale"} & set(values)


def test_progress_bar_never_makes_the_device_wait():
    assert ProgressBar.every_n_steps is None


@pytest.mark.parametrize(
    ("losses", "stop", "is_improving"),
    [
        ((0.9, 0.7, 0.5), "max_epochs=9 is reached", True),
        ((0.9, 0.5, 0.7), "max_epochs=9 is reached", False),
        ((0.9, 0.7, 0.5), "max_time is over", False),
        ((0.9,), "max_epochs=9 is reached", False),
    ],
)
def test_limit_to_raise_is_suggested_if_the_fit_was_still_improving(
    bar, log, losses, stop, is_improving
):
    run = new_run(has_validation=True, monitor=Monitor("val_loss"))
    for loss in losses:
        end_epoch(run, bar, loss=1.0, val_loss=loss)
    run.end(stop)
    bar.on_fit_end(run)
    words = "; val_loss was still improving: trainer.max_epochs=18 trains longer"
    last = log.getvalue().splitlines()[-1]
    assert last.endswith(f"{stop}{words if is_improving else ''}")


def test_falling_training_loss_alone_does_not_suggest_longer_training(bar, log):
    run = new_run(monitor=Monitor("loss"))
    for loss in (0.9, 0.7, 0.5):
        end_epoch(run, bar, loss=loss)
    run.end("max_epochs=9 is reached")
    bar.on_fit_end(run)
    assert log.getvalue().endswith("max_epochs=9 is reached\n")
