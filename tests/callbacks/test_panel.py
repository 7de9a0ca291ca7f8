import io

import pytest
from keraunos.callbacks.panel import MetricRow, Panel
from rich.cells import cell_len
from terminal import Terminal, console_of, readable

FALLS, RISES = [4.0, 2.0, 1.0, 0.5], [0.5, 0.6, 0.7, 0.8]
PANEL = Panel(
    title="fold 2, epoch 5/30",
    done=30,
    total=65,
    activity="412 images/s",
    time_left="ETA 0:12:30",
    metrics=[
        MetricRow("loss", 0.4123, FALLS, 0.5211, FALLS),
        MetricRow("balanced_accuracy", None, (), 0.8, RISES),
        *(MetricRow(f"metric_{n}", float(n)) for n in range(9)),
    ],
    remark="best val_loss 0.5 in epoch 4, learning rate 0.001",
)


def lines(panel, width, height=24, file=None):
    """What a terminal of this size shows."""
    terminal = file or Terminal()
    console_of(terminal, width, height).print(panel)
    return readable(terminal.getvalue()).splitlines()


@pytest.mark.parametrize("width", [40, 60, 71, 72, 80, 120, 200])
@pytest.mark.parametrize("height", [2, 5, 10, 24])
def test_panel_fits_any_terminal_size(width, height):
    shown = lines(PANEL, width, height)
    assert len(shown) < max(height, 3)
    assert max(map(cell_len, shown)) <= width
    assert "fold 2, epoch 5/30" in shown[0]
    assert "30/65" in shown[0]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_essential_values_are_shown_at_any_width(width):
    text = "\n".join(lines(PANEL, width))
    for part in ("412 images/s", "ETA 0:12:30", "0.4123", "0.5211", "best val_loss 0.5"):
        assert part in text
    assert "━" in text
    assert text.count("█▄▂▁") == (1 if width == 40 else 2)
    assert "▁▃▆█" in text
    assert "metric_3" in text
    assert "metric_4" not in text


def test_metrics_are_omitted_on_a_short_terminal():
    text = "\n".join(lines(PANEL, width=80, height=6))
    assert "balanced_accuracy" in text
    assert "metric_0" not in text
    assert "best val_loss" in text


def test_no_progress_bar_when_the_number_of_steps_is_unknown():
    text = "\n".join(lines(Panel("epoch 1/3", done=7, activity="2.5 steps/s"), width=80))
    assert "7/?" in text
    assert "━" not in text


def test_non_finite_values_and_hostile_names_are_shown_safely():
    nan = float("nan")
    row = MetricRow("a[red]b\n\x1b[2J", nan, [nan, nan], float("inf"), [1.0])
    text = "\n".join(lines(Panel("epoch 1/1", 0, 1, metrics=[row]), width=80))
    assert r"a[red]b\n\x1b[2J" in text
    assert "nan" in text
    assert "inf" in text


def test_terminal_without_unicode_shows_no_curves():
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    console_of(file, 80).print(PANEL)
    text = readable(file.buffer.getvalue().decode("ascii"))
    assert "0.4123" in text
    assert "\\u" not in text
