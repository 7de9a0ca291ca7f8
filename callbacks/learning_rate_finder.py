"""Finds a learning rate before training."""

from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from .. import evaluation
from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import LearningRateFinderOptions
from ..configs.training_callbacks import LearningRateFinderConfig
from ..core.errors import ConfigError, message
from ..core.run_layout import LEARNING_RATE_IMAGE
from .base import Callback
from .run_state import RunState

SMOOTHING = 0.9
# Rates above one whose loss is this multiple of the minimum are ignored.
DIVERGENCE_FACTOR = 4.0


class LearningRateFinder(Callback):
    """Tries increasing learning rates for some steps and trains with a suitable one.

    Selects the rate at which the smoothed loss falls fastest. The trial steps are undone; a
    resumed run keeps the result. The curve is drawn into `learning_rate.png` in the run
    directory.

    Args:
        **options: Same as `callbacks.learning_rate_finder` in a configuration: `smallest`
            and `largest` learning rate, and `num_steps`, the number of rates in the
            geometric range. See `docs/settings.md`.

    Attributes:
        suggestion: The selected learning rate, or None.
        learning_rates: The rates that were tried.
        losses: The loss of the step with each rate.

    Raises:
        ConfigError: The optimizer has a schedule, or the loss never falls.

    Example:
        >>> finder = LearningRateFinder(largest=0.1, num_steps=50)
    """

    @takes_settings(CALLBACK_ARGUMENTS["learning_rate_finder"])
    def __init__(self, **options: Unpack[LearningRateFinderOptions]) -> None:
        section = "callbacks.learning_rate_finder"
        config = validated(LearningRateFinderConfig, section, **options)
        self.smallest, self.largest = config.smallest, config.largest
        self.num_steps = config.num_steps
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self.suggestion: float | None = None
        self.learning_rates: list[float] = []
        self.losses: list[float] = []

    def on_fit_begin(self, run: RunState) -> None:
        """Tries learning rates, draws the curve and sets the selected rate."""
        if run.resumed_from is not None:
            return
        if not run.has_fixed_learning_rate:
            raise ConfigError(
                message(
                    "The learning rate finder needs an optimizer without a schedule.",
                    "Leave out one of the two.",
                    optimizer=type(run.model.optimizer).__name__,
                )
            )
        rates = np.geomspace(self.smallest, self.largest, self.num_steps)
        self.losses = run.try_learning_rates([float(rate) for rate in rates])
        self.learning_rates = [float(rate) for rate in rates[: len(self.losses)]]
        self.suggestion = steepest(self.learning_rates, self.losses)
        run.model.optimizer.learning_rate = self.suggestion
        if run.run_dir is not None:
            self.draw(run.run_dir / LEARNING_RATE_IMAGE)

    def draw(self, path: Path) -> None:
        """Draws the losses, the smoothed losses and the suggestion."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axis = figure.subplots()
        axis.plot(self.learning_rates, self.losses, alpha=0.4, label="loss")
        axis.plot(self.learning_rates, smooth(self.losses), label="smoothed")
        if self.suggestion is not None:
            label = f"suggestion: {self.suggestion:.2g}"
            axis.axvline(self.suggestion, color="black", ls="--", label=label)
        axis.set_xscale("log")
        axis.set_xlabel("learning rate")
        axis.set_ylabel("loss of a step")
        axis.legend()
        evaluation.save_figure(figure, path)

    def state_dict(self) -> dict[str, Any]:
        """Returns the rates that were tried, their losses, and the selected rate."""
        return {
            "suggestion": self.suggestion,
            "learning_rates": self.learning_rates,
            "losses": self.losses,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the result."""
        self.suggestion = state["suggestion"]
        self.learning_rates = list(state["learning_rates"])
        self.losses = list(state["losses"])


def smooth(losses: list[float]) -> npt.NDArray[np.floating[Any]]:
    """Returns the exponential moving average of losses, with bias correction.

    Example:
        >>> smooth([2.0, 2.0, 2.0])
        array([2., 2., 2.])
    """
    average, smoothed = 0.0, []
    for number, loss in enumerate(losses, start=1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed.append(average / (1 - SMOOTHING**number))
    return np.array(smoothed)


def steepest(learning_rates: list[float], losses: list[float]) -> float:
    """Returns the learning rate at which the smoothed loss falls fastest.

    Raises:
        ConfigError: The loss never falls, or there are too few losses.
    """
    smoothed = smooth(losses)
    limit = DIVERGENCE_FACTOR * np.minimum.accumulate(smoothed)
    bad = np.flatnonzero(smoothed > limit)
    end = int(bad[0]) if len(bad) else len(smoothed)
    slopes = np.gradient(smoothed[:end]) if end > 2 else np.zeros(1)
    if not slopes.min() < 0:
        raise ConfigError(
            message(
                "The loss must fall at some learning rate.",
                "Try a smaller `smallest` or a larger `num_steps`.",
                steps=len(losses),
                losses=[round(loss, 4) for loss in losses[:3]],
            )
        )
    return learning_rates[int(slopes.argmin())]
