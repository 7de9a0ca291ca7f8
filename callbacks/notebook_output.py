"""Shows the progress of training in a notebook."""

import importlib
from collections.abc import Mapping
from typing import Any

from ..core.names import printable, visible
from .run_state import RunState

BAR_WIDTH = 24


class NotebookOutput:
    """Permanent lines below a notebook cell, and one line that changes during training.

    All lines are one output, which IPython can replace.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._handle: Any = None

    def write(self, line: str) -> None:
        """Replaces the changing line with a permanent one."""
        self._lines.append(visible(line))
        self._show(self._lines)

    def update(self, run: RunState, values: Mapping[str, float]) -> None:
        """Updates the changing line."""
        steps = run.steps_per_epoch
        done = round(BAR_WIDTH * run.epoch_step / steps) if steps else 0
        bar = f"[{'=' * done}{' ' * (BAR_WIDTH - done)}] " if steps else ""
        epoch = f"epoch {run.epoch + 1}/{run.max_epochs}"
        line = f"{epoch} {bar}{run.epoch_step}/{steps or '?'} {as_pairs(values)}"
        self._show([*self._lines, line])

    def close(self) -> None:
        """Removes the changing line."""
        self._show(self._lines)

    def _show(self, lines: list[str]) -> None:
        # Imported dynamically: IPython is only required in notebooks.
        display: Any = importlib.import_module("IPython.display").display

        content = {"text/plain": "\n".join(lines)}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def as_pairs(values: Mapping[str, float]) -> str:
    """Formats values as `name=value` with four digits, separated by spaces.

    Example:
        >>> as_pairs({"loss": 0.123456, "accuracy": 0.5})
        'loss=0.1235 accuracy=0.5'
    """
    return " ".join(f"{printable(name)}={value:.4g}" for name, value in values.items())
