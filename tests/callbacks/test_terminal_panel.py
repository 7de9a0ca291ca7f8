import os
import sys
import threading
from types import SimpleNamespace

import pytest
from hand_made_runs import SPEED, FakeEngine, end_epoch, new_run
from keraunos.callbacks import EarlyStopping, ModelCheckpoint, ProgressBar
from keraunos.core.console import PlainConsole
from terminal import Terminal, console_of, readable


class Clock:
    """Advances by a second whenever it is read."""

    seconds = 0.0

    def __call__(self):
        self.seconds += 1.0
        return self.seconds


@pytest.fixture
def terminal():
    return Terminal()


@pytest.fixture
def redirect_streams(terminal, monkeypatch):
    """Lets a test make the terminal standard output and standard error."""

    def patch(*names):
        for name in names:
            monkeypatch.setattr(sys, name, terminal)

    return patch


def bar_on(terminal, width=80):
    return ProgressBar(
        console=console_of(terminal, width), clock=Clock(), refresh_seconds=0.5
    )


def train(bar, run, values=(0.5,), in_epoch=lambda: None):
    """Ends epochs with these losses."""
    for value in values:
        bar.on_epoch_begin(run)
        run.engine.read_metrics = lambda value=value: {"loss": value}
        for _ in range(2):
            run.step, run.epoch_step = run.step + 1, run.epoch_step + 1
            bar.on_train_step_end(run)
        in_epoch()
        bar.on_validation_begin(run)
        run.step -= 2
        end_epoch(run, bar, loss=value, val_loss=value + 1, **SPEED)


@pytest.mark.feature("progress")
def test_panel_shows_the_epoch_the_best_value_and_the_curves(terminal):
    run = new_run(FakeEngine(), has_validation=True)
    run.data = SimpleNamespace(batch_size=8, image_size=32)
    bar = bar_on(terminal)
    train(bar, run, [0.9, 0.25, 0.5])
    shown = readable(terminal.getvalue())
    assert "epoch 1/9" in shown
    assert "images/s" in shown
    assert "validating" in shown
    assert "ETA 0:00:" in shown
    assert "epoch=3/9 step=9 loss=0.5 val_loss=1.5" in shown
    assert "█▁▄" in shown  # the line above was the last to be drawn
    assert "best val_loss 1.25 in epoch 2" in shown
    bar.on_exception(run, KeyboardInterrupt())


@pytest.mark.parametrize("names", [("val_accuracy",), ("val_loss", "val_accuracy")])
def test_best_epoch_uses_the_metric_that_selects_the_model(terminal, tmp_path, names):
    """By that of early stopping only if no checkpoint is selected."""
    run = new_run(FakeEngine(), run_dir=tmp_path)
    EarlyStopping(names[0]).on_fit_begin(run)
    for name in names[1:]:
        ModelCheckpoint(name).on_fit_begin(run)
    bar = bar_on(terminal)
    for accuracy in (0.5, 0.75, 0.6):
        bar.on_epoch_begin(run)
        end_epoch(
            run, bar, loss=0.5, accuracy=0.9, val_loss=1.0, val_accuracy=accuracy, **SPEED
        )
    bar.on_exception(run, KeyboardInterrupt())
    assert "best val_accuracy 0.75 in epoch 2" in readable(terminal.getvalue())


def test_title_names_fold_phase_and_resumed_epoch(terminal, tmp_path):
    run = new_run(run_dir=tmp_path / "fold-3", phases=[{}], epoch=4, epoch_step=2)
    bar = bar_on(terminal)
    bar.on_epoch_begin(run)
    bar.on_exception(run, KeyboardInterrupt())
    assert "fold 3, phase 2, epoch 5/9" in readable(terminal.getvalue())
    assert "2/3" in readable(terminal.getvalue())


def test_printed_text_stays_intact_above_the_panel(terminal, redirect_streams):
    redirect_streams("stdout", "stderr")
    bar = bar_on(terminal)

    def prints():
        print("printed by a user")
        print("a warning", file=sys.stderr)
        print("half a line", end="")

    train(bar, new_run(FakeEngine()), in_epoch=prints)
    bar.on_exception(new_run(), KeyboardInterrupt())
    written = readable(terminal.getvalue()).splitlines()
    for line in ("printed by a user", "a warning", "half a line"):
        assert line in (each.strip() for each in written)
    assert sys.stdout is terminal
    assert sys.stderr is terminal


def test_output_redirected_to_a_file_still_reaches_it(terminal, redirect_streams, capsys):
    redirect_streams("stderr")
    bar = bar_on(terminal)
    train(bar, new_run(FakeEngine()), in_epoch=lambda: print("a result"))
    bar.on_exception(new_run(), KeyboardInterrupt())
    assert capsys.readouterr().out == "a result\n"
    assert "a result" not in terminal.getvalue()


def test_panel_starts_no_thread_and_keeps_the_cursor_visible(terminal):
    before = threading.active_count()
    bar = bar_on(terminal)
    train(bar, new_run(FakeEngine()))
    assert threading.active_count() == before
    hidden, shown = (
        terminal.getvalue().rfind("\x1b[?25l"),
        terminal.getvalue().find("\x1b[?25h"),
    )
    assert hidden < shown
    bar.on_exception(new_run(), KeyboardInterrupt())


def test_panel_is_erased_on_an_error_and_kept_at_the_end(terminal):
    run = new_run(FakeEngine())
    bar = bar_on(terminal)
    train(bar, run)
    bar.on_exception(run, KeyboardInterrupt())
    erased = terminal.getvalue()
    assert erased.endswith("\x1b[2K")
    train(bar, run)
    run.request_stop("enough")
    bar.on_fit_end(run)
    *_, remark, ending = readable(terminal.getvalue()).splitlines()
    assert "learning rate" in remark
    assert ending == "training ended after epoch 2: enough"


def test_closed_terminal_does_not_end_training():
    other_end, terminal = os.openpty()
    with os.fdopen(terminal, "w") as file:
        bar = ProgressBar(console=PlainConsole(file=file), clock=Clock())
        run = new_run(FakeEngine())
        train(bar, run)
        os.close(other_end)
        train(bar, run)
        bar.on_fit_end(run)


@pytest.mark.parametrize("variable", [{"TERM": "dumb"}, {"FORCE_COLOR": "1"}])
def test_dumb_terminals_and_colored_logs_get_plain_lines(variable, monkeypatch):
    file = Terminal()
    if "FORCE_COLOR" in variable:
        monkeypatch.setattr(file, "isatty", lambda: False)
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    train(ProgressBar(console=PlainConsole(file=file)), new_run(FakeEngine()))
    (line,) = file.getvalue().splitlines()
    assert line.startswith("epoch=1/9 ")


def test_no_color_variable_disables_colors(monkeypatch):
    file = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    bar = bar_on(file)
    train(bar, new_run(FakeEngine()), [0.5, 0.25])
    bar.on_exception(new_run(), KeyboardInterrupt())
    styles = {
        part.split("m")[0] for part in file.getvalue().split("\x1b[")[1:] if "m" in part
    }
    assert not {each for each in styles if each.startswith("3")}
